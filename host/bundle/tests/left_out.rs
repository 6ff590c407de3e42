//! What lies in a bundle's folder and cannot be, or is not, a part of the bundle: a warning at most, unless something
//! refers to it.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::path::Path;

use arena_bundle::{Bundle, Limits, Problems, load};
use tempfile::TempDir;

const HEAD: &str = "apiVersion: promptkit.altairalabs.ai/v1alpha1\n";

/// A bundle with a scenario in `s.yaml`, whose turn holds `more`.
fn bundle(more: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let arena = "spec: {providers: [], provider_specs: {m: {type: mock}}, scenarios: [{file: s.yaml}], defaults: {},\n  \
                 prompt_specs: {p: {task_type: t, version: v1, description: d, system_template: x}}}\n";
    let arena = format!("{HEAD}kind: Arena\nmetadata: {{name: a}}\n{arena}");
    let scenario = format!(
        "{HEAD}kind: Scenario\nmetadata: {{name: s}}\nspec:\n  task_type: t\n  description: d\n  turns: [{{role: user, \
         {more}}}]\n"
    );
    std::fs::write(dir.path().join("config.arena.yaml"), arena).unwrap();
    std::fs::write(dir.path().join("s.yaml"), scenario).unwrap();
    dir
}

fn loaded(dir: &Path) -> Bundle {
    load(dir, &Limits::default()).unwrap_or_else(|problems| panic!("{problems}"))
}

const REFERS: &str = "parts: [{type: image, media: {mime_type: image/png, file_path: ./link}}]";

/// What is said of a link to `target`, and of one that a scenario refers to.
#[cfg(unix)]
fn of_link_to(target: &Path) -> [String; 2] {
    let link = |dir: &TempDir| std::os::unix::fs::symlink(target, dir.path().join("link")).unwrap();
    let (unused, used) = (bundle("content: hi"), bundle(REFERS));
    let before = loaded(unused.path());
    link(&unused);
    link(&used);
    let after = loaded(unused.path());
    assert_eq!((after.digest, after.files), (before.digest, before.files), "{}", target.display());
    let refused = load(used.path(), &Limits::default()).unwrap_err();
    [Problems(after.warnings).to_string(), refused.to_string()]
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_to_no_file_of_the_bundle_is_left_out() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("x"), "x").unwrap();
    let escape = [
        "link: warning[PathEscape]: this leads out of the bundle's folder: it is left out; put the file into the bundle",
        "link: error[PathEscape]: this leads out of the bundle's folder; put the file into the bundle",
    ];
    assert_eq!(of_link_to(&outside.path().join("x")), escape);
    assert_eq!(of_link_to(Path::new("../x")), escape);
    assert_eq!(
        of_link_to(Path::new("gone")),
        [
            "link: warning[FileMissing]: the link's target does not exist: it is left out",
            "link: error[FileMissing]: the link's target does not exist",
        ]
    );
    let [warning, error] = of_link_to(Path::new("."));
    assert!(warning.starts_with("link: warning[LinkToFolder]") && error.starts_with("link: error[LinkToFolder]"));
    assert_eq!(
        of_link_to(Path::new("link")),
        [
            "link: warning[LinkLoop]: following its links never ends: it is left out; mend the link",
            "link: error[LinkLoop]: following its links never ends; mend the link",
        ]
    );
}

#[cfg(unix)]
#[test]
fn a_link_within_the_bundle_is_a_file_of_it() {
    let dir = bundle(REFERS);
    std::fs::write(dir.path().join("i.png"), "x").unwrap();
    std::os::unix::fs::symlink("i.png", dir.path().join("link")).unwrap();
    let bundle = loaded(dir.path());
    assert_eq!((bundle.files.len(), bundle.read("link").unwrap()), (4, b"x".to_vec()));
    assert_eq!(bundle.warnings, []);
}

#[cfg(unix)]
#[test]
fn whoever_reads_a_left_out_file_later_is_told_why() {
    let dir = bundle("content: hi");
    std::os::unix::fs::symlink("../x", dir.path().join("link")).unwrap();
    let bundle = loaded(dir.path());
    assert_eq!(bundle.read("link").unwrap_err().reason, "PathEscape");
    assert_eq!(bundle.read("lin").unwrap_err().reason, "FileMissing");
}

#[test]
fn a_file_over_the_limit_is_left_out() {
    let large = |dir: &TempDir| std::fs::write(dir.path().join("link"), [b'x'; 1001]).unwrap();
    let (unused, used) = (bundle("content: hi"), bundle(REFERS));
    large(&unused);
    large(&used);
    let limits = Limits { file_bytes: 1000, total_bytes: 2000, ..Limits::default() };
    let loaded = load(unused.path(), &limits).unwrap();
    assert_eq!(loaded.files.len(), 2);
    assert_eq!(
        Problems(loaded.warnings).to_string(),
        "link: warning[FileTooLarge]: the file has more than 1000 bytes: it is left out; make it smaller or leave it \
         out"
    );
    assert_eq!(
        load(used.path(), &limits).unwrap_err().to_string(),
        "link: error[FileTooLarge]: the file has more than 1000 bytes; make it smaller or leave it out"
    );
    let limits = Limits { file_bytes: 1001, ..limits };
    assert_eq!(load(unused.path(), &limits).unwrap().files.len(), 3, "at the limit it is a part");
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_no_text_is_left_out() {
    use std::os::unix::ffi::OsStrExt as _;
    let dir = bundle("content: hi");
    let name = std::ffi::OsStr::from_bytes(b"\xff.png");
    std::fs::write(dir.path().join(name), "x").unwrap();
    std::fs::create_dir(dir.path().join(std::ffi::OsStr::from_bytes(b"\xfe"))).unwrap();
    let bundle = loaded(dir.path());
    assert_eq!(bundle.files.len(), 2);
    let warnings: Vec<_> = bundle.warnings.iter().map(|it| (it.reason, it.file.as_str())).collect();
    assert_eq!(warnings, [("PathNotUtf8", "."), ("PathNotUtf8", ".")]);
}

#[cfg(unix)]
#[test]
fn fragments_and_skills_that_were_left_out_are_errors_where_they_are_wanted() {
    let dir = bundle("content: hi");
    let arena = std::fs::read_to_string(dir.path().join("config.arena.yaml")).unwrap();
    let fragments = "system_template: x, fragments: [{name: f, path: link, required: false}]";
    let arena = arena.replace("system_template: x", fragments).replace("defaults: {}", "defaults: {}, skills: [k]");
    std::fs::write(dir.path().join("config.arena.yaml"), arena).unwrap();
    std::fs::create_dir(dir.path().join("k")).unwrap();
    for link in ["link", "k/SKILL.md"] {
        std::os::unix::fs::symlink("/etc/hostname", dir.path().join(link)).unwrap();
    }
    let found = load(dir.path(), &Limits::default()).unwrap_err();
    let found: Vec<_> = found.0.iter().map(|it| (it.reason, it.file.as_str())).collect();
    assert_eq!(found, [("PathEscape", "config.arena.yaml"), ("PathEscape", "k/SKILL.md")]);
}

#[test]
fn reports_beside_the_folder_of_a_run_are_no_part_of_a_bundle() {
    let dir = bundle("content: hi");
    let write = |path: &str| {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x").unwrap();
    };
    for path in ["out/data.csv", "notes/one.md"] {
        write(path);
    }
    let before = loaded(dir.path());
    for file in ["manifest.json", "lock", "bundle/x", "report.html"] {
        write(&format!("out/one/{file}"));
    }
    for end in ["md", "xml", "html", "json", "jsonl"] {
        write(&format!("out/one.{end}"));
    }
    let after = loaded(dir.path());
    assert_eq!((&after.digest, &after.files), (&before.digest, &before.files));
    assert_eq!(after.warnings, []);
    let told = after.read("out/one.md").unwrap_err().to_string();
    assert!(told.starts_with("out/one.md: error[FileMissing]: the file lies beside the folder of a run"), "{told}");
    let digest_with = |path: &str| {
        write(path);
        let digest = loaded(dir.path()).digest;
        std::fs::remove_file(dir.path().join(path)).unwrap();
        digest
    };
    for counts in ["out/more.csv", "out/deeper/one.md", "notes/two.md", "two.md"] {
        assert_ne!(digest_with(counts), before.digest, "{counts}");
    }
}
