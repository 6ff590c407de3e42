//! Bar 05.2, second half: requests of a minute are counted over all workers of a fleet.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use arena_harness::{Behaviour, FakeVendor, Reply};
use serde::Deserialize;

use crate::bar::Bar;
use crate::fleet::PROVIDER;
use crate::fleet::objects::{config, job, provider, source};
use crate::fleet::stand::{LONG, Stand, Times};
use crate::process::Running;
use crate::questions;
use crate::world::World;

const MINUTE: Duration = Duration::from_secs(60);

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    cases: u64,
    requests_per_minute: u64,
    /// Requests of any minute above that, at most.
    excess: u64,
    workers: [usize; 2],
    concurrency: u64,
}

/// The same job with one worker process and with several.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    for workers in limits.workers {
        let name = format!("rate-{workers}");
        let Some(stand) = Stand::start(world, bar, &name, Times::default())? else { return Ok(()) };
        let vendor = FakeVendor::start(Behaviour { reply: Reply::Echo, ..Behaviour::default() })?;
        let bundle = world.scratch(&format!("{name}-bundle"));
        questions::write(&bundle, limits.cases, &vendor.url())?;
        stand.push("main", &bundle)?;
        let evaluation = format!("  workers: {workers}\n  evaluation: {{concurrency: {}}}\n", limits.concurrency);
        let limited = provider(PROVIDER, &vendor.url())
            .replace("spec: {", &format!("spec: {{limits: {{requestsPerMinute: {}}}, ", limits.requests_per_minute));
        for yaml in [
            limited,
            source("prompts", "main", "60s"),
            config("config", "prompts", Some(PROVIDER), &evaluation),
            job("rate", "config", ""),
        ] {
            stand.apply(&yaml)?;
        }
        let folder = stand.job_dir("rate")?;
        let since = Instant::now();
        let running: Vec<Running> = (0..workers).map(|_| stand.worker(&folder)).collect::<Result<_>>()?;
        while stand.get("arenajob/rate", ".status.conditions[?(@.type==\"Finished\")].status")? != "True" {
            if since.elapsed() > LONG {
                bail!("the job does not end: {}", stand.log("worker"));
            }
        }
        drop(running);
        let passed = stand.get("arenajob/rate", ".status.conditions[?(@.type==\"Passed\")].status")?;
        bar.line(&format!("condition Passed with {workers} workers"), &passed, "True", 1, passed == "True");
        let times = vendor.request_times();
        bar.line(
            &format!("requests with {workers} workers"),
            &times.len().to_string(),
            &limits.cases.to_string(),
            times.len(),
            times.len() as u64 == limits.cases,
        );
        let most = limits.requests_per_minute + limits.excess;
        bar.at_most(
            &format!("most requests in any minute, {workers} workers"),
            busiest(&times) as f64,
            most as f64,
            "",
            times.len(),
        );
        let wall = since.elapsed().as_secs_f64();
        let ideal = limits.cases as f64 / limits.requests_per_minute as f64 * 60.0;
        bar.note(&format!("{workers} workers: {wall:.1} s, {ideal:.1} s at the limit"));
    }
    Ok(())
}

/// The most requests within any minute, wherever it begins.
fn busiest(times: &[Instant]) -> usize {
    let mut times = times.to_vec();
    times.sort();
    let within = |from: usize| times[from..].iter().take_while(|at| **at < times[from] + MINUTE).count();
    (0..times.len()).map(within).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_minute_begins_anywhere() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        assert_eq!(busiest(&[at(0), at(50), at(70), at(100), at(111)]), 3);
        assert_eq!(busiest(&[]), 0);
    }
}
