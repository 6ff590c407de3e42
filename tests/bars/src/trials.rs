//! Bar 04.6: of repetitions against a vendor that gives a wrong answer now and then, every trial is there, and
//! thresholds and flake rate are those that follow from what the vendor did.

use std::fs;

use anyhow::{Context, Result};
use arena_harness::{Behaviour, Failing, Failure, FakeVendor};
use arena_model::{Outcome, Summary};
use serde::Deserialize;
use serde_json::json;

use crate::bar::Bar;
use crate::records;
use crate::world::World;

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    trials: u32,
    wrong: u32,
}

/// One test that keeps its threshold, one that misses it by one trial, one that never wavers.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let (n, k) = (limits.trials, limits.wrong);
    let share = f64::from(n - k) / f64::from(n);
    let above = f64::from(n - k + 1) / f64::from(n);
    for (name, threshold, code) in [("kept", Some(share), 0), ("missed", Some(above), 1), ("none", None, 1)] {
        // What the vendor says in place of an answer is an answer, and a wrong one.
        let wrong = json!({"id": "w", "object": "chat.completion", "model": "m", "choices": [{"index": 0,
            "finish_reason": "stop", "message": {"role": "assistant", "content": "wrong"}}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}});
        let how = Failure::Status { status: 200, retry_after: None, body: Some(wrong.to_string()) };
        let failing = Failing { first: u64::from(k), of: u64::from(n), how };
        let vendor = FakeVendor::start(Behaviour::text("right").failing([failing])).context("a vendor")?;
        let (bundle, out) = (world.scratch(name), world.scratch(&format!("{name}-out")));
        write(&bundle, n, threshold, &vendor.url())?;
        world.run_to(code, &bundle, &out, &["-j", "1", "--quiet"])?;
        let found = records::read(world, &out)?;
        let failed = found.iter().filter(|record| record.outcome == Outcome::Failed).count();
        bar.all(&format!("trials in the results, threshold {name}"), found.len(), n as usize);
        bar.all(&format!("wrong answers that failed their trial, threshold {name}"), failed, k as usize);
        let summary: Summary = serde_json::from_slice(&fs::read(out.join("summary.json"))?)?;
        let trials = summary.trials.context("nothing is said of trials")?;
        let said = (trials.tests, trials.flaky, trials.flake_rate, trials.tolerated, trials.short);
        let kept = name == "kept";
        let wanted = (1, 1, 1.0, if kept { u64::from(k) } else { 0 }, u64::from(name == "missed"));
        let line = format!("tests, flaky, flake rate, tolerated, short, threshold {name}");
        bar.line(&line, &format!("{said:?}"), &format!("{wanted:?}"), n, said == wanted);
        let tally = trials.listed.first().and_then(|test| test.thresholds.first());
        let said = tally.map(|tally| (tally.passed, tally.of, tally.met));
        let wanted = threshold.map(|_| (u64::from(n - k), u64::from(n), kept));
        bar.line(
            &format!("passed, of, met, threshold {name}"),
            &format!("{said:?}"),
            &format!("{wanted:?}"),
            n,
            said == wanted,
        );
    }
    Ok(())
}

fn write(bundle: &std::path::Path, trials: u32, threshold: Option<f64>, url: &str) -> Result<()> {
    let mut check = json!({"type": "contains", "params": {"patterns": ["right"]}});
    if let Some(threshold) = threshold {
        check["pass_threshold"] = threshold.into();
    }
    let spec = json!({
        "prompt_specs": {"p": {"task_type": "p", "version": "1", "description": "d", "system_template": "You help."}},
        "provider_specs": {"m": {"type": "openai", "model": "m", "base_url": url}},
        "scenario_specs": {"s": {"task_type": "p", "description": "d", "trials": trials,
            "turns": [{"role": "user", "content": "hello", "assertions": [check]}]}},
        "providers": [],
        "defaults": {},
    });
    let arena = json!({"apiVersion": "promptkit.altairalabs.ai/v1alpha1", "kind": "Arena",
        "metadata": {"name": "trials"}, "spec": spec});
    fs::create_dir_all(bundle)?;
    fs::write(bundle.join("config.arena.yaml"), serde_json::to_vec(&arena)?).context("the arena file")
}
