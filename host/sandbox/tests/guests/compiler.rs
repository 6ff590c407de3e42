//! The compiler child: it has limits of its own, and its end is the component's error, never the host's.

use std::path::Path;
use std::time::{Duration, Instant};

use arena_model::{Class, Fault};
use arena_sandbox::{CompileChild, Grants, Limits, LoadError};

use crate::crafted::{CRAFTED, Crafted, busywork, module, with_instances};
use crate::stand::{Stand, compiler, compiler_path};

/// The compiler with less than it allows itself, set as `ulimit` does.
fn limited(limit: &str) -> CompileChild {
    let script = format!("ulimit {limit}; exec \"$0\"");
    let arguments = vec!["-c".to_owned(), script, compiler_path().display().to_string()];
    CompileChild { program: "/bin/sh".into(), arguments, wall: CompileChild::WALL }
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
    let error = load(limited("-t 2"), &bomb).await.unwrap_err();
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
    let missing =
        CompileChild { program: "/nonexistent/compiler".into(), arguments: Vec::new(), wall: CompileChild::WALL };
    let error = load(missing, &Crafted::default().build()).await.unwrap_err();
    assert_eq!(error.reason(), "SandboxFailed");
    assert!(error.to_string().contains("/nonexistent/compiler"), "{error}");
}

/// A program in place of the compiler: a shell's `script`, whose `$0` is the compiler and `$1` a file of its own.
fn scripted(script: &str, file: &Path) -> CompileChild {
    let arguments = ["-c", script, &compiler_path().display().to_string(), &file.display().to_string()];
    let arguments = arguments.map(str::to_owned).to_vec();
    CompileChild { program: "/bin/sh".into(), arguments, wall: CompileChild::WALL }
}

/// Notes each start in `$1`, then does `then`.
fn counted(then: &str) -> String {
    format!("echo started >> \"$1\"; {then}")
}

#[tokio::test]
async fn a_compiler_killed_from_outside_is_tried_once_more() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("starts");
    let bytes = Crafted::default().build();
    let second = counted("if [ \"$(wc -l < \"$1\")\" = 1 ]; then kill -KILL $$; fi; exec \"$0\"");
    load(scripted(&second, &file), &bytes).await.unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 2);
}

#[tokio::test]
async fn a_compiler_killed_twice_is_our_trouble_and_no_verdict() {
    for signal in ["KILL", "TERM"] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("starts");
        let script = counted(&format!("kill -{signal} $$"));
        let error = load(scripted(&script, &file), &Crafted::default().build()).await.unwrap_err();
        assert_eq!((error.reason(), error.class()), ("CompilerKilled", Class::Infra), "{error}");
        assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 2, "{signal}");
    }
}

#[tokio::test]
async fn a_compiler_that_ends_itself_is_the_components_fault() {
    for signal in ["XCPU", "ABRT", "SEGV"] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("starts");
        let script = counted(&format!("kill -{signal} $$"));
        let error = load(scripted(&script, &file), &Crafted::default().build()).await.unwrap_err();
        assert_eq!((error.reason(), error.class()), ("CompileLimit", Class::Input), "{error}");
        assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 1, "{signal}");
    }
}

#[tokio::test]
async fn a_compiler_that_takes_too_long_is_stopped() {
    let wall = Duration::from_millis(100);
    let started = Instant::now();
    let slow = CompileChild { wall, ..scripted("exec sleep 600", Path::new("none")) };
    let error = load(slow, &Crafted::default().build()).await.unwrap_err();
    assert_eq!((error.reason(), error.class()), ("CompileLimit", Class::Input), "{error}");
    assert!(error.to_string().contains("out of time"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(60));
}
