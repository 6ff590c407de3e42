//! The compiler child: it has limits of its own, and its end is the component's error, never the host's.

use std::time::Instant;

use arena_model::Fault;
use arena_sandbox::{CompileChild, Grants, Limits, LoadError};

use crate::crafted::{CRAFTED, Crafted, busywork, module, with_instances};
use crate::stand::{Stand, compiler, compiler_path};

/// The compiler with less than it allows itself, set as `ulimit` does.
fn limited(limit: &str) -> CompileChild {
    let script = format!("ulimit {limit}; exec \"$0\"");
    let arguments = vec!["-c".to_owned(), script, compiler_path().display().to_string()];
    CompileChild { program: "/bin/sh".into(), arguments }
}

async fn load(compiler: CompileChild, bytes: &[u8]) -> Result<(), LoadError> {
    let cache = tempfile::tempdir().unwrap();
    let stand = Stand::with(cache.path(), compiler, 2).unwrap();
    stand.sandbox.load(CRAFTED, bytes, Limits::compiled(), Grants::default()).await.map(drop)
}

#[tokio::test]
async fn a_bomb_ends_at_the_limit_of_its_time() {
    let bomb = with_instances(Crafted::default().build(), &busywork(40_000, 40), 0);
    let started = Instant::now();
    let error = load(limited("-t 1"), &bomb).await.unwrap_err();
    assert_eq!(error.reason(), "CompileLimit", "{error}");
    assert!(started.elapsed().as_secs() < 20);
    load(limited("-t 20"), &Crafted::default().build()).await.unwrap();
}

#[tokio::test]
async fn a_bomb_ends_at_the_limit_of_its_memory() {
    let bomb = with_instances(Crafted::default().build(), &busywork(40_000, 40), 0);
    let error = load(limited("-v 200000"), &bomb).await.unwrap_err();
    assert_eq!(error.reason(), "CompileLimit", "{error}");
}

#[tokio::test]
async fn a_limit_that_was_inherited_is_kept() {
    load(limited("-v 4000000"), &Crafted::default().build()).await.unwrap();
    load(limited("-t 100"), &Crafted::default().build()).await.unwrap();
}

#[tokio::test]
async fn what_the_compiler_refuses_is_the_components_fault() {
    // Valid to the validator, not to this engine.
    let bytes = with_instances(Crafted::default().build(), &module("(memory i64 1)"), 1);
    let error = load(compiler(), &bytes).await.unwrap_err();
    assert!(matches!(error.reason(), "CompileFailed" | "InvalidWasm"), "{error}");
}

#[tokio::test]
async fn a_compiler_that_cannot_be_started_is_our_fault() {
    let missing = CompileChild { program: "/nonexistent/compiler".into(), arguments: Vec::new() };
    let error = load(missing, &Crafted::default().build()).await.unwrap_err();
    assert_eq!(error.reason(), "SandboxFailed");
    assert!(error.to_string().contains("/nonexistent/compiler"), "{error}");
}
