//! The component that says the opposite of the standard `text`, and the count of verdicts that follow it.

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use arena_model::{CheckRecord, Outcome, Record};
use serde_json::{Value, json};

use crate::guest;
use crate::mock_bundle::MockBundle;
use crate::records::{self, judged};
use crate::world::World;

const COMPONENT: &str = "text";

/// What is said of `REPLY` by each type of the component, first what holds and then what does not.
const TYPES: &[(&str, &str, &str)] = &[
    ("contains", r#"{"patterns": ["monday", "parcel"]}"#, r#"{"patterns": ["monday", "sunday"]}"#),
    ("content_includes", r#"{"patterns": ["parcel"]}"#, r#"{"patterns": ["letter"]}"#),
    ("contains_any", r#"{"patterns": ["sunday", "monday"]}"#, r#"{"patterns": ["sunday"]}"#),
    ("content_includes_any", r#"{"patterns": ["monday"]}"#, r#"{"patterns": ["sunday"]}"#),
    ("content_excludes", r#"{"patterns": ["sunday"]}"#, r#"{"patterns": ["monday"]}"#),
    ("content_not_includes", r#"{"patterns": ["sunday"]}"#, r#"{"patterns": ["left"]}"#),
    ("banned_words", r#"{"words": ["mon"]}"#, r#"{"words": ["monday"]}"#),
    ("equals", r#"{"expected": "The parcel left on Monday."}"#, r#"{"expected": "The parcel left."}"#),
    ("regex", r#"{"pattern": "on \\w+day"}"#, r#"{"pattern": "^parcel"}"#),
    ("content_matches", r#"{"pattern": "^The"}"#, r#"{"pattern": "\\d"}"#),
    ("min_length", r#"{"min": 26}"#, r#"{"min": 27}"#),
    ("max_length", r#"{"max": 26}"#, r#"{"max": 25}"#),
    ("length", r#"{"max_tokens": 6}"#, r#"{"max_tokens": 5}"#),
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
        Ok(Self { component: guest::build(world, "opposite-text")? })
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
        let mut cases = MockBundle::new(REPLY);
        for (kind, holds, fails) in TYPES {
            for (name, params) in [("holds", holds), ("fails", fails)] {
                let params: Value = serde_json::from_str(params).with_context(|| format!("params of {kind}"))?;
                cases.scenario(&format!("{kind}-{name}"), &[vec![json!({"type": kind, "params": params})]]);
            }
        }
        cases.write(&bundle)?;
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
            let place =
                |other: &&CheckRecord| (other.scope, other.turn, other.index) == (check.scope, check.turn, check.index);
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
