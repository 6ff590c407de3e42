//! A bundle as an archive and back, and the archives of strangers.
#![allow(clippy::unwrap_used, reason = "test code")]

use arena_bundle::archive::{pack, unpack};
use arena_bundle::{ArchiveError, BundleFile, Limits, load};
use arena_model::{Digest, Fault};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

fn small() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let deep = format!("data/{}/{}", "long".repeat(40), "name".repeat(30));
    let arena = "apiVersion: promptkit.altairalabs.ai/v1alpha1\nkind: Arena\nmetadata: {name: small}\nspec: {providers: [], defaults: {}}\n";
    let files = [("config.arena.yaml", arena), ("b.txt", "b"), ("x.wasm", "x"), (&deep, "deep"), (".hidden", "no")];
    for (path, text) in files {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    std::os::unix::fs::symlink("b.txt", dir.path().join("a-link.txt")).unwrap();
    dir
}

fn unpacked(archive: &[u8], limits: &Limits) -> (TempDir, Result<Vec<BundleFile>, ArchiveError>) {
    let outer = tempfile::tempdir().unwrap();
    std::fs::create_dir(outer.path().join("tree")).unwrap();
    let dir = Dir::open_ambient_dir(outer.path().join("tree"), ambient_authority()).unwrap();
    let files = unpack(archive, &dir, limits);
    (outer, files)
}

fn refused(archive: &[u8], reason: &str) {
    let (outer, files) = unpacked(archive, &Limits::default());
    let error = files.unwrap_err();
    assert_eq!(error.reason(), reason, "{error}");
    let left: Vec<_> = std::fs::read_dir(outer.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "something was written beside the tree: {left:?}");
}

/// An archive of entries as no careful tool would write them: the path goes into the header as it is.
fn crafted(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (path, kind, bytes) in entries {
        let mut header = Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(bytes.len() as u64);
        if matches!(kind, EntryType::Symlink | EntryType::Link) {
            header.set_link_name("../../etc/passwd").unwrap();
        }
        header.set_cksum();
        builder.append(&header, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

#[test]
fn the_digest_is_the_same_from_a_folder_and_from_its_archive() {
    let folder = small();
    let bundle = load(folder.path(), &Limits::default()).unwrap();
    let archive = pack(&bundle, |_| true, Vec::new()).unwrap();
    let (outer, files) = unpacked(&archive, &Limits::default());
    assert_eq!(files.unwrap(), bundle.files);
    let again = load(&outer.path().join("tree"), &Limits::default()).unwrap();
    assert_eq!(again.digest, bundle.digest);
    assert_eq!(pack(&again, |_| true, Vec::new()).unwrap(), archive, "equal files, equal archives");
}

#[test]
fn the_bytes_of_an_archive_stay_what_they_are() {
    let folder = small();
    let archive = pack(&load(folder.path(), &Limits::default()).unwrap(), |_| true, Vec::new()).unwrap();
    let expected = "sha256:ea8ac7add428158159ec782dec96cfb44bb0f71c6cf6390eed5b806ad8a24e3a";
    assert_eq!(Digest::of(&archive).as_str(), expected);
}

#[test]
fn only_the_wanted_files_are_packed() {
    let folder = small();
    let bundle = load(folder.path(), &Limits::default()).unwrap();
    let archive = pack(&bundle, |file| !file.path.ends_with(".wasm"), Vec::new()).unwrap();
    let (_outer, files) = unpacked(&archive, &Limits::default());
    let files = files.unwrap();
    assert!(files.len() + 1 == bundle.files.len());
    assert!(files.iter().all(|file| !file.path.ends_with(".wasm")));
}

#[test]
fn a_file_that_changed_is_not_packed() {
    let folder = small();
    let bundle = load(folder.path(), &Limits::default()).unwrap();
    std::fs::write(folder.path().join("b.txt"), "other").unwrap();
    assert_eq!(pack(&bundle, |_| true, Vec::new()).unwrap_err().reason(), "FileChanged");
}

#[test]
fn what_could_not_be_unpacked_is_not_packed() {
    let folder = small();
    std::fs::write(folder.path().join("B.txt"), "other").unwrap();
    let bundle = load(folder.path(), &Limits::default()).unwrap();
    assert_eq!(pack(&bundle, |_| true, Vec::new()).unwrap_err().reason(), "PathCollision");
}

#[test]
fn archives_of_other_tools_are_read() {
    let folder = small();
    let bundle = load(folder.path(), &Limits::default()).unwrap();
    for format in ["gnu", "pax"] {
        let mut tar = std::process::Command::new("tar");
        let run = tar
            .args(["-c", "-h", "--hard-dereference", "--format", format, "."])
            .current_dir(&folder)
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let (_outer, files) = unpacked(&run.stdout, &Limits::default());
        assert_eq!(files.unwrap(), bundle.files, "{format}");
    }
}

#[test]
fn paths_that_lead_out_are_refused() {
    for path in ["../evil", "a/../../evil", "/tmp/evil", "a/..", "a\\b", "a//b"] {
        refused(&crafted(&[(path, EntryType::Regular, b"x")]), "ArchivePathInvalid");
    }
    refused(&crafted(&[("../evil", EntryType::Directory, b"")]), "ArchivePathInvalid");
}

#[test]
fn long_names_are_checked_like_short_ones() {
    let long = |kind, name: &[u8]| crafted(&[("././@LongLink", kind, name), ("x", EntryType::Regular, b"x")]);
    refused(&long(EntryType::GNULongName, b"../evil\0"), "ArchivePathInvalid");
    refused(&long(EntryType::XHeader, b"16 path=../evil\n"), "ArchivePathInvalid");
    refused(&long(EntryType::XHeader, b"11 size=99\n"), "ArchiveInvalid");
    refused(&long(EntryType::GNULongName, &vec![b'a'; (64 << 10) + 1]), "ArchiveInvalid");
    refused(&long(EntryType::GNULongName, b"\xff\0"), "ArchivePathInvalid");
}

#[test]
fn links_devices_and_pipes_are_refused() {
    for kind in [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Char,
        EntryType::Block,
        EntryType::Fifo,
        EntryType::GNUSparse,
        EntryType::new(b'Z'),
    ] {
        refused(&crafted(&[("a", kind, b"")]), "ArchiveEntryRefused");
    }
}

#[test]
fn a_link_that_is_there_already_is_not_followed() {
    let outer = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outer.path(), outer.path().join("out")).unwrap();
    let tree = outer.path().join("tree");
    std::fs::create_dir(&tree).unwrap();
    std::os::unix::fs::symlink("..", tree.join("up")).unwrap();
    std::os::unix::fs::symlink("../evil", tree.join("file")).unwrap();
    let dir = Dir::open_ambient_dir(&tree, ambient_authority()).unwrap();
    for path in ["up/evil", "file"] {
        let archive = crafted(&[(path, EntryType::Regular, b"x")]);
        assert_eq!(unpack(archive.as_slice(), &dir, &Limits::default()).unwrap_err().reason(), "ArchiveIo");
    }
    assert!(!outer.path().join("evil").exists());
}

#[test]
fn what_a_system_would_merge_collides() {
    let files = |paths: [&str; 2]| crafted(&paths.map(|path| (path, EntryType::Regular, b"x".as_slice())));
    for paths in [["a", "a"], ["a", "A"], ["dir/a", "DIR/b"], ["a", "a/b"]] {
        refused(&files(paths), "PathCollision");
    }
}

#[test]
fn limits_hold_at_the_limit_and_end_it_above() {
    let archive = crafted(&[
        ("a", EntryType::Regular, &[1; 10]),
        ("dir/b", EntryType::Regular, &[1; 10]),
        (".hidden", EntryType::Regular, &[1; 10]),
    ]);
    let limits = |files, file_bytes, total_bytes| Limits { files, file_bytes, total_bytes, ..Limits::default() };
    assert_eq!(unpacked(&archive, &limits(3, 10, 20)).1.unwrap().len(), 2);
    for (limits, reason) in
        [(limits(2, 10, 20), "TooManyFiles"), (limits(3, 9, 20), "FileTooLarge"), (limits(3, 10, 19), "BundleTooLarge")]
    {
        let error = unpacked(&archive, &limits).1.unwrap_err();
        assert_eq!(error.reason(), reason, "{error}");
    }
    let folders = crafted(&[("a/", EntryType::Directory, b""), ("b/", EntryType::Directory, b"")]);
    assert_eq!(unpacked(&folders, &limits(1, 1, 1)).1.unwrap_err().reason(), "TooManyFiles");
}

#[test]
fn a_hidden_flood_ends_with_the_stream_s_limit() {
    // Passed over, so no file is counted: the bytes are.
    let archive = crafted(&[(".hidden", EntryType::Regular, &vec![0; 1 << 20])]);
    let limits = Limits { files: 1, total_bytes: 1, file_bytes: 1, ..Limits::default() };
    assert_eq!(unpacked(&archive, &limits).1.unwrap_err().reason(), "ArchiveInvalid");
}

#[test]
fn what_is_no_archive_is_refused() {
    refused(b"this is text, and it is long enough to be taken for a block of something", "ArchiveInvalid");
    refused(&[7; 2048], "ArchiveInvalid");
    let archive = crafted(&[("a", EntryType::Regular, &[1; 4096])]);
    refused(&archive[..2048], "ArchiveInvalid");
}
