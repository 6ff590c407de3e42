//! Prints what the queue in Redis costs on this machine: `cargo run --release --features redis --example redis_rates`.

#[path = "../tests/rig/mod.rs"]
mod rig;

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use arena_queue::{Claimed, JobId, Queue, RedisQueue, WorkerId};
use rig::jobs::{settled, spec};

const CASES: u64 = 10_000_000;
const ROUNDS: u64 = 2_000;
const WORKER: WorkerId = WorkerId(1);

/// A number out of INFO.
async fn info(server: &rig::Server, name: &str) -> Result<f64> {
    let info: String = redis::cmd("INFO").arg("everything").query_async(&mut server.raw().await).await?;
    let value = info.lines().find_map(|line| line.split_once(name)).context("INFO is short")?.1;
    Ok(value.split([',', '\r']).next().unwrap_or(value).parse()?)
}

/// Microseconds half of the scripts took at most since the last call.
async fn script(server: &rig::Server) -> Result<f64> {
    // Nothing if there was none.
    let median = info(server, "latency_percentiles_usec_evalsha:p50=").await.unwrap_or(0.0);
    let () = redis::cmd("CONFIG").arg("RESETSTAT").query_async(&mut server.raw().await).await?;
    Ok(median)
}

#[tokio::main]
async fn main() -> Result<()> {
    let (server, mut out) = (rig::Server::start(), std::io::stdout());
    let queue = RedisQueue::new(server.options())?;
    for job in ["warm", "up"] {
        queue.create(&JobId::new(job)?, spec(1)).await?;
    }
    let before = info(&server, "used_memory:").await?;
    script(&server).await?;
    let job = JobId::new("rates")?;
    queue.create(&job, spec(CASES)).await?;
    let (created, took) = (info(&server, "used_memory:").await?, script(&server).await?);
    queue.register(&job, WORKER).await?;
    queue.commit(&job, WORKER, 1, &[settled(CASES - 1)]).await?;
    let full = info(&server, "used_memory:").await?;
    let (small, large) = ((created - before) / 1e3, (full - before) / 1e6);
    writeln!(out, "create {CASES} cases: {took:.0} us of Redis, {small:.1} KB; {large:.2} MB with all done bits")?;
    let mut seq = 1;
    for k in [1, 16, 64] {
        let (mut claims, mut commits) = (vec![], vec![]);
        script(&server).await?;
        for _ in 0..ROUNDS {
            let start = Instant::now();
            let Claimed::Cases(cases) = queue.claim(&job, WORKER, 0, k).await? else { bail!("no case left") };
            claims.push(start.elapsed());
            let batch: Vec<_> = cases.iter().map(|claim| settled(claim.j)).collect();
            seq += 1;
            let start = Instant::now();
            queue.commit(&job, WORKER, seq, &batch).await?;
            commits.push(start.elapsed());
        }
        let median = |times: &mut Vec<Duration>| {
            times.sort_unstable();
            times[times.len() / 2].as_secs_f64() * 1e6
        };
        let (claim, commit) = (median(&mut claims), median(&mut commits));
        let (rate, took) = (k as f64 * 1e6 / (claim + commit), script(&server).await?);
        writeln!(
            out,
            "batch {k:>2}: {rate:>6.0} cases/s; medians: claim {claim:.0} us, commit {commit:.0} us, a script {took:.0} us"
        )?;
    }
    Ok(())
}
