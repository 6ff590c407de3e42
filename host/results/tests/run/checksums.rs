use std::fs;

use arena_results::verify_checksums;

use crate::sample::finished;

#[test]
fn every_file_is_covered_and_every_change_found() {
    let temp = tempfile::tempdir().unwrap();
    let run = finished(&temp.path().join("run"));
    let text = fs::read_to_string(run.path().join("checksums")).unwrap();
    let paths: Vec<_> = text.lines().filter_map(|line| line.split_once("  ")).map(|(_, path)| path).collect();
    assert_eq!(
        paths,
        [
            "bundle/deep/arena.yaml",
            "index.json",
            "junit.xml",
            "manifest.json",
            "report.html",
            "segments/00001.jsonl.zst",
            "segments/00001.strips",
            "summary.json",
        ]
    );
    fs::write(run.path().join("bundle/deep/arena.yaml"), "kind: Other").unwrap();
    fs::write(run.path().join("bundle/odd\nname"), "").unwrap();
    fs::remove_file(run.path().join("junit.xml")).unwrap();
    assert_eq!(
        verify_checksums(&run).unwrap(),
        ["bundle/deep/arena.yaml: changed", "junit.xml: missing", "bundle/odd\\nname: new"]
    );
    fs::write(run.path().join("checksums"), text.replacen('a', "b", 1)).unwrap();
    assert!(verify_checksums(&run).unwrap()[0].starts_with("checksums: its last line"));
}

#[test]
#[cfg(unix)]
fn a_link_in_the_folder_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let run = finished(&temp.path().join("run"));
    std::os::unix::fs::symlink("/etc/passwd", run.path().join("bundle/link")).unwrap();
    assert!(verify_checksums(&run).unwrap_err().to_string().contains("bundle/link"));
}
