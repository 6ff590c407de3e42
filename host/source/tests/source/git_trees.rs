//! Trees that no bundle may have, and packs that are none.

use arena_source::{FetchLimits, Reason};

use crate::git_server::GitServer;
use crate::stand::{Stand, branch, files};

/// Fetches what `make` leaves in the repository.
async fn refused(make: impl FnOnce(&GitServer), limits: FetchLimits) -> Reason {
    let (server, stand) = (GitServer::start().await, Stand::with(limits, Vec::new()));
    make(&server);
    server.repository.commit("it");
    let error = stand.fetch(&branch(&server.url, "main")).await.unwrap_err();
    assert!(stand.is_clean());
    error.reason
}

#[tokio::test]
async fn links_count_as_the_files_they_lead_to() {
    let (server, stand) = (GitServer::start().await, Stand::new());
    server.repository.write(&[("a/file", "text"), (".hidden/x", "")]);
    server.repository.link("a/link", "./file");
    server.repository.link("second", "a/link");
    server.repository.link(".hidden/out", "/etc/passwd");
    server.repository.commit("one");
    let tree = stand.fetch(&branch(&server.url, "main")).await.unwrap();
    assert_eq!(files(&tree.path()), ["a/file", "a/link", "second"]);
    let second = tree.path().join("second");
    assert!(second.symlink_metadata().unwrap().is_file());
    assert_eq!(std::fs::read_to_string(second).unwrap(), "text");
}

#[tokio::test]
async fn other_links_are_refused() {
    for target in ["/etc/passwd", "../../etc/passwd", "nowhere", "folder", "link", "..", ".git/config"] {
        let make = |server: &GitServer| {
            server.repository.write(&[("folder/x", "")]);
            server.repository.link("link", target);
        };
        assert_eq!(refused(make, FetchLimits::default()).await, Reason::LinkInvalid, "{target}");
    }
}

#[tokio::test]
async fn files_that_are_kept_elsewhere_are_named() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 5\n";
    let make = |server: &GitServer| server.repository.write(&[("model.bin", pointer)]);
    assert_eq!(refused(make, FetchLimits::default()).await, Reason::LfsUnsupported);
}

#[tokio::test]
async fn submodules_are_passed_over() {
    let (server, stand) = (GitServer::start().await, Stand::new());
    server.repository.write(&[("a", "text")]);
    let commit = server.repository.commit("one");
    server.repository.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{commit},module")]);
    server.repository.git(&["commit", "-q", "-m", "module"]);
    let tree = stand.fetch(&branch(&server.url, "main")).await.unwrap();
    assert_eq!(files(&tree.path()), ["a"]);
}

#[tokio::test]
async fn paths_that_collide_are_refused() {
    let make = |server: &GitServer| server.repository.write(&[("Readme", "a"), ("README", "b")]);
    assert_eq!(refused(make, FetchLimits::default()).await, Reason::TreeCollision);
}

#[tokio::test]
async fn limits_hold_at_the_limit_and_end_it_above() {
    let content = [("a", "0123456789"), ("b", "0123456789")];
    let make = |server: &GitServer| server.repository.write(&content);
    let exact = FetchLimits { files: 2, file_bytes: 10, total_bytes: 20, ..FetchLimits::default() };
    let (server, stand) = (GitServer::start().await, Stand::with(exact, Vec::new()));
    make(&server);
    server.repository.commit("it");
    assert_eq!(stand.fetch(&branch(&server.url, "main")).await.unwrap().files, 2);
    assert_eq!(refused(make, FetchLimits { files: 1, ..exact }).await, Reason::TreeFiles);
    assert_eq!(refused(make, FetchLimits { file_bytes: 9, ..exact }).await, Reason::TreeFile);
    assert_eq!(refused(make, FetchLimits { total_bytes: 19, ..exact }).await, Reason::ArtifactTooLarge);
    assert_eq!(refused(make, FetchLimits { download_bytes: 100, ..exact }).await, Reason::ArtifactTooLarge);
    assert_eq!(refused(make, FetchLimits { refs_bytes: 100, ..exact }).await, Reason::ArtifactTooLarge);
}

/// Makes `main` a commit of a tree that git itself would not make.
fn plant(server: &GitServer, entries: &[(&str, &str, &str)]) {
    let mut bytes = Vec::new();
    for (mode, name, id) in entries {
        bytes.extend_from_slice(format!("{mode} {name}\0").as_bytes());
        bytes.extend((0..40).step_by(2).map(|at| u8::from_str_radix(&id[at..at + 2], 16).unwrap()));
    }
    let tree = server.repository.git_with(&["hash-object", "-t", "tree", "-w", "--stdin", "--literally"], &bytes);
    let commit = server.repository.git(&["commit-tree", "-m", "planted", &tree]);
    server.repository.git(&["update-ref", "refs/heads/main", &commit]);
}

#[tokio::test]
async fn names_that_lead_out_are_refused() {
    let (server, stand) = (GitServer::start().await, Stand::new());
    let blob = server.repository.git_with(&["hash-object", "-w", "--stdin"], b"evil");
    for name in ["..", "a/../../evil", "/tmp/evil", "a\\b", "a\nb"] {
        plant(&server, &[("100644", name, &blob)]);
        let error = stand.fetch(&branch(&server.url, "main")).await.unwrap_err();
        assert!(matches!(error.reason, Reason::TreePath | Reason::ArtifactInvalid), "{name:?}: {error}");
        assert!(stand.is_clean());
    }
    let inner = server.repository.git_with(&["mktree"], format!("100644 blob {blob}\tevil\n").as_bytes());
    plant(&server, &[("40000", "..", &inner)]);
    assert_eq!(stand.fetch(&branch(&server.url, "main")).await.unwrap_err().reason, Reason::TreePath);
}

#[tokio::test]
async fn a_tree_of_trees_ends_at_the_number_of_files() {
    // Ten levels of ten: ten thousand million files out of a pack of a few hundred bytes.
    let limits = FetchLimits { files: 1000, ..FetchLimits::default() };
    let (server, stand) = (GitServer::start().await, Stand::with(limits, Vec::new()));
    let mut id = server.repository.git_with(&["hash-object", "-w", "--stdin"], b"x");
    for level in 0..10 {
        let kind = if level == 0 { "100644 blob" } else { "040000 tree" };
        let lines: String = (0..10).map(|number| format!("{kind} {id}\tf{number}\n")).collect();
        id = server.repository.git_with(&["mktree"], lines.as_bytes());
    }
    let commit = server.repository.git(&["commit-tree", "-m", "bomb", &id]);
    server.repository.git(&["update-ref", "refs/heads/main", &commit]);
    let error = stand.fetch(&branch(&server.url, "main")).await.unwrap_err();
    assert_eq!(error.reason, Reason::TreeFiles);
    assert!(stand.is_clean());
}

/// A server that speaks version 2 well enough to send any pack.
async fn sends(pack: &'static [u8]) -> String {
    use axum::Router;
    use axum::routing::{get, post};
    let kind = |name: &str| [("content-type", format!("application/x-git-upload-pack-{name}"))];
    let refs = "001e# service=git-upload-pack\n0000000eversion 2\n0012fetch=shallow\n0000";
    let mut answer = b"000dpackfile\n".to_vec();
    for piece in pack.chunks(1000) {
        answer.extend_from_slice(format!("{:04x}\u{1}", piece.len() + 5).as_bytes());
        answer.extend_from_slice(piece);
    }
    answer.extend_from_slice(b"0000");
    let router = Router::new()
        .route("/repo/info/refs", get(async move || (kind("advertisement"), refs)))
        .route("/repo/git-upload-pack", post(async move || (kind("result"), answer)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/repo", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test]
async fn packs_that_are_none_are_refused() {
    use arena_source::{Auth, Fetch as _, Revision};
    let stand = Stand::new();
    // No pack, one of no objects without its checksum, and one that promises more than it holds.
    for pack in
        [b"this is no pack at all".as_slice(), b"", b"PACK\0\0\0\x02\0\0\0\0", b"PACK\0\0\0\x02\xff\xff\xff\xff\x9fzz"]
    {
        let source = branch(&sends(pack).await, "main");
        let revision = Revision::parse(&format!("main@sha1:{}", "12".repeat(20)));
        let done = stand.fetcher.fetch(&source, &revision, &Auth::default(), crate::stand::LONG).await;
        let reason = done.unwrap_err().reason;
        assert_eq!(reason, Reason::ArtifactInvalid, "{pack:?}");
    }
    assert!(stand.is_clean());
}
