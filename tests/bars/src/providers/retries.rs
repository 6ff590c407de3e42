//! Bar 05.2, first half: a vendor that pushes back and fails loses no case, and is not asked much more for it.

use std::fs;

use anyhow::Result;
use arena_harness::{Behaviour, Failing, Failure, FakeVendor, Reply};
use arena_model::Outcome;
use serde::Deserialize;

use crate::bar::Bar;
use crate::world::World;
use crate::{questions, records};

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    cases: u64,
    concurrency: u32,
    /// Requests for a case, at most.
    ratio: f64,
}

/// Of ten calls one is answered with 429 and Retry-After, and one with 500.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let status = |status: u16, after: Option<&str>| Failure::Status {
        status,
        retry_after: after.map(str::to_owned),
        body: None,
    };
    let failing = [
        Failing { first: 1, of: 10, how: status(429, Some("0.05")) },
        Failing { first: 2, of: 10, how: status(500, None) },
    ];
    let vendor = FakeVendor::start(Behaviour { reply: Reply::Echo, ..Behaviour::default() }.failing(failing))?;
    let (bundle, out) = (world.scratch("retries-bundle"), world.scratch("retries"));
    questions::write(&bundle, limits.cases, &vendor.url())?;
    let concurrency = limits.concurrency.to_string();
    world.run(&bundle, &out, &["-q", "-j", &concurrency])?;
    let found = records::read(world, &out)?;
    let passed = found.iter().filter(|record| record.outcome == Outcome::Passed).count();
    bar.all("cases passed under 10 % of 429 and 10 % of 500", passed, limits.cases as usize);
    let requests = vendor.calls() as f64 / limits.cases as f64;
    bar.at_most("requests a case", requests, limits.ratio, "", vendor.calls());
    let told: usize = found.iter().flat_map(|record| &record.measured.turns).map(|turn| turn.retried.len()).sum();
    let extra = (vendor.calls() - limits.cases) as usize;
    bar.all("retries named in the records", told, extra);
    let summary: serde_json::Value = serde_json::from_slice(&fs::read(out.join("summary.json"))?)?;
    let history = &summary["measured"]["concurrency_by_provider"]["echo"];
    let cuts = history["push_backs"].as_u64().unwrap_or(0);
    bar.line("push backs in the summary's history", &cuts.to_string(), "at least 1", 1, cuts >= 1);
    Ok(())
}
