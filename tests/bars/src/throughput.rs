//! Bar 02.3: what a case costs, against a bare HTTP loop that makes the same calls in the same minute.

use std::time::Duration;

use anyhow::{Result, bail};
use arena_harness::{Behaviour, FakeVendor, Reply};
use serde::Deserialize;

use crate::bar::{Bar, median};
use crate::vendor::Vendor;
use crate::world::World;
use crate::{bare_loop, questions};

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    cases: u64,
    concurrency: u64,
    repetitions: u32,
    cpu_ratio: f64,
    loop_ms: f64,
    peak_mb: f64,
    peers: String,
}

/// A loop before and after each run; the vendor's CPU is not counted.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    equal_bodies(world)?;
    let vendor = Vendor::start(Duration::ZERO)?;
    let bundle = world.scratch_in_memory("throughput");
    questions::write(&bundle, limits.cases, &vendor.url())?;
    let concurrency = limits.concurrency.to_string();
    let (mut loops, mut runs, mut peaks, mut calls) = (vec![], vec![], vec![], vec![]);
    let ms_a_case = |cpu: Duration| cpu.as_secs_f64() * 1000.0 / limits.cases as f64;
    for repetition in 0..limits.repetitions {
        let bare = || Ok::<_, anyhow::Error>(ms_a_case(bare_loop::run(&vendor, limits.cases, limits.concurrency)?.cpu));
        let before = bare()?;
        vendor.reset()?;
        let out = world.scratch_in_memory(&format!("throughput-{repetition}"));
        let ended = world.run_to(0, &bundle, &out, &["--concurrency", &concurrency])?;
        calls.push(vendor.seen()?.calls);
        let after = bare()?;
        loops.extend([before, after]);
        runs.push(ms_a_case(ended.cpu));
        peaks.push(ended.peak_bytes as f64 / 1e6);
        bar.note(&format!(
            "loop {before:.4} and {after:.4} ms, run {:.4} ms of CPU a case, {:.2} s from start to end, {:.0} MB",
            ms_a_case(ended.cpu),
            ended.wall.as_secs_f64(),
            ended.peak_bytes as f64 / 1e6
        ));
    }
    let n = format!("{} x {}", limits.repetitions, limits.cases);
    let (floor, run) = (median(loops), median(runs));
    if floor > limits.loop_ms {
        bar.note(&format!("VOID: the machine is too busy, its bare loop takes {floor:.4} ms a case"));
    }
    bar.note(&format!("CPU of a case {run:.4} ms; elsewhere: {}", limits.peers));
    bar.at_most("CPU of the bare loop", floor, limits.loop_ms, " ms a case", &n);
    bar.at_most("CPU of a run, bare loops", run / floor, limits.cpu_ratio, "x", &n);
    let exact = calls.iter().filter(|calls| **calls == limits.cases).count();
    bar.all(&format!("runs with {} calls seen", limits.cases), exact, calls.len());
    bar.at_most("peak memory", peaks.into_iter().fold(0.0, f64::max), limits.peak_mb, " MB", &n);
    Ok(())
}

/// The loop is a floor only if it sends what a run sends. Compiles the components on the way.
fn equal_bodies(world: &World) -> Result<()> {
    let vendor = FakeVendor::start(Behaviour { reply: Reply::Echo, ..Behaviour::default() })?;
    let bundle = world.scratch("throughput-one");
    questions::write(&bundle, 1, &vendor.url())?;
    world.run_to(0, &bundle, &world.scratch("throughput-one-out"), &[])?;
    let (run, floor) = (vendor.last_request(), serde_json::from_slice::<serde_json::Value>(&questions::body(0)?)?);
    if run != floor {
        bail!("the bare loop does not send what a run sends\n run: {run}\nloop: {floor}");
    }
    Ok(())
}
