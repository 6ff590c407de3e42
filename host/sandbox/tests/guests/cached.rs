//! The compile cache: what was compiled once is not compiled again, and what somebody else put there is not used.

use std::path::PathBuf;

use arena_model::Fault;
use arena_sandbox::{CompileChild, Limits};
use serde_json::json;

use crate::crafted::{CRAFTED, Crafted};
use crate::stand::{Stand, compiler, passes};

fn no_compiler() -> CompileChild {
    CompileChild { program: "/nonexistent/compiler".into(), arguments: Vec::new(), wall: CompileChild::WALL }
}

fn entries(folder: &std::path::Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "cwasm")).collect()
}

#[tokio::test]
async fn a_second_sandbox_needs_no_compiler_but_for_forged_code() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = Crafted::default().build();
    let first = Stand::with(folder.path(), compiler(), 2).unwrap();
    let fuel = first.judge(&first.bytes(CRAFTED, &bytes, Limits::compiled()).await, json!({})).await.fuel;

    let second = Stand::with(folder.path(), no_compiler(), 2).unwrap();
    let again = second.judge(&second.bytes(CRAFTED, &bytes, Limits::compiled()).await, json!({})).await;
    passes(&again);
    assert_eq!(again.fuel, fuel);

    // The same code with one bit turned, then somebody else's code under this name.
    let [entry] = &entries(folder.path())[..] else { panic!("{:?}", entries(folder.path())) };
    let code = std::fs::read(entry).unwrap();
    let mut forged = code.clone();
    forged[code.len() / 2] ^= 1;
    let other = tempfile::tempdir().unwrap();
    let elsewhere = Stand::with(other.path(), compiler(), 2).unwrap();
    elsewhere.bytes(CRAFTED, &bytes, Limits::compiled()).await;
    let foreign = std::fs::read(&entries(other.path())[0]).unwrap();
    for content in [forged, foreign, code[..code.len() - 1].to_vec(), Vec::new()] {
        std::fs::write(entry, content).unwrap();
        let error = second.sandbox.load(CRAFTED, &bytes, Limits::compiled(), arena_sandbox::Grants::default()).await;
        assert_eq!(error.unwrap_err().reason(), "SandboxFailed", "it needs the compiler, which is not there");
        first.bytes(CRAFTED, &bytes, Limits::compiled()).await;
        assert_eq!(std::fs::read(entry).unwrap(), code, "compiled again, to the same code");
    }
}

#[tokio::test]
async fn a_cache_that_cannot_be_used_costs_time_and_nothing_else() {
    let bytes = Crafted::default().build();
    let file = tempfile::NamedTempFile::new().unwrap();
    let keyless = tempfile::tempdir().unwrap();
    std::fs::write(keyless.path().join("key"), "").unwrap();
    for folder in [file.path(), keyless.path()] {
        let stand = Stand::with(folder, compiler(), 2).unwrap();
        passes(&stand.judge(&stand.bytes(CRAFTED, &bytes, Limits::compiled()).await, json!({})).await);
    }
    assert!(entries(keyless.path()).is_empty(), "nothing is stored that could not be authenticated");
}
