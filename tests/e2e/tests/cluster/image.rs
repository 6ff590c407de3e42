//! The image holds the program and what it needs, and nothing else.

use std::collections::BTreeMap;
use std::path::Path;

use arena_e2e::program;
use arena_harness::{ImageBuilder, Need, PROGRAM_IMAGE, runs_here};
use serde_json::json;

use crate::archive::Archive;

async fn build(folder: &Path, name: &str) -> (String, Archive) {
    let (builder, file) = (ImageBuilder::new().unwrap(), folder.join(name));
    builder.build_program(&program().unwrap()).await.unwrap();
    let digest = builder.save(PROGRAM_IMAGE, &file).await.unwrap();
    (digest, Archive::open(&file))
}

#[tokio::test]
async fn the_image_holds_the_program_and_nothing_to_start_beside_it() {
    if !runs_here("image", &[Need::Images]).unwrap() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (digest, archive) = build(folder.path(), "one").await;
    assert_eq!((&archive.name, &archive.digest), (&PROGRAM_IMAGE.to_owned(), &digest));

    let mut files = archive.files();
    let libraries: BTreeMap<_, _> = files.extract_if(.., |path, _| path.starts_with("lib")).collect();
    for (path, what) in &libraries {
        assert!(path.contains(".so.") && what == "-rwxr-xr-x 0/0", "{path} {what}");
    }
    assert!(libraries.keys().any(|path| path.contains("/ld-linux")), "{libraries:?}");
    let licences: BTreeMap<_, _> = files.extract_if(.., |path, _| path.starts_with("usr/share/doc/")).collect();
    for package in ["arena-fleet/LICENSE", "ca-certificates/copyright", "libc6/copyright"] {
        assert_eq!(licences[&format!("usr/share/doc/{package}")], "-rw-r--r-- 0/0");
    }
    // The loader is of libc6, as is at least one library.
    assert!(licences.len() <= libraries.len() + 1, "{licences:?} for {libraries:?}");
    let rest: Vec<_> = files.iter().map(|(path, what)| format!("{what} {path}")).collect();
    assert_eq!(
        rest,
        [
            "-rw-r--r-- 0/0 etc/group",
            "-rw-r--r-- 0/0 etc/passwd",
            "-rw-r--r-- 0/0 etc/ssl/certs/ca-certificates.crt",
            "drwxrwxrwt 0/0 tmp/",
            "-rwxr-xr-x 0/0 usr/local/bin/arena",
        ]
    );
    let roots = archive.read("etc/ssl/certs/ca-certificates.crt");
    assert!(roots.matches("-----BEGIN CERTIFICATE-----").count() > 100, "{roots}");
    let configuration = json!({
        "User": "65532:65532",
        "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"],
        "Entrypoint": ["/usr/local/bin/arena"],
        "Labels": {
            "org.opencontainers.image.title": "arena-fleet",
            "org.opencontainers.image.version": env!("CARGO_PKG_VERSION"),
            "org.opencontainers.image.licenses": "Apache-2.0",
            "org.opencontainers.image.source": "https://github.com/AltairaLabs/arena-fleet",
        },
    });
    assert_eq!(archive.configuration(), configuration);
}

#[tokio::test]
async fn the_same_program_makes_the_same_image() {
    if !runs_here("image: twice", &[Need::Images]).unwrap() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (build(folder.path(), "one").await, build(folder.path(), "two").await);
    assert_eq!(first.0, second.0);
}

#[test]
fn the_chart_takes_the_image_by_its_name() {
    let values = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charts/arena-fleet/values.yaml");
    let (repository, version) = PROGRAM_IMAGE.split_once(':').unwrap();
    let values = std::fs::read_to_string(values).unwrap();
    assert!(values.contains(&format!("  repository: {repository}\n")), "{values}");
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
}
