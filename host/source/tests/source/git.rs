//! Revisions and trees of a repository.

use std::collections::BTreeMap;

use arena_bundle::Limits;
use arena_source::{
    Auth, ConfigMapContent, Credential, Fetch as _, GitReference, GitSource, Mirror, Reason, Revision, Source,
    write_config_map,
};

use crate::git_server::{GitServer, Mood};
use crate::stand::{BUNDLE, LONG, Stand, branch, bundle, files, git, loaded};

#[tokio::test]
async fn a_branch_is_probed_with_one_request_and_fetched() {
    let (server, stand) = (GitServer::start().await, Stand::new());
    server.repository.write(&BUNDLE);
    server.repository.write(&[(".github/x.yml", "hidden")]);
    let first = server.repository.commit("one");
    let source = branch(&server.url, "main");
    let revision = stand.probe(&source).await.unwrap();
    assert_eq!(revision.as_str(), format!("main@sha1:{first}"));
    assert_eq!(server.requests(), 1);
    let tree = stand.fetch(&source).await.unwrap();
    assert_eq!(files(&tree.path()), BUNDLE.map(|(path, _)| path));
    assert_eq!((tree.files, tree.bytes), (4, BUNDLE.iter().map(|(_, text)| text.len() as u64).sum()));
    for (path, text) in BUNDLE {
        assert_eq!(std::fs::read_to_string(tree.path().join(path)).unwrap(), text);
    }
    let outer = tree.path().parent().unwrap().to_owned();
    assert_eq!(std::fs::read_dir(&outer).unwrap().count(), 1, "the pack is removed");
    drop(tree);
    assert!(stand.is_clean());

    server.repository.write(&[("prompts/p.yaml", "changed\n")]);
    let second = server.repository.commit("two");
    assert_eq!(stand.probe(&source).await.unwrap().as_str(), format!("main@sha1:{second}"));
    // What was seen before can still be fetched, though it is no tip any more.
    let tree = stand.fetcher.fetch(&source, &revision, &Auth::default(), LONG).await.unwrap();
    assert_eq!(std::fs::read_to_string(tree.path().join("prompts/p.yaml")).unwrap(), "hello\n");
}

#[tokio::test]
async fn the_digest_is_the_same_from_everywhere() {
    let (folder, bundle) = bundle();
    let (server, stand) = (GitServer::start().await, Stand::new());
    server.repository.write(&BUNDLE);
    server.repository.commit("one");
    let tree = stand.fetch(&branch(&server.url, "main")).await.unwrap();
    assert_eq!(loaded(&tree.path()).digest, bundle.digest);

    let key = |path: &str| path.replace('/', "__");
    let data: BTreeMap<_, _> = BUNDLE.iter().map(|(path, text)| (key(path), (*text).to_owned())).collect();
    let content = ConfigMapContent { resource_version: "12345".into(), data, ..ConfigMapContent::default() };
    assert_eq!(content.revision(), Revision::parse("12345"));
    let to = tempfile::tempdir().unwrap();
    write_config_map(&content, to.path(), &Limits::default()).unwrap();
    assert_eq!(loaded(to.path()).digest, bundle.digest);
    drop(folder);
}

#[tokio::test]
async fn tags_head_and_commits_are_found() {
    let (server, stand) = (GitServer::start().await, Stand::new());
    server.repository.write(&BUNDLE);
    let first = server.repository.commit("one");
    server.repository.git(&["tag", "light"]);
    server.repository.git(&["tag", "-a", "v1.0", "-m", "annotated"]);
    let second = server.repository.commit("two");
    server.repository.git(&["branch", "feature/x", &first]);
    let reference = |branch: &str, tag: &str, commit: &str| {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        GitReference { branch: text(branch), tag: text(tag), commit: text(commit) }
    };
    for (reference, expected) in [
        (reference("", "light", ""), format!("light@sha1:{first}")),
        (reference("", "v1.0", ""), format!("v1.0@sha1:{first}")),
        (reference("main", "v1.0", ""), format!("v1.0@sha1:{first}")),
        (reference("", "", ""), format!("main@sha1:{second}")),
        (reference("feature/x", "", ""), format!("feature/x@sha1:{first}")),
        (reference("", "", &first), format!("sha1:{first}")),
        (reference("main", "v1.0", &first), format!("main@sha1:{first}")),
    ] {
        let source = git(&server.url, reference);
        assert_eq!(stand.probe(&source).await.unwrap().as_str(), expected);
        assert_eq!(stand.fetch(&source).await.unwrap().files, 4, "{expected}");
    }
    server.requests();
    stand.probe(&git(&server.url, reference("", "", &first))).await.unwrap();
    assert_eq!(server.requests(), 0, "a commit is known without a question");
}

#[tokio::test]
async fn servers_of_the_old_protocol_are_fetched_from() {
    let (server, stand) = (GitServer::start().await, Stand::new());
    server.repository.write(&BUNDLE);
    server.repository.commit("one");
    server.repository.commit("two");
    server.set(Mood { old: true, ..Mood::default() });
    assert_eq!(stand.fetch(&branch(&server.url, "main")).await.unwrap().files, 4);
}

#[tokio::test]
async fn a_folder_of_the_repository_is_the_bundle() {
    let (server, stand) = (GitServer::start().await, Stand::new());
    server.repository.write(&[("teams/a/x.yaml", "a"), ("teams/b/y.yaml", "b"), ("readme", "r")]);
    server.repository.link("teams/a/outside", "../b/y.yaml");
    server.repository.commit("one");
    let at = |path: &str| {
        let reference = GitReference::default();
        Source::Git(GitSource { url: server.url.clone(), reference, path: Some(path.into()) })
    };
    let tree = stand.fetch(&at("./teams/b/")).await.unwrap();
    assert_eq!(files(&tree.path()), ["y.yaml"]);
    for (path, reason) in [
        ("teams/c", Reason::PathMissing),
        ("readme", Reason::PathMissing),
        ("teams/../..", Reason::PathInvalid),
        ("/etc", Reason::PathInvalid),
        ("teams/a", Reason::LinkInvalid),
    ] {
        assert_eq!(stand.fetch(&at(path)).await.unwrap_err().reason, reason, "{path}");
    }
    assert!(!stand.is_clean(), "one tree is still there");
    drop(tree);
    assert!(stand.is_clean());
}

#[tokio::test]
async fn a_mirror_is_called_instead() {
    let server = GitServer::start().await;
    server.repository.write(&BUNDLE);
    server.repository.commit("one");
    let to = server.url.strip_suffix("repo").unwrap().to_owned();
    let stand = Stand::with(Default::default(), vec![Mirror { from: "https://github.com/acme/".into(), to }]);
    assert_eq!(stand.fetch(&branch("https://github.com/acme/repo", "main")).await.unwrap().files, 4);
}

#[tokio::test]
async fn credentials_are_sent_and_not_shown() {
    let (server, stand) = (GitServer::start().await, Stand::new());
    server.repository.write(&BUNDLE);
    server.repository.commit("one");
    let source = branch(&server.url, "main");
    let auth = |credential| Auth { credential: Some(credential), ca: None };
    let basic = auth(Credential::Basic { username: "user".into(), password: "secret".into() });
    server.set(Mood { wanted: Some("Basic dXNlcjpzZWNyZXQ=".into()), ..Mood::default() });
    let revision = stand.fetcher.probe(&source, &basic, LONG).await.unwrap();
    assert_eq!(stand.fetcher.fetch(&source, &revision, &basic, LONG).await.unwrap().files, 4);
    let bearer = auth(Credential::Bearer { token: "sesame".into() });
    for wrong in [Auth::default(), bearer.clone()] {
        let error = stand.fetcher.probe(&source, &wrong, LONG).await.unwrap_err();
        assert_eq!(error.reason, Reason::AuthenticationFailed);
        assert!(!error.message.contains("sesame"), "{error}");
    }
    server.set(Mood { wanted: Some("Bearer sesame".into()), ..Mood::default() });
    stand.fetcher.probe(&source, &bearer, LONG).await.unwrap();
}
