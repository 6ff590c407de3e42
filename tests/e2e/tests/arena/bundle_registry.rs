//! `arena bundle push`, `pull` and `inspect`, against a real registry.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use anyhow::Result;
use arena_e2e::{Ran, Signal, World};
use arena_harness::{Need, Port, Registry, RegistryOptions, runs_here};
use arena_model::Digest;
use serde_json::{Value, json};

use crate::bundle::{bundled, inspected, value};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A registry, and a world to use it from; none where no registry can run.
pub async fn stand(test: &str, options: RegistryOptions) -> Result<Option<(Registry, World)>> {
    if !runs_here(&format!("arena bundle: {test}"), &[Need::Registry])? {
        return Ok(None);
    }
    Ok(Some((Registry::start_with(options).await?, bundled()?)))
}

/// A bundle command with plain HTTP.
pub fn bundle(world: &World, arguments: &[&str]) -> Result<Ran> {
    world.arena(&[&["bundle"][..], arguments, &["--insecure"]].concat())
}

/// Names of what a pull would leave behind.
fn leftovers(world: &World) -> Vec<String> {
    let names = fs::read_dir(world.path(".")).unwrap().map(|entry| entry.unwrap().file_name());
    names.map(|name| name.to_string_lossy().into_owned()).filter(|name| name.starts_with(".arena-pull")).collect()
}

/// One exchange with a registry: head and body of the answer.
fn ask(registry: &Registry, line: &str, headers: &str, body: &str) -> Result<(String, String)> {
    let (address, length) = (registry.address(), body.len());
    let mut stream = TcpStream::connect(&address)?;
    let head = format!("{line} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}content-length: {length}");
    stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 2"), "{line}: {head}\n{body}");
    Ok((head.to_owned(), body.to_owned()))
}

/// Puts an artifact with this manifest and config under a tag, past the program.
fn plant(registry: &Registry, tag: &str, mut manifest: Value, config: &str) -> Result<()> {
    let digest = Digest::of(config.as_bytes());
    let (head, _) = ask(registry, "POST /v2/team/e2e/blobs/uploads/", "", "")?;
    let location = head.lines().find_map(|line| line.strip_prefix("Location: ")).unwrap();
    let at = location.strip_prefix(&registry.url()).unwrap_or(location);
    ask(registry, &format!("PUT {at}&digest={digest}"), "content-type: application/octet-stream\r\n", config)?;
    manifest["config"]["digest"] = json!(digest);
    manifest["config"]["size"] = json!(config.len());
    let put = format!("PUT /v2/team/e2e/manifests/{tag}");
    ask(registry, &put, &format!("content-type: {MANIFEST}\r\n"), &manifest.to_string())?;
    Ok(())
}

#[tokio::test]
async fn what_is_pushed_comes_back_the_same() -> Result<()> {
    let Some((registry, world)) = stand("push and pull", RegistryOptions::default()).await? else { return Ok(()) };
    let url = format!("oci://{}/team/e2e:v1", registry.address());
    let pushed = bundle(&world, &["push", "bundle", &url])?.code(0)?.out;
    assert_eq!(bundle(&world, &["push", "bundle", &url])?.code(0)?.out, pushed, "the same bundle, the same artifact");
    let artifact = value(&pushed, "artifact");
    let digest = artifact.strip_prefix(&format!("{url}@")).unwrap();
    let by_digest = format!("oci://{}/team/e2e@{digest}", registry.address());
    let local = inspected(&world, &["bundle"])?;
    for (url, folder) in [(url.as_str(), "tag"), (artifact, "both"), (by_digest.as_str(), "digest")] {
        let pulled = bundle(&world, &["pull", url, "-o", folder])?.code(0)?.out;
        assert_eq!(value(&pulled, "bundle"), value(&pushed, "bundle"));
        assert_eq!(value(&pulled, "entry"), format!("{folder}/config.arena.yaml"));
        assert_eq!(inspected(&world, &[folder])?, local, "names, sizes and digests of all files");
    }
    for file in local["files"].as_array().unwrap() {
        let path = file["path"].as_str().unwrap();
        assert_eq!(fs::read(world.path("tag").join(path))?, fs::read(world.path("bundle").join(path))?, "{path}");
    }
    assert!(!world.path("tag/.key").exists());
    assert_eq!(leftovers(&world), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn inspect_of_an_artifact_takes_no_layer() -> Result<()> {
    let Some((registry, world)) = stand("inspect", RegistryOptions::default()).await? else { return Ok(()) };
    let url = format!("oci://{}/team/e2e:v1", registry.address());
    let pushed = bundle(&world, &["push", "bundle", &url])?.code(0)?.out;
    let found = inspected(&world, &[&url, "--insecure"])?;
    let (local, layers) = (inspected(&world, &["bundle"])?, &found["layers"]);
    assert_eq!((&found["name"], &found["bundleDigest"]), (&local["name"], &local["bundleDigest"]));
    assert_eq!(found["artifact"], value(&pushed, "artifact"));
    assert_eq!(
        (&layers[0]["role"], &layers[0]["mediaType"]),
        (&json!("pack"), &json!("application/vnd.arena.pack.v1.tar"))
    );
    let component = &local["files"][1];
    let expected = json!({
        "role": "component", "mediaType": "application/wasm", "path": component["path"],
        "digest": component["digest"], "size": component["size"],
    });
    assert_eq!(layers[1], expected);
    let log = fs::read_to_string(registry.log())?;
    assert!(log.contains("GET /v2/team/e2e/blobs/"), "the config is one: {log}");
    let asked = |digest: &Value| log.contains(&format!("GET /v2/team/e2e/blobs/{}", digest.as_str().unwrap()));
    assert!(!asked(&layers[0]["digest"]) && !asked(&layers[1]["digest"]), "{log}");
    let text = bundle(&world, &["inspect", &url])?.code(0)?.says(" application/wasm ")?.out;
    assert_eq!(value(&text, "artifact"), value(&pushed, "artifact"));
    Ok(())
}

#[tokio::test]
async fn every_trouble_has_its_reason_and_leaves_nothing() -> Result<()> {
    let Some((registry, mut world)) = stand("troubles", RegistryOptions::default()).await? else { return Ok(()) };
    let url = |rest: &str| format!("oci://{}/{rest}", registry.address());
    bundle(&world, &["push", "bundle", &url("team/e2e:v1")])?.code(0)?;
    let closed = Port::reserve(Ipv4Addr::LOCALHOST.into())?;
    let away = format!("oci://127.0.0.1:{}/team/e2e:v1", closed.number());
    let absent = url(&format!("team/e2e@sha256:{}", "0".repeat(64)));
    for (url, reason) in [
        (url("team/e2e:v2"), "RefNotFound"),
        (url("other/e2e:v1"), "RefNotFound"),
        (absent.clone(), "RefNotFound"),
        (away.clone(), "RemoteUnreachable"),
        ("oci://library/e2e:v1".to_owned(), "SourceUrlInvalid"),
        ("https://127.0.0.1/e2e:v1".to_owned(), "SourceUrlInvalid"),
    ] {
        let reason = format!("error[{reason}]");
        bundle(&world, &["pull", &url, "-o", "new"])?.code(2)?.says(&reason)?;
        if url.starts_with("oci:") {
            bundle(&world, &["inspect", &url])?.code(2)?.says(&reason)?;
        }
    }
    bundle(&world, &["push", "bundle", &away])?.code(2)?.says("error[RemoteUnreachable]")?;
    bundle(&world, &["push", "bundle", &absent])?.code(2)?.says("error[SourceUrlInvalid]")?;
    let good = url("team/e2e:v1");
    bundle(&world, &["pull", &good, "-o", "bundle"])?.code(2)?.says("error[FolderExists]")?;
    bundle(&world, &["pull", &good, "-o", "no/new"])?.code(2)?.says("error[FolderMissing]")?;
    bundle(&world, &["pull", &good, "-o", "new", "--timeout", "0s"])?.code(2)?.says("error[FetchTimeout]")?;
    world
        .arena(&["bundle", "pull", &good, "-o", "new"])?
        .code(2)?
        .says("error[RemoteUnreachable]")?
        .says("--insecure")?;
    world.bundle.scenario("t", json!({"oops": 1}));
    bundle(&world, &["push", "bundle", &good])?.code(2)?.says("error[UnknownKey]")?;
    assert!(!world.path("new").exists());
    assert_eq!(leftovers(&world), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn artifacts_that_are_no_bundle_or_lie_are_refused() -> Result<()> {
    let Some((registry, world)) = stand("artifacts", RegistryOptions::default()).await? else { return Ok(()) };
    let url = |tag: &str| format!("oci://{}/team/e2e:{tag}", registry.address());
    let pushed = bundle(&world, &["push", "bundle", &url("v1")])?.code(0)?.out;
    let (_, text) = ask(&registry, "GET /v2/team/e2e/manifests/v1", &format!("accept: {MANIFEST}\r\n"), "")?;
    let manifest: Value = serde_json::from_str(&text)?;
    let at = format!("GET /v2/team/e2e/blobs/{}", manifest["config"]["digest"].as_str().unwrap());
    let (_, config) = ask(&registry, &at, "", "")?;
    let image = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json"},
        "layers": [],
    });
    plant(&registry, "image", image, "{}")?;
    let other = Digest::of(b"other").to_string();
    plant(&registry, "lie", manifest.clone(), &config.replace(value(&pushed, "bundle"), &other))?;
    plant(&registry, "away", manifest, &config.replace("config.arena.yaml", "/etc/passwd"))?;
    for (tag, reason) in [("image", "ArtifactTypeUnknown"), ("lie", "ArtifactInvalid"), ("away", "ArtifactInvalid")] {
        bundle(&world, &["pull", &url(tag), "-o", "new"])?.code(2)?.says(&format!("error[{reason}]"))?;
        assert!(!world.path("new").exists(), "{tag}");
    }
    assert_eq!(leftovers(&world), [""; 0]);
    Ok(())
}

#[test]
fn a_stopped_pull_leaves_nothing_behind() -> Result<()> {
    let (silent, world) = (TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?, bundled()?);
    let url = format!("oci://{}/team/e2e:v1", silent.local_addr()?);
    let pull = world.start(&["bundle", "pull", &url, "-o", "new", "--insecure"])?;
    let (mut connection, _) = silent.accept()?;
    pull.signal(Signal::INT)?;
    assert_eq!(pull.end()?.code, 130);
    // The child that asks is killed, which ends what it says.
    connection.read_to_end(&mut Vec::new())?;
    assert!(!world.path("new").exists());
    assert_eq!(leftovers(&world), [""; 0]);
    Ok(())
}
