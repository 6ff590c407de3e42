//! The bundle artifact in a registry.

use arena_model::Fault;
use arena_source::oci::{self, ARTIFACT_TYPE, CONFIG_TYPE, PACK_TYPE, Role, WASM_TYPE};
use arena_source::{Auth, Credential, Fetch as _, FetchLimits, OciSource, Reason, Source};
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::manifest::OciManifest;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};

use crate::registry_server::RegistryServer;
use crate::stand::{BUNDLE, LONG, Stand, bundle, files, loaded, write};

fn open() -> Auth {
    // Another test may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Auth::default()
}

fn plain() -> Client {
    open();
    Client::try_from(ClientConfig { protocol: ClientProtocol::Http, ..ClientConfig::default() }).unwrap()
}

#[tokio::test]
async fn what_is_pushed_is_what_is_fetched() {
    let (registry, stand) = (RegistryServer::start(false), Stand::new());
    let (folder, bundle) = bundle();
    let source = registry.source("team/small:v1.0");
    let pushed = oci::push(&bundle, &registry.oci("team/small:v1.0"), &open()).await.unwrap();
    assert!(pushed.as_str().starts_with("v1.0@sha256:"), "{pushed}");
    assert_eq!(stand.probe(&source).await.unwrap(), pushed);
    let tree = stand.fetch(&source).await.unwrap();
    assert_eq!(files(&tree.path()), BUNDLE.map(|(path, _)| path));
    assert_eq!(loaded(&tree.path()).digest, bundle.digest);
    let again = oci::push(&bundle, &registry.oci("team/small:v1.0"), &open()).await.unwrap();
    assert_eq!(again, pushed, "the same bundle is the same artifact");

    let digest = pushed.as_str().split_once('@').unwrap().1;
    let by_digest = registry.source(&format!("team/small@{digest}"));
    assert_eq!(stand.probe(&by_digest).await.unwrap().as_str(), digest);
    assert_eq!(stand.fetch(&by_digest).await.unwrap().files, 4);

    write(folder.path(), &[("prompts/p.yaml", "changed\n")]);
    let moved = oci::push(&loaded(folder.path()), &registry.oci("team/small:v1.0"), &open()).await.unwrap();
    assert_ne!(moved, pushed);
    assert_eq!(stand.probe(&source).await.unwrap(), moved);
    let old = stand.fetcher.fetch(&source, &pushed, &Auth::default(), LONG).await.unwrap();
    assert_eq!(loaded(&old.path()).digest, bundle.digest, "a revision is fetched by its digest, not by its tag");
}

#[tokio::test]
async fn the_artifact_looks_as_documented() {
    let registry = RegistryServer::start(false);
    let (_folder, bundle) = bundle();
    oci::push(&bundle, &registry.oci("small:latest"), &open()).await.unwrap();
    let reference: Reference = format!("{}/small:latest", registry.host).parse().unwrap();
    let (manifest, digest) = plain().pull_manifest(&reference, &RegistryAuth::Anonymous).await.unwrap();
    let OciManifest::Image(manifest) = manifest else { panic!("an index") };
    assert_eq!(manifest.artifact_type.as_deref(), Some(ARTIFACT_TYPE));
    assert_eq!(manifest.config.media_type, CONFIG_TYPE);
    let titled = |at: usize| {
        let layer = &manifest.layers[at];
        (layer.media_type.as_str(), layer.annotations.as_ref().unwrap()["org.opencontainers.image.title"].as_str())
    };
    assert_eq!(manifest.layers.len(), 2);
    assert_eq!(titled(0), (PACK_TYPE, "pack.tar"));
    assert_eq!(titled(1), (WASM_TYPE, "evaluators/e.wasm"));
    let inspected = Stand::new().fetcher.inspect(&registry.oci("small"), &open(), LONG).await.unwrap();
    let (revision, config) = (inspected.revision, inspected.config);
    assert_eq!(revision.as_str(), format!("latest@{digest}"));
    assert_eq!((config.name.as_str(), config.entry.as_str()), ("small", "config.arena.yaml"));
    assert_eq!(config.bundle_digest, bundle.digest);
    let roles: Vec<_> = config.layers.iter().map(|layer| (layer.role, layer.path.as_deref())).collect();
    assert_eq!(roles, [(Role::Pack, None), (Role::Component, Some("evaluators/e.wasm"))]);
}

#[tokio::test]
async fn every_trouble_has_its_reason() {
    let (registry, stand) = (RegistryServer::start(false), Stand::new());
    let (_folder, bundle) = bundle();
    oci::push(&bundle, &registry.oci("small:v1"), &open()).await.unwrap();
    let absent = format!("small@sha256:{}", "0".repeat(64));
    for rest in ["small:v2", "other:v1", &absent] {
        let error = stand.fetch(&registry.source(rest)).await.unwrap_err();
        assert_eq!(error.reason, Reason::RefNotFound, "{rest}: {error}");
    }
    for url in
        ["https://host/x", "oci://library/x:v1", "oci://host.example", "oci://u:p@host.example/x", "oci://h.e/X:v1"]
    {
        let source = Source::Oci(OciSource { url: url.into(), insecure: false });
        assert_eq!(stand.probe(&source).await.unwrap_err().reason, Reason::UrlInvalid, "{url}");
    }
    let secure = Source::Oci(OciSource { insecure: false, ..registry.oci("small:v1") });
    assert_eq!(stand.probe(&secure).await.unwrap_err().reason, Reason::RemoteUnreachable);
    let pushed = oci::push(&bundle, &registry.oci(&absent), &open()).await.unwrap_err();
    assert_eq!(pushed.reason, Reason::UrlInvalid);
    drop(registry);
    assert!(stand.is_clean());
}

#[tokio::test]
async fn artifacts_of_others_are_refused() {
    let (registry, stand) = (RegistryServer::start(false), Stand::new());
    let reference: Reference = format!("{}/image:v1", registry.host).parse().unwrap();
    let client = plain();
    client.auth(&reference, &RegistryAuth::Anonymous, oci_client::RegistryOperation::Push).await.unwrap();
    let config = br#"{"architecture":"amd64","os":"linux"}"#;
    let digest = arena_model::Digest::of(config);
    client.push_blob(&reference, config.to_vec(), digest.as_str()).await.unwrap();
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": config.len()},
        "layers": [],
    });
    let kind = "application/vnd.oci.image.manifest.v1+json".parse().unwrap();
    client.push_manifest_raw(&reference, manifest.to_string().into_bytes(), kind).await.unwrap();
    let error = stand.fetch(&registry.source("image:v1")).await.unwrap_err();
    assert_eq!(error.reason, Reason::ArtifactTypeUnknown, "{error}");
    assert!(error.message.contains("arena bundle push"), "{error}");
}

#[tokio::test]
async fn changed_layers_are_not_taken() {
    let (registry, stand) = (RegistryServer::start(false), Stand::new());
    let (_folder, bundle) = bundle();
    oci::push(&bundle, &registry.oci("small:v1"), &open()).await.unwrap();
    let component = &bundle.components[0].digest;
    let evil = "N".repeat(std::fs::metadata(registry.blob(component)).unwrap().len().try_into().unwrap());
    std::fs::write(registry.blob(component), evil).unwrap();
    let error = stand.fetch(&registry.source("small:v1")).await.unwrap_err();
    assert!(matches!(error.reason, Reason::ArtifactInvalid | Reason::RemoteUnreachable), "{error}");
    assert!(error.message.contains("igest"), "{error}");
    assert!(stand.is_clean());
}

#[tokio::test]
async fn limits_hold() {
    let registry = RegistryServer::start(false);
    let (_folder, bundle) = bundle();
    oci::push(&bundle, &registry.oci("small:v1"), &open()).await.unwrap();
    for (limits, reason) in [
        (FetchLimits { download_bytes: 1000, ..FetchLimits::default() }, Reason::ArtifactTooLarge),
        (FetchLimits { files: 3, ..FetchLimits::default() }, Reason::TreeFiles),
        (FetchLimits { file_bytes: 10, ..FetchLimits::default() }, Reason::TreeFile),
        (FetchLimits { total_bytes: 200, ..FetchLimits::default() }, Reason::ArtifactTooLarge),
    ] {
        let error = Stand::with(limits, Vec::new()).fetch(&registry.source("small:v1")).await.unwrap_err();
        assert_eq!(error.reason, reason, "{limits:?}: {error}");
    }
}

#[tokio::test]
async fn a_locked_registry_wants_its_password() {
    let (registry, stand) = (RegistryServer::start(true), Stand::new());
    let (_folder, bundle) = bundle();
    let with = |password: &str| Auth {
        credential: Some(Credential::Basic { username: "user".into(), password: password.into() }),
        ..open()
    };
    let (good, wrong, none) = (with("secret"), with("wrong-word"), open());
    let pushed = oci::push(&bundle, &registry.oci("small:v1"), &good).await.unwrap();
    let source = registry.source("small:v1");
    assert_eq!(stand.fetcher.probe(&source, &good, LONG).await.unwrap(), pushed);
    assert_eq!(stand.fetcher.fetch(&source, &pushed, &good, LONG).await.unwrap().files, 4);
    for auth in [wrong, none] {
        let error = stand.fetcher.probe(&source, &auth, LONG).await.unwrap_err();
        assert_eq!(error.reason(), "AuthenticationFailed");
        assert!(!error.message.contains("wrong-word"), "{error}");
        let error = oci::push(&bundle, &registry.oci("small:v1"), &auth).await.unwrap_err();
        assert_eq!(error.reason(), "AuthenticationFailed", "{error}");
    }
}
