//! `arena bundle pack`, and `inspect` of what lies here.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use anyhow::Result;
use arena_e2e::{World, component};
use serde_json::{Value, json};

/// A bundle with a component, two cases and a file that nobody should take along.
pub fn bundled() -> Result<World> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?.evaluator("mine", &component("json")?, json!({}))?;
    world.bundle.file(".key", "sk-hidden")?.checks("s", json!([{"type": "is_valid_json"}]));
    world.bundle.spec["scenario_specs"]["s"]["trials"] = json!(2);
    world.bundle.write()?;
    Ok(world)
}

/// The value after a word at the start of a line.
pub fn value<'a>(out: &'a str, word: &str) -> &'a str {
    let mut lines = out.lines().filter_map(|line| line.strip_prefix(word)?.strip_prefix(' '));
    lines.next().map_or_else(|| panic!("no `{word}` in\n{out}"), str::trim)
}

/// What `inspect` says of a bundle, as JSON.
pub fn inspected(world: &World, arguments: &[&str]) -> Result<Value> {
    let all = [&["bundle", "inspect", "--format", "json"][..], arguments].concat();
    Ok(serde_json::from_str(&world.arena(&all)?.code(0)?.out)?)
}

#[test]
fn packing_twice_gives_the_same_bytes_and_the_digest_of_the_folder() -> Result<()> {
    let world = bundled()?;
    fs::create_dir(world.path("copy"))?;
    for file in ["mock-m.yaml", "mine.wasm", "config.arena.yaml"] {
        fs::copy(world.path("bundle").join(file), world.path("copy").join(file))?;
    }
    let first = world.arena(&["bundle", "pack", "bundle", "-o", "a.tar"])?.code(0)?.out;
    let second = world.arena(&["bundle", "pack", "copy/config.arena.yaml", "-o", "b.tar"])?.code(0)?.out;
    assert_eq!(fs::read(world.path("a.tar"))?, fs::read(world.path("b.tar"))?);
    assert_eq!(value(&first, "bundle"), value(&second, "bundle"));
    assert_eq!(value(&first, "bytes"), fs::metadata(world.path("a.tar"))?.len().to_string());
    let (folder, archive) = (inspected(&world, &["bundle"])?, inspected(&world, &["a.tar"])?);
    assert_eq!(folder, archive);
    assert_eq!(folder["bundleDigest"], value(&first, "bundle"));
    assert_eq!(value(&first, "files"), "3");
    Ok(())
}

#[test]
fn inspect_says_what_a_bundle_holds() -> Result<()> {
    let world = bundled()?;
    let found = inspected(&world, &["bundle"])?;
    assert_eq!((&found["name"], &found["entry"]), (&json!("e2e"), &json!("config.arena.yaml")));
    assert_eq!((&found["scenarios"], &found["providers"], &found["cases"]), (&json!(1), &json!(1), &json!(2)));
    let paths: Vec<&Value> = found["files"].as_array().unwrap().iter().map(|file| &file["path"]).collect();
    assert_eq!(paths, ["config.arena.yaml", "mine.wasm", "mock-m.yaml"]);
    let size = fs::metadata(component("json")?)?.len();
    assert_eq!(found["files"][1]["size"], size);
    let expected = json!([{"name": "mine", "path": "mine.wasm", "grants": [], "digest": found["files"][1]["digest"]}]);
    assert_eq!(found["components"], expected);
    let text = world.arena(&["bundle", "inspect", "bundle/config.arena.yaml"])?.code(0)?.out;
    assert_eq!(found["bundleDigest"], value(&text, "bundle"));
    assert_eq!((value(&text, "name"), value(&text, "cases")), ("e2e", "2"));
    assert!(text.contains(&format!("{size:>9} mine.wasm")), "{text}");
    Ok(())
}

#[test]
fn a_bundle_that_plans_nothing_can_be_looked_at() -> Result<()> {
    let world = World::new()?;
    assert_eq!(inspected(&world, &["bundle"])?["cases"], Value::Null);
    let text = world.arena(&["bundle", "inspect", "bundle"])?.code(0)?.out;
    assert!(value(&text, "cases").starts_with("none [No"), "{text}");
    Ok(())
}

#[test]
fn an_archive_replaces_nothing_unasked() -> Result<()> {
    let world = bundled()?;
    let pack =
        |output: &str, force: &[&str]| world.arena(&[&["bundle", "pack", "bundle", "-o", output][..], force].concat());
    fs::write(world.path("a.tar"), "precious")?;
    pack("a.tar", &[])?.code(2)?.says("error[FileExists]")?.says("--force")?;
    assert_eq!(fs::read(world.path("a.tar"))?, b"precious");
    pack("a.tar", &["--force"])?.code(0)?;
    assert!(fs::metadata(world.path("a.tar"))?.len() > 10_000);
    assert_eq!(fs::metadata(world.path("a.tar"))?.permissions().mode() & 0o600, 0o600);
    symlink("elsewhere", world.path("link.tar"))?;
    for (output, reason) in [
        ("link.tar", "NotAFile"),
        ("bundle", "NotAFile"),
        ("no/a.tar", "FolderMissing"),
        ("bundle/a.tar", "ArchiveInBundle"),
    ] {
        pack(output, &["--force"])?.code(2)?.says(&format!("error[{reason}]"))?;
    }
    pack("bundle/.a.tar", &[])?.code(0)?;
    let left: Vec<_> = fs::read_dir(world.path("."))?.map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".arena-pack")), "{left:?}");
    Ok(())
}

#[test]
fn what_should_not_travel_is_refused() -> Result<()> {
    let mut world = bundled()?;
    let pack = ["bundle", "pack", "bundle", "-o", "a.tar"];
    let openai = |credential: Value| json!({"type": "openai", "model": "m", "credential": credential});
    world.bundle.provider("k", openai(json!({"api_key": "sk-inline"})));
    let refused = world.arena(&pack)?.code(2)?.says("error[InlineKey]")?;
    assert!(!refused.all().contains("sk-inline"), "{}", refused.all());
    world.bundle.file("key.txt", "sk-file")?.provider("k", openai(json!({"credential_file": "./key.txt"})));
    world.arena(&pack)?.code(2)?.says("error[InlineKey]")?.says("key file")?;
    assert!(!world.path("a.tar").exists());
    world.arena(&[&pack[..], &["--allow-inline-keys"]].concat())?.code(0)?;
    world.bundle.scenario("t", json!({"oops": 1}));
    world.arena(&["bundle", "pack", "bundle", "-o", "b.tar"])?.code(2)?.says("error[UnknownKey]")?;
    world.arena(&["bundle", "pack", "nowhere", "-o", "b.tar"])?.code(2)?.says("error[BundleMissing]")?;
    Ok(())
}

#[test]
fn a_broken_archive_is_bad_input() -> Result<()> {
    let world = bundled()?;
    fs::write(world.path("text.tar"), "x".repeat(2000))?;
    world.arena(&["bundle", "inspect", "text.tar"])?.code(2)?.says("error[ArchiveInvalid]")?;
    fs::write(world.path("empty.tar"), [0; 1024])?;
    world.arena(&["bundle", "inspect", "empty.tar"])?.code(2)?.says("error[ArenaMissing]")?;
    Ok(())
}
