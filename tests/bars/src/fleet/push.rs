//! Bar 03.6: a push is seen within one interval and starts a run.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

use super::objects::{config, job, source};
use super::stand::{LONG, Stand, Times};
use crate::bar::Bar;
use crate::order;
use crate::world::World;

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    interval_s: u64,
    pushes: u64,
    slack: f64,
}

/// A standing job, and pushes at moments that nobody waits for.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let Some(stand) = Stand::start(world, bar, "push", Times::default())? else { return Ok(()) };
    let bundle = stand.scratch("bundle");
    order::write_mixed(&bundle, 3)?;
    let mut commit = stand.push("main", &bundle)?;
    for yaml in [
        source("prompts", "main", &format!("{}s", limits.interval_s)),
        config("config", "prompts", None, ""),
        job("standing", "config", "  trigger: {onSourceChange: true}\n"),
    ] {
        stand.apply(&yaml)?;
    }
    let revision = |commit: &str| format!("main@sha1:{commit}");
    let seen = |commit: &str| {
        let wanted = revision(commit);
        stand.until("arenasource/prompts", ".status.artifact.revision", |found| found == wanted)
    };
    seen(&commit)?;
    let (mut slowest, mut runs) = (Duration::ZERO, usize::from(runs_of(&stand, &revision(&commit))?));
    for push in 0..limits.pushes {
        // Of the revisions that come during a run only the newest is run, so each run ends first.
        finish(&stand, &revision(&commit))?;
        order::write_mixed(&bundle, 4 + push)?;
        commit = stand.push("main", &bundle)?;
        let since = Instant::now();
        seen(&commit)?;
        slowest = slowest.max(since.elapsed());
        runs += usize::from(runs_of(&stand, &revision(&commit))?);
    }
    let limit = limits.interval_s as f64 * limits.slack;
    bar.at_most("from a push to its revision, the slowest", slowest.as_secs_f64(), limit, " s", limits.pushes);
    bar.all("revisions with a run of the standing job", runs, limits.pushes as usize + 1);
    Ok(())
}

/// Waits for the run of a revision; true if the standing job owns it.
fn runs_of(stand: &Stand<'_>, revision: &str) -> Result<bool> {
    let since = Instant::now();
    while since.elapsed() < LONG {
        let name = stand.get("arenajob/standing", ".status.lastJob")?;
        if name.is_empty() {
            continue;
        }
        let run = run(stand, &name)?;
        if annotated(&run) == Some(revision) {
            return Ok(run["metadata"]["ownerReferences"][0]["name"].as_str() == Some("standing"));
        }
    }
    Ok(false)
}

fn run(stand: &Stand<'_>, name: &str) -> Result<Value> {
    serde_json::from_str(&stand.kubectl(&["get", "arenajob", name, "-o", "json"])?).context("a job that is no JSON")
}

fn annotated(job: &Value) -> Option<&str> {
    job["metadata"]["annotations"]["omnia.altairalabs.ai/revision"].as_str()
}

/// Works on the run of a revision until it is over.
fn finish(stand: &Stand<'_>, revision: &str) -> Result<()> {
    let name = stand.get("arenajob/standing", ".status.lastJob")?;
    anyhow::ensure!(annotated(&run(stand, &name)?) == Some(revision), "the last run is not of {revision}");
    stand.work(&name)
}
