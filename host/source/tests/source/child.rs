//! The child: alone, limited, and killed at the end of its time.

use std::time::{Duration, Instant};

use arena_model::{Class, Fault};
use arena_source::{Auth, Fetch as _, FetchChild, FetchLimits, Reason};

use crate::git_server::{GitServer, Mood};
use crate::stand::{BUNDLE, Stand, branch, child_path};

fn shell(script: &str) -> FetchChild {
    let arguments = vec!["-c".to_owned(), script.to_owned(), child_path().display().to_string()];
    FetchChild { program: "/bin/sh".into(), arguments }
}

#[tokio::test]
async fn a_remote_that_hangs_ends_with_its_time_and_its_child() {
    let server = GitServer::start().await;
    server.set(Mood { hang: true, ..Mood::default() });
    let note = tempfile::NamedTempFile::new().unwrap();
    let stand = Stand::by(
        shell(&format!("echo $$ > {}; exec \"$0\"", note.path().display())),
        FetchLimits::default(),
        Vec::new(),
    );
    let timeout = Duration::from_millis(500);
    let error = stand.fetcher.probe(&branch(&server.url, "main"), &Auth::default(), timeout).await.unwrap_err();
    assert_eq!((error.reason, error.class()), (Reason::Timeout, Class::Retryable), "{error}");
    assert!(error.message.contains("0.5 s"), "{error}");
    let pid = std::fs::read_to_string(note.path()).unwrap();
    let begun = Instant::now();
    // Killed, it stays as a zombie until the runtime has seen it.
    let alive =
        || std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).is_ok_and(|stat| !stat.contains(") Z"));
    while alive() {
        assert!(begun.elapsed() < Duration::from_secs(10), "the child lives on");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn the_child_has_no_environment() {
    let server = GitServer::start().await;
    server.repository.write(&BUNDLE);
    server.repository.commit("one");
    let note = tempfile::NamedTempFile::new().unwrap();
    let script = format!("cat /proc/self/environ > {}; pwd >> {0}; exec \"$0\"", note.path().display());
    let stand = Stand::by(shell(&script), FetchLimits::default(), Vec::new());
    stand.probe(&branch(&server.url, "main")).await.unwrap();
    let seen = std::fs::read_to_string(note.path()).unwrap();
    // The shell sets PWD and the like by itself.
    let names: Vec<&str> = seen.split('\0').filter_map(|entry| entry.split_once('=')).map(|(name, _)| name).collect();
    assert!(names.iter().all(|name| ["PWD", "OLDPWD", "SHLVL", "_"].contains(name)), "{seen:?}");
    assert!(seen.ends_with("/\n"), "{seen:?}");
}

#[tokio::test]
async fn a_child_over_its_limits_is_the_source_s_error() {
    let server = GitServer::start().await;
    server.repository.write(&BUNDLE);
    server.repository.commit("one");
    let source = branch(&server.url, "main");
    for limits in [
        FetchLimits { memory_bytes: 1 << 20, ..FetchLimits::default() },
        FetchLimits { cpu_seconds: 0, ..FetchLimits::default() },
        FetchLimits { download_bytes: 0, total_bytes: 16, ..FetchLimits::default() },
    ] {
        let stand = Stand::with(limits, Vec::new());
        let error = stand.fetch(&source).await.unwrap_err();
        let reasons = [Reason::Limit, Reason::ArtifactTooLarge];
        assert!(reasons.contains(&error.reason) && error.class() == Class::Input, "{limits:?}: {error}");
        assert!(stand.is_clean());
    }
}

#[tokio::test]
async fn a_child_that_cannot_be_used_is_our_trouble() {
    let server = GitServer::start().await;
    let missing = FetchChild { program: "/nonexistent/child".into(), arguments: Vec::new() };
    for (child, part) in [(missing, "/nonexistent/child"), (shell("exec cat > /dev/null"), "EOF")] {
        let stand = Stand::by(child, FetchLimits::default(), Vec::new());
        let error = stand.probe(&branch(&server.url, "main")).await.unwrap_err();
        assert_eq!((error.reason, error.class()), (Reason::Failed, Class::Infra));
        assert!(error.message.contains(part), "{error}");
    }
}
