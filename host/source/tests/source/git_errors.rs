//! What goes wrong with a repository, by its own name.

use arena_model::{Class, Fault};
use arena_source::{Fetch as _, GitReference, Reason, Revision};

use crate::git_server::{GitServer, Mood};
use crate::stand::{BUNDLE, LONG, Stand, branch, git};

#[tokio::test]
async fn every_trouble_has_its_reason() {
    let (server, stand) = (GitServer::start().await, Stand::new());
    server.repository.write(&BUNDLE);
    server.repository.commit("one");
    let source = branch(&server.url, "main");
    let missing = stand.probe(&branch(&server.url, "other")).await.unwrap_err();
    assert_eq!((missing.reason, missing.class()), (Reason::RefNotFound, Class::Input));
    assert!(missing.message.contains("branch \"other\"") && missing.message.contains(&server.url), "{missing}");
    let gone = branch(&format!("{}-none", server.url), "main");
    assert_eq!(stand.probe(&gone).await.unwrap_err().reason, Reason::RepositoryNotFound);
    for (status, reason) in [
        (401, Reason::AuthenticationFailed),
        (403, Reason::AuthenticationFailed),
        (404, Reason::RepositoryNotFound),
        (429, Reason::RemoteUnreachable),
        (500, Reason::RemoteUnreachable),
        (503, Reason::RemoteUnreachable),
        (200, Reason::RemoteInvalid),
        (418, Reason::RemoteInvalid),
    ] {
        server.set(Mood { status: Some(status), ..Mood::default() });
        assert_eq!(stand.probe(&source).await.unwrap_err().reason, reason, "{status}");
    }
    let reference = GitReference { commit: Some("abc".into()), ..GitReference::default() };
    assert_eq!(stand.probe(&git(&server.url, reference)).await.unwrap_err().reason, Reason::RefInvalid);
    assert_eq!(stand.probe(&branch("ssh://host/x", "main")).await.unwrap_err().reason, Reason::UrlInvalid);
}

#[tokio::test]
async fn a_remote_that_is_not_there_is_unreachable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/repo", listener.local_addr().unwrap());
    drop(listener);
    let error = Stand::new().probe(&branch(&url, "main")).await.unwrap_err();
    assert_eq!((error.reason(), error.class()), ("RemoteUnreachable", Class::Retryable));
    assert!(error.message.contains("refused"), "{error}");
}

#[tokio::test]
async fn a_commit_that_does_not_exist_is_not_found() {
    let (server, stand) = (GitServer::start().await, Stand::new());
    server.repository.write(&BUNDLE);
    server.repository.commit("one");
    for old in [false, true] {
        server.set(Mood { old, ..Mood::default() });
        let reference = GitReference { commit: Some("12".repeat(20)), ..GitReference::default() };
        let error = stand.fetch(&git(&server.url, reference)).await.unwrap_err();
        assert_eq!(error.reason, Reason::RefNotFound, "{error}");
    }
    let revision = Revision::parse("12345");
    let source = branch(&server.url, "main");
    let error = stand.fetcher.fetch(&source, &revision, &Default::default(), LONG).await.unwrap_err();
    assert_eq!(error.reason, Reason::RefInvalid);
    assert!(stand.is_clean());
}

#[tokio::test]
async fn redirects_are_followed_within_the_host_only() {
    let (server, stand) = (GitServer::start().await, Stand::new());
    server.repository.write(&BUNDLE);
    server.repository.commit("one");
    let moved = branch(&server.url.replace("/repo", "/moved"), "main");
    server.set(Mood { moved: Some(server.url.clone()), ..Mood::default() });
    assert_eq!(stand.fetch(&moved).await.unwrap().files, 4);
    let elsewhere = GitServer::start().await;
    server.set(Mood { moved: Some(elsewhere.url.clone()), ..Mood::default() });
    assert_eq!(stand.probe(&moved).await.unwrap_err().reason, Reason::RedirectRefused);
    assert_eq!(elsewhere.requests(), 0);
    server.set(Mood { moved: Some(server.url.replace("/repo", "/moved")), ..Mood::default() });
    assert_eq!(stand.probe(&moved).await.unwrap_err().reason, Reason::RedirectRefused, "a loop");
}

#[tokio::test]
async fn an_empty_repository_has_no_revision() {
    let (server, stand) = (GitServer::start().await, Stand::new());
    let error = stand.probe(&git(&server.url, GitReference::default())).await.unwrap_err();
    assert_eq!(error.reason, Reason::RefNotFound);
}
