//! The git server: git's own client clones, pushes and is refused.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::process::{Command, Output};

use arena_harness::{Authority, Change, GitFault, GitServer, GitServerOptions, Need, runs_here};

fn git(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new("git");
    command.current_dir(folder).args(arguments).env("GIT_CONFIG_GLOBAL", "/dev/null");
    command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_SSL_CAINFO", folder.join("ca.crt")).output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn file(path: &str, content: &str) -> Change {
    Change::Write(path.to_owned(), content.into())
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_are_cloned_and_pushes_arrive() {
    if !runs_here("git: clone and push", &[Need::Git]).unwrap() {
        return;
    }
    let server = GitServer::start().await.unwrap();
    let repository = server.create("team/bundle.git").await.unwrap();
    // More than one piece of the protocol's answers.
    let large: String = (0..200_000).map(|line| format!("{line}\n")).collect();
    let first = [file("arena.yaml", "one"), file("a \"quoted\"/päth", "x"), file("large", &large)];
    let one = repository.commit("main", "first", &first).await.unwrap();
    let two = repository.commit("main", "second", &[file("arena.yaml", "two")]).await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    text(&git(folder.path(), &["clone", "--quiet", repository.url(), "c"]));
    let clone = folder.path().join("c");
    assert_eq!(text(&git(&clone, &["log", "--format=%H"])), format!("{two}\n{one}"));
    let read = |name: &str| std::fs::read_to_string(clone.join(name)).unwrap();
    assert_eq!((read("arena.yaml"), read("a \"quoted\"/päth"), read("large")), ("two".into(), "x".into(), large));

    text(&git(&clone, &["-c", "user.name=t", "-c", "user.email=t@t", "commit", "--quiet", "--allow-empty", "-m", "3"]));
    text(&git(&clone, &["push", "--quiet", "origin", "HEAD:next"]));
    assert_eq!(repository.commit_of("next").await.unwrap(), text(&git(&clone, &["rev-parse", "HEAD"])));

    repository.set_head("next").await.unwrap();
    let seen = text(&git(folder.path(), &["ls-remote", "--symref", repository.url(), "HEAD"]));
    assert!(seen.starts_with("ref: refs/heads/next"), "{seen}");
    repository.set_reference("refs/tags/v1", &one).await.unwrap();
    assert_eq!(repository.commit_of("v1").await.unwrap(), one);
    repository.delete_reference("refs/heads/next").await.unwrap();
    assert!(repository.commit_of("next").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_histories_have_equal_hashes() {
    if !runs_here("git: hashes", &[Need::Git]).unwrap() {
        return;
    }
    let server = GitServer::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    std::fs::write(folder.path().join("sub/file"), "x").unwrap();
    let (one, two) = (server.create("one").await.unwrap(), server.create("two").await.unwrap());
    let gone = [file("sub/file", "x"), file("gone", "x"), Change::Delete("gone".to_owned())];
    let commit = one.commit("main", "m", &gone).await.unwrap();
    assert_eq!(two.commit_folder("main", "m", folder.path()).await.unwrap(), commit);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted_and_faults_come_and_go() {
    if !runs_here("git: faults", &[Need::Git]).unwrap() {
        return;
    }
    let server = GitServer::start().await.unwrap();
    let repository = server.create("r").await.unwrap();
    repository.commit("main", "m", &[file("f", "x")]).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let look = || {
        git(folder.path(), &["-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=1", "ls-remote", repository.url()])
    };
    text(&look());
    assert_eq!(server.requests().references, 1);
    for (fault, why) in
        [(GitFault::Unreachable, "Failed to connect"), (GitFault::Status(503), "503"), (GitFault::Silent, "too slow")]
    {
        server.set_fault(fault).await.unwrap();
        let output = look();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && error.contains(why), "{fault:?}: {error}");
    }
    server.set_fault(GitFault::None).await.unwrap();
    text(&look());
    assert_eq!(server.requests().references, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn https_needs_the_authority_and_the_password() {
    if !runs_here("git: https", &[Need::Git]).unwrap() {
        return;
    }
    let authority = Authority::new("git tests").unwrap();
    let server = GitServer::start_with(GitServerOptions {
        certificate: Some(authority.issue(&["127.0.0.1"]).unwrap()),
        credentials: Some(("reader".to_owned(), "pass".to_owned())),
        ..GitServerOptions::default()
    });
    let server = server.await.unwrap();
    let repository = server.create("r").await.unwrap();
    let commit = repository.commit("main", "m", &[file("f", "x")]).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let look = |user: &str| {
        let url = repository.url().replacen("https://", &format!("https://{user}"), 1);
        git(folder.path(), &["ls-remote", &url, "main"])
    };
    std::fs::write(folder.path().join("ca.crt"), Authority::new("other").unwrap().certificate()).unwrap();
    assert!(!look("reader:pass@").status.success());
    std::fs::write(folder.path().join("ca.crt"), authority.certificate()).unwrap();
    assert!(!look("").status.success() && !look("reader:wrong@").status.success());
    assert!(server.requests().refused >= 2);
    assert!(text(&look("reader:pass@")).starts_with(&commit));
}
