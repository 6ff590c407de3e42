//! Bar 02.6: how many cases run at once changes nothing but what is measured.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use arena_model::Outcome;
use arena_results::RunView;
use serde::Deserialize;
use serde_json::json;

use crate::bar::Bar;
use crate::mock_bundle::{GOOD_REPLY, MockBundle};
use crate::vendor::Vendor;
use crate::world::World;
use crate::{questions, records};

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    cases: u64,
    concurrency: u64,
}

/// One bundle in which all pass, called over HTTP, and one in which every outcome of a check occurs.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let vendor = Vendor::start(Duration::ZERO)?;
    let questions = world.scratch("order-questions");
    questions::write(&questions, limits.cases, &vendor.url())?;
    let cases = same(world, limits, bar, &questions)?;
    bar.all("questions in which all checks pass", cases.passed, cases.all);

    let mixed = world.scratch("order-mixed");
    write_mixed(&mixed, limits.cases)?;
    let cases = same(world, limits, bar, &mixed)?;
    let every = [cases.passed, cases.failed, cases.error, cases.not_run_checks];
    bar.all("outcomes that occur in the other", every.iter().filter(|count| **count > 0).count(), every.len());
    Ok(())
}

#[derive(Default)]
struct Cases {
    all: usize,
    passed: usize,
    failed: usize,
    error: usize,
    not_run_checks: usize,
}

fn same(world: &World, limits: &Limits, bar: &mut Bar, bundle: &Path) -> Result<Cases> {
    let (one, many) = (bundle.with_extension("1"), bundle.with_extension("many"));
    for (concurrency, out) in [(1, &one), (limits.concurrency, &many)] {
        world.run(bundle, out, &["--quiet", "--concurrency", &concurrency.to_string()])?;
    }
    let differences = arena_results::equal(&RunView::open(&one)?, &RunView::open(&many)?)?;
    for difference in &differences {
        bar.note(difference);
    }
    let mut cases = Cases::default();
    for record in records::read(world, &one)? {
        cases.all += 1;
        match record.outcome {
            Outcome::Passed => cases.passed += 1,
            Outcome::Failed => cases.failed += 1,
            Outcome::Error => cases.error += 1,
            Outcome::Skipped | Outcome::NotRun => {}
        }
        cases.not_run_checks += record.checks.iter().filter(|check| check.outcome == Outcome::NotRun).count();
    }
    let what = format!("differences between concurrency 1 and {}", limits.concurrency);
    bar.at_most(&what, differences.len() as f64, 0.0, "", cases.all);
    Ok(cases)
}

/// Cases that pass, fail in the first of two turns, and end in an error, in turn.
pub fn write_mixed(to: &Path, cases: u64) -> Result<()> {
    let mut bundle = MockBundle::new(GOOD_REPLY);
    for case in 0..cases {
        let first = match case % 3 {
            0 => json!({"type": "contains", "params": {"patterns": ["Monday"]}}),
            1 => json!({"type": "contains", "params": {"patterns": ["Sunday"]}}),
            _ => json!({"type": "regex", "params": {"pattern": "("}}),
        };
        let judge = json!({"type": "llm_judge", "params": {"criteria": "It names a day."}});
        let last = json!({"type": "min_length", "params": {"min": case}});
        bundle.scenario(&format!("case-{case:04}"), &[vec![first, judge], vec![last]]);
    }
    bundle.write(to)
}
