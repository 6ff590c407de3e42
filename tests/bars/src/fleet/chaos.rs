//! Bar 03.5: whatever of a fleet is killed, a job's cases are in the results once each, and few are called twice.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use arena_model::Outcome;
use fastrand::Rng;
use serde::Deserialize;

use super::PROVIDER;
use super::objects::{config, job, provider, source};
use super::stand::{LONG, Stand, Times};
use crate::bar::Bar;
use crate::kill::seed;
use crate::process::Running;
use crate::vendor::Vendor;
use crate::world::World;
use crate::{questions, records};

/// Between two looks at the vendor's count.
const LOOK: Duration = Duration::from_millis(2);
/// Cases of a batch, which a kill may repeat.
const BATCH: u64 = 64;
const JOB: &str = "chaos";

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    cases: u64,
    workers: usize,
    concurrency: u64,
    latency_ms: u64,
    kills_workers: usize,
    kills_operator: usize,
    kills_store: usize,
    kills_redis: usize,
    losses_redis: usize,
}

/// What dies.
#[derive(Clone, Copy, Debug)]
enum Kill {
    Worker,
    Operator,
    Store,
    Redis,
    RedisAndItsData,
}

/// A job of questions, killed at random counts of calls.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let Some(mut stand) = Stand::start(world, bar, "chaos", Times::default())? else { return Ok(()) };
    let mut random = seed(bar)?;
    let vendor = Vendor::start(Duration::from_millis(limits.latency_ms))?;
    let bundle = world.scratch("chaos-bundle");
    questions::write(&bundle, limits.cases, &vendor.url())?;
    stand.push("main", &bundle)?;
    let evaluation = format!("  workers: {}\n  evaluation: {{concurrency: {}}}\n", limits.workers, limits.concurrency);
    for yaml in [
        provider(PROVIDER, &vendor.url()),
        source("prompts", "main", "60s"),
        config("config", "prompts", Some(PROVIDER), &evaluation),
        job(JOB, "config", ""),
    ] {
        stand.apply(&yaml)?;
    }
    let folder = stand.job_dir(JOB)?;
    let start = |stand: &Stand<'_>| stand.worker(&folder);
    let mut workers: Vec<Running> = (0..limits.workers).map(|_| start(&stand)).collect::<Result<_>>()?;
    let kills = order(limits, &mut random);
    let (began, mut killed) = (Instant::now(), Vec::new());
    for (moment, kill) in &kills {
        until(&vendor, *moment, &mut workers, &stand, &folder)?;
        killed.push(format!("{kill:?} at {moment} ({:.1} s)", began.elapsed().as_secs_f64()));
        match kill {
            Kill::Worker => {
                let at = random.usize(0..workers.len());
                workers.swap_remove(at).kill()?;
                workers.push(start(&stand)?);
            }
            Kill::Operator => stand.kill_operator()?,
            Kill::Store => stand.kill_store()?,
            Kill::Redis => stand.kill_redis(true)?,
            Kill::RedisAndItsData => stand.kill_redis(false)?,
        }
    }
    bar.note(&format!("killed: {}", killed.join(", ")));
    let since = Instant::now();
    while stand.get("arenajob/chaos", ".status.conditions[?(@.type==\"Finished\")].status")? != "True" {
        if since.elapsed() > LONG {
            bail!(
                "the job does not end: {}\n{}",
                stand.kubectl(&["get", "arenajob/chaos", "-o", "yaml"])?,
                stand.log("worker")
            );
        }
        renew(&mut workers, &stand, &folder)?;
    }
    judge(&stand, limits, bar, &vendor, kills.len() as u64)
}

/// All kills with their moments: counts of calls between the first and the last case.
fn order(limits: &Limits, random: &mut Rng) -> Vec<(u64, Kill)> {
    let mut kills = Vec::new();
    for (kill, count) in [
        (Kill::Worker, limits.kills_workers),
        (Kill::Operator, limits.kills_operator),
        (Kill::Store, limits.kills_store),
        (Kill::Redis, limits.kills_redis),
        (Kill::RedisAndItsData, limits.losses_redis),
    ] {
        kills.extend((0..count).map(|_| (random.u64(1..limits.cases), kill)));
    }
    kills.sort_by_key(|(moment, _)| *moment);
    kills
}

/// Waits until the vendor has seen so many calls.
fn until(
    vendor: &Vendor,
    calls: u64,
    workers: &mut [Running],
    stand: &Stand<'_>,
    folder: &std::path::Path,
) -> Result<()> {
    let since = Instant::now();
    while vendor.seen()?.calls < calls {
        if since.elapsed() > LONG {
            bail!("the job stands still before call {calls}: {}", stand.log("worker"));
        }
        std::thread::sleep(LOOK);
        renew(workers, stand, folder)?;
    }
    Ok(())
}

/// A worker that ended is started again, as its Kubernetes Job would.
fn renew(workers: &mut [Running], stand: &Stand<'_>, folder: &std::path::Path) -> Result<()> {
    for worker in workers.iter_mut() {
        if worker.ended_within(Duration::ZERO)? {
            *worker = stand.worker(folder)?;
        }
    }
    Ok(())
}

fn judge(stand: &Stand<'_>, limits: &Limits, bar: &mut Bar, vendor: &Vendor, kills: u64) -> Result<()> {
    let path = |kind: &str| format!(".status.conditions[?(@.type==\"{kind}\")].status");
    let verdict = stand.get("arenajob/chaos", &path("Passed"))?;
    bar.line("condition Passed of the job", &verdict, "True", 1, verdict == "True");
    let results = stand.results(JOB)?;
    let found = records::read_with(stand.arena(), &results)?;
    let once = (0..limits.cases).zip(&found).filter(|(index, record)| record.index == *index);
    let once = once.filter(|(_, record)| record.outcome == Outcome::Passed).count();
    let all = limits.cases as usize;
    bar.all("cases in the results once, in order and passed", if found.len() == all { once } else { 0 }, all);
    let calls = vendor.seen()?.calls;
    let most = limits.cases + kills * (limits.concurrency + BATCH);
    bar.at_most(&format!("calls for {all} cases and {kills} kills"), calls as f64, most as f64, "", kills);
    Ok(())
}
