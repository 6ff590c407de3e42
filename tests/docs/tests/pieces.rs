//! Every piece of YAML in the pages is one that `arena` takes.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;
use std::process::Command;

use arena_docs::{Directive, arena, bundle_around, environment, pages, root, work_folder};

/// The cache of its own: a test in another process may be compiling the same components.
fn cache() -> std::path::PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("arena-cache")
}

/// Validates a bundle around the piece; a mock file is run with.
fn try_piece(yaml: &str) -> Result<(), String> {
    let folder = work_folder().unwrap();
    let bundle = folder.path().join("work/bundle");
    let mock = bundle_around(yaml, &bundle).map_err(|error| format!("{error:#}"))?;
    let mut command = Command::new(arena().unwrap());
    command.env_clear().envs(environment(folder.path(), &cache())).current_dir(folder.path().join("work"));
    if mock {
        fs::rename(bundle.join("mock.yaml"), folder.path().join("work/mock.yaml")).unwrap();
        command.args(["run", "bundle", "--out", "out", "--mock-provider", "--mock-config", "mock.yaml"]);
    } else {
        command.args(["validate", "bundle"]);
    }
    let output = command.output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    // A provider in a page may need a key, which is a warning; an unknown name in it may not pass for one.
    // Tools that a piece speaks of stand elsewhere on its page.
    let warned = printed.contains("FeatureUnsupported") || printed.replace("[ToolUnknown]", "").contains("Unknown");
    if output.status.success() && !warned { Ok(()) } else { Err(printed) }
}

#[test]
fn yaml_blocks_are_valid() {
    let (mut failed, mut tried) = (Vec::new(), 0);
    for page in pages(&root()).unwrap() {
        for block in page.blocks.iter().filter(|block| block.language == "yaml") {
            if matches!(block.directive, Directive::File(_) | Directive::Steps(_)) {
                continue;
            }
            tried += 1;
            if let Err(why) = try_piece(&block.text) {
                failed.push(format!("{}:{}: {why}", page.path, block.line));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
    assert!(tried >= 5, "only {tried} blocks of YAML");
}

#[test]
fn what_arena_refuses_is_refused_here() {
    for (piece, part) in [
        ("- type: contains\n  params: { patterns: x }\n", "BadParams"),
        ("- type: containz\n  params: { patterns: [x] }\n", "CheckUnknown"),
        ("trails: 2\n", "outermost keys"),
        ("trials: two\n", "WrongType"),
        ("evaluators: [{ name: a, component: missing.wasm }]\n", "FileMissing"),
        ("defaultResponse: x\nscenarios: { a: { turns: { 1: { typ: x } } } }\n", "MockFileInvalid"),
        ("apiVersion: promptkit.altairalabs.ai/v1alpha1\nkind: Tool\nspec: {}\n", "needs the directive"),
    ] {
        let why = try_piece(piece).unwrap_err();
        assert!(why.contains(part), "{piece}: {why}");
    }
}
