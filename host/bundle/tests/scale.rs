//! Ten thousand scenario files, alone in their process so that its memory can be measured.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::fmt::Write as _;

use arena_bundle::{Limits, load};

const HEAD: &str = "apiVersion: promptkit.altairalabs.ai/v1alpha1\n";
const FILES: usize = 10_000;
/// Held by the bundle and left over from reading it.
const MOST_KIB: usize = 44 << 10;

/// Memory of this process that is no file, in KiB; none where the system does not say.
fn memory_kib() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?.split_whitespace().next()?.parse().ok()
}

#[test]
fn ten_thousand_scenarios_stay_small() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("s")).unwrap();
    let provider = format!("{HEAD}kind: Provider\nmetadata: {{name: p}}\nspec: {{type: mock}}\n");
    std::fs::write(dir.path().join("p.yaml"), provider).unwrap();
    let mut arena = format!("{HEAD}kind: Arena\nmetadata: {{name: many}}\nspec:\n  providers: [{{file: p.yaml}}]\n");
    arena.push_str("  prompt_specs: {p: {task_type: t, version: v1, description: d, system_template: x}}\n");
    arena.push_str("  defaults: {}\n  scenarios:\n");
    for index in 0..FILES {
        writeln!(arena, "  - file: s/{index}.yaml").unwrap();
        let turn = format!(
            "  - role: user\n    content: What is the answer to question number {index}, please?\n    assertions:\n    \
             - {{type: contains, params: {{patterns: [forty, two]}}}}\n    - {{type: max_length, params: {{max: 500}}}}\n"
        );
        let spec = format!("task_type: t\n  description: Question {index} of many\n  turns:\n{}", turn.repeat(2));
        let text = format!("{HEAD}kind: Scenario\nmetadata: {{name: s{index}, labels: {{a: b}}}}\nspec:\n  {spec}");
        std::fs::write(dir.path().join(format!("s/{index}.yaml")), text).unwrap();
    }
    std::fs::write(dir.path().join("config.arena.yaml"), arena).unwrap();

    let before = memory_kib();
    let bundle = load(dir.path(), &Limits::default()).unwrap_or_else(|problems| panic!("{problems}"));
    let after = memory_kib();
    assert_eq!((bundle.scenarios.len(), bundle.files.len(), bundle.warnings.len()), (FILES, FILES + 2, 0));
    assert!(bundle.scenarios.is_sorted_by(|a, b| a.id < b.id));
    if let (Some(before), Some(after)) = (before, after) {
        assert!(after - before < MOST_KIB, "{} KiB", after - before);
    }
}
