//! The component that says the opposite of the standard `text`, and the count of verdicts that follow it.

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use arena_model::{CheckRecord, Outcome, Record};

use crate::process;
use crate::records::{self, judged};
use crate::world::World;

/// Longest time of its build, downloads included.
const PATIENCE: Duration = Duration::from_secs(600);
const TARGET: &str = "wasm32-unknown-unknown";
const COMPONENT: &str = "text";

/// What is said of `REPLY` by each type of the component, first what holds and then what does not.
const TYPES: &[(&str, &str, &str)] = &[
    ("contains", "patterns: [monday, parcel]", "patterns: [monday, sunday]"),
    ("content_includes", "patterns: [parcel]", "patterns: [letter]"),
    ("contains_any", "patterns: [sunday, monday]", "patterns: [sunday]"),
    ("content_includes_any", "patterns: [monday]", "patterns: [sunday]"),
    ("content_excludes", "patterns: [sunday]", "patterns: [monday]"),
    ("content_not_includes", "patterns: [sunday]", "patterns: [left]"),
    ("banned_words", "words: [mon]", "words: [monday]"),
    ("equals", "expected: The parcel left on Monday.", "expected: The parcel left."),
    ("regex", "pattern: 'on \\w+day'", "pattern: '^parcel'"),
    ("content_matches", "pattern: '^The'", "pattern: '\\d'"),
    ("min_length", "min: 26", "min: 27"),
    ("max_length", "max: 26", "max: 25"),
    ("length", "max_tokens: 6", "max_tokens: 5"),
];
const REPLY: &str = "The parcel left on Monday.";

/// The component's file.
pub struct Opposite {
    component: PathBuf,
}

/// Verdicts, and how many of them turned over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turned {
    /// Turned over.
    pub over: usize,
    /// Could have.
    pub of: usize,
    /// With fuel in the record.
    pub fuelled: usize,
    /// All verdicts of both runs.
    pub judged: usize,
}

impl AddAssign for Turned {
    fn add_assign(&mut self, other: Self) {
        self.over += other.over;
        self.of += other.of;
        self.fuelled += other.fuelled;
        self.judged += other.judged;
    }
}

impl Opposite {
    /// Builds `tests/bars/opposite-text`.
    pub fn build(world: &World) -> Result<Self> {
        let target = world.root.join("target/guests-bars");
        let mut command = Command::new("cargo");
        command.current_dir(world.root.join("tests/bars/opposite-text")).env("CARGO_TARGET_DIR", &target);
        command.args(["build", "--quiet", "--release", "--target", TARGET]);
        if crate::in_ci() {
            command.arg("--locked");
        }
        process::capture(&mut command, PATIENCE)?;
        let module = target.join(TARGET).join("release/arena_opposite_text.wasm");
        let module = std::fs::read(&module).with_context(|| module.display().to_string())?;
        let component = world.scratch("opposite-text.wasm");
        std::fs::write(&component, arena_componentize::componentize(&module)?)?;
        Ok(Self { component })
    }

    /// Runs the bundle again with this component and compares. What a conversation did not come to is left out, but
    /// each case must have at least one verdict to turn.
    pub fn turn_over(&self, world: &World, bundle: &Path, before: &[Record]) -> Result<Turned> {
        let out = bundle.with_extension("opposite");
        let evaluator = format!("{COMPONENT}={}", self.component.display());
        let ended = world.run_mocked(bundle, &out, &["--evaluator", &evaluator])?;
        if !matches!(ended.status.code(), Some(0 | 1)) {
            bail!("arena run --evaluator in {} ended with {}", bundle.display(), ended.status);
        }
        compare(before, &records::read(world, &out)?)
    }

    /// Both verdicts of every type, on a bundle of our own.
    pub fn every_type(&self, world: &World) -> Result<Turned> {
        let bundle = world.scratch("every-type");
        write(&bundle)?;
        let out = bundle.with_extension("out");
        world.run_mocked(&bundle, &out, &[])?;
        let before = records::read(world, &out)?;
        let passed = before.iter().filter(|record| record.outcome == Outcome::Passed).count();
        let failed = before.iter().filter(|record| record.outcome == Outcome::Failed).count();
        if (passed, failed) != (TYPES.len(), TYPES.len()) {
            bail!("{} types of text, but {passed} cases passed and {failed} failed", TYPES.len());
        }
        self.turn_over(world, &bundle, &before)
    }
}

fn write(bundle: &Path) -> Result<()> {
    const HEAD: &str = "apiVersion: promptkit.altairalabs.ai/v1alpha1\n";
    std::fs::create_dir_all(bundle)?;
    let mut arena = format!(
        "{HEAD}kind: Arena\nmetadata: {{name: every-type}}\nspec:\n  providers: [{{file: mock.yaml}}]\n  defaults: {{}}\n  \
         prompt_specs:\n    p: {{task_type: t, version: v1, description: d, system_template: x}}\n  scenario_specs:\n"
    );
    for (kind, holds, fails) in TYPES {
        for (name, params) in [("holds", holds), ("fails", fails)] {
            arena.push_str(&format!(
                "    {kind}-{name}:\n      task_type: t\n      description: d\n      turns:\n        - role: user\n          \
                 content: hello\n          assertions: [{{type: {kind}, params: {{{params}}}}}]\n"
            ));
        }
    }
    std::fs::write(bundle.join("config.arena.yaml"), arena)?;
    std::fs::write(
        bundle.join("mock.yaml"),
        format!("{HEAD}kind: Provider\nmetadata: {{name: mock}}\nspec: {{type: mock}}\n"),
    )?;
    std::fs::write(bundle.join("mock-responses.yaml"), format!("defaultResponse: {REPLY:?}\n"))?;
    Ok(())
}

fn compare(before: &[Record], after: &[Record]) -> Result<Turned> {
    let after: BTreeMap<_, _> = after.iter().map(|record| (&record.key, record)).collect();
    let mut turned = Turned::default();
    for record in before {
        let other = after.get(&record.key).with_context(|| format!("case {} is gone", record.scenario))?;
        for check in record.checks.iter().chain(&other.checks).filter(|check| judged(check)) {
            turned.judged += 1;
            turned.fuelled += usize::from(check.fuel > 0);
        }
        let verdicts = record.checks.iter().filter(|check| judged(check) && by_component(check));
        let mut compared = 0;
        for check in verdicts {
            let place = |other: &&CheckRecord| {
                (other.scope, other.turn, other.index) == (check.scope, check.turn, check.index)
            };
            let Some(mirror) = other.checks.iter().find(place) else { continue };
            if mirror.outcome != Outcome::NotRun {
                compared += 1;
                turned.of += 1;
                turned.over += usize::from(judged(mirror) && mirror.outcome != check.outcome);
            }
        }
        if compared == 0 && record.checks.iter().any(|check| judged(check) && by_component(check)) {
            bail!("case {}: nothing was judged under the opposite component", record.scenario);
        }
    }
    Ok(turned)
}

fn by_component(check: &CheckRecord) -> bool {
    check.evaluator.as_ref().is_some_and(|evaluator| evaluator.name == COMPONENT)
}
