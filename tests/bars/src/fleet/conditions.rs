//! Bar 03.4: each trouble is a condition with a reason of its own that passes when it is mended, and a job that is deleted
//! leaves nothing but its results.

use std::fs;
use std::net::TcpListener;

use anyhow::{Result, ensure};
use arena_harness::GitFault;
use serde::Deserialize;

use super::objects::{config, job, provider, source};
use super::stand::{Stand, Times};
use super::{PROVIDER, redis};
use crate::bar::Bar;
use crate::order;
use crate::world::World;

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    troubles: usize,
}

/// One trouble after the other, then a job that fails and is deleted.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let Some(stand) = Stand::start(world, bar, "conditions", Times::default())? else { return Ok(()) };
    let mended = [remote(&stand), bundle(&stand), missing_config(&stand), missing_provider(&stand)];
    for error in mended.iter().filter_map(|mended| mended.as_ref().err()) {
        bar.note(&format!("{error:#}"));
    }
    let good = mended.iter().filter(|mended| mended.is_ok()).count();
    bar.all("troubles with a reason of their own that pass when mended", good, limits.troubles);
    deleted(&stand, bar)
}

/// Nobody answers at the repository's address, then somebody does.
fn remote(stand: &Stand<'_>) -> Result<()> {
    order::write_mixed(&stand.scratch("bundle"), 3)?;
    stand.push("main", &stand.scratch("bundle"))?;
    stand.block_on(stand.git.set_fault(GitFault::Unreachable))?;
    stand.apply(&source("prompts", "main", "10s"))?;
    stand.condition("arenasource/prompts", "Ready", "RemoteUnreachable")?;
    stand.block_on(stand.git.set_fault(GitFault::None))?;
    stand.condition("arenasource/prompts", "Ready", "True")
}

/// A push breaks the bundle, the artifact before it stays, and another push mends it.
fn bundle(stand: &Stand<'_>) -> Result<()> {
    let (folder, arena) = (stand.scratch("bundle"), stand.scratch("bundle").join("config.arena.yaml"));
    let before = stand.get("arenasource/prompts", ".status.artifact.digest")?;
    let good = fs::read_to_string(&arena)?;
    fs::write(&arena, good.replace("scenario_specs", "scenarios"))?;
    stand.push("main", &folder)?;
    stand.condition("arenasource/prompts", "Ready", "BundleInvalid")?;
    let kept = stand.get("arenasource/prompts", ".status.artifact.digest")?;
    ensure!(kept == before, "the good artifact {before} is gone");
    fs::write(&arena, good)?;
    stand.push("main", &folder)?;
    stand.condition("arenasource/prompts", "Ready", "True")
}

fn missing_config(stand: &Stand<'_>) -> Result<()> {
    stand.apply(&job("failing", "config", ""))?;
    stand.condition("arenajob/failing", "Ready", "ConfigNotFound")?;
    stand.apply(&config("config", "prompts", None, ""))?;
    stand.condition("arenajob/failing", "Resolved", "True")
}

fn missing_provider(stand: &Stand<'_>) -> Result<()> {
    // Nobody is called there: the job has no worker.
    let nobody = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    stand.apply(&config("bound", "prompts", Some(PROVIDER), ""))?;
    stand.condition("arenaconfig/bound", "Ready", "ProviderNotFound")?;
    stand.apply(&job("bound", "bound", ""))?;
    stand.condition("arenajob/bound", "Ready", "ProviderNotFound")?;
    stand.apply(&provider(PROVIDER, &format!("http://{nobody}/v1")))?;
    stand.condition("arenaconfig/bound", "Ready", "True")?;
    stand.condition("arenajob/bound", "Resolved", "True")
}

/// Of the mixed bundle some cases fail. The pods stay pending for want of a node.
fn deleted(stand: &Stand<'_>, bar: &mut Bar) -> Result<()> {
    let pods = ["get", "pods", "-l", "app.kubernetes.io/name=arena-worker", "-o", "name"];
    stand.work("failing")?;
    let passed = stand.get("arenajob/failing", ".status.conditions[?(@.type==\"Passed\")].status")?;
    bar.line("condition Passed of a job with a failing check", &passed, "False", 1, passed == "False");
    let uid = stand.get("arenajob/failing", ".metadata.uid")?;
    let bound = stand.get("arenajob/bound", ".metadata.uid")?;
    stand.job_dir("bound")?;
    let keys = || -> Result<bool> {
        let found = redis::ask(stand, "KEYS arena:*")?;
        Ok(found.contains(&uid) || found.contains(&bound))
    };
    let user = || Ok::<_, anyhow::Error>(redis::ask(stand, "ACL LIST")?.contains(&bound));
    ensure!(keys()? && user()?, "there is nothing of the jobs in Redis");
    let results = stand.results("failing")?;
    for job in ["failing", "bound"] {
        stand.kubectl(&["delete", "arenajob", job, "--timeout=120s"])?;
        for kind in ["secret", "job"] {
            stand.gone(&format!("{kind}/{job}-worker"))?;
        }
    }
    let deadline = std::time::Instant::now() + super::stand::LONG;
    while !stand.kubectl(&pods)?.is_empty() && std::time::Instant::now() < deadline {}
    let left = stand.kubectl(&pods)?.lines().count();
    bar.at_most("pods that are left", left as f64, 0.0, "", 2);
    bar.at_most("jobs with keys or users in Redis", f64::from(u8::from(keys()? || user()?)), 0.0, "", 2);
    let again = stand.results_of("failing-again", &uid)?;
    let same = fs::read(results.join("summary.json"))? == fs::read(again.join("summary.json"))?;
    bar.line("results after the deletion", if same { "the same" } else { "others" }, "the same", 1, same);
    Ok(())
}
