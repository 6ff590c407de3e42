//! Bar 06.1: what a case costs as a row of a table, how much memory a run takes whatever the number of its cases, and
//! whether it keeps a slow vendor busy.

use std::time::Duration;

use anyhow::{Result, bail};
use serde::Deserialize;

use crate::bar::{Bar, median};
use crate::bare_loop;
use crate::process::Ended;
use crate::questions::{self, Answered};
use crate::vendor::Vendor;
use crate::world::World;

/// Longest time of a run of a million cases.
const PATIENCE: Duration = Duration::from_secs(1800);

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    cases: u64,
    few: u64,
    concurrency: u64,
    repetitions: u32,
    cpu_ratio: f64,
    peak_mb: f64,
    peak_growth: f64,
    slow_ms: u64,
    wall_ratio: f64,
    peers: String,
}

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Million {
    cases: u64,
    few: u64,
    concurrency: u64,
    peak_ratio: f64,
}

fn peak_mb(ended: Ended) -> f64 {
    ended.peak_bytes as f64 / 1e6
}

/// CPU and memory against a vendor that answers at once, then wall time against one that takes its time.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let concurrency = limits.concurrency.to_string();
    let vendor = Vendor::start(Duration::ZERO)?;
    let (many, few) = (world.scratch_in_memory("rows-many"), world.scratch_in_memory("rows-few"));
    questions::write_rows(&many, limits.cases, &Answered::Echo(&vendor.url()))?;
    questions::write_rows(&few, limits.few, &Answered::Echo(&vendor.url()))?;
    let out = |name: &str| world.scratch_in_memory(&format!("rows-out-{name}"));
    // Compiles the components and indexes the tables.
    for (bundle, name) in [(&many, "first-many"), (&few, "first-few")] {
        world.run_to(0, bundle, &out(name), &["--concurrency", &concurrency])?;
    }
    let ms_a_case = |ended: Ended| ended.cpu.as_secs_f64() * 1000.0 / limits.cases as f64;
    let (mut ratios, mut peaks, mut of_few) = (vec![], vec![], vec![]);
    for repetition in 0..limits.repetitions {
        let bare = || Ok::<_, anyhow::Error>(ms_a_case(bare_loop::run(&vendor, limits.cases, limits.concurrency)?));
        let before = bare()?;
        let run = world.run_to(0, &many, &out(&format!("many-{repetition}")), &["--concurrency", &concurrency])?;
        let after = bare()?;
        let small = world.run_to(0, &few, &out(&format!("few-{repetition}")), &["--concurrency", &concurrency])?;
        let floor = f64::midpoint(before, after);
        ratios.push(ms_a_case(run) / floor);
        peaks.push(peak_mb(run));
        of_few.push(peak_mb(small));
        bar.note(&format!(
            "loop {before:.4} and {after:.4} ms, run {:.4} ms of CPU a case, {:.0} MB; {} cases {:.0} MB",
            ms_a_case(run),
            peak_mb(run),
            limits.few,
            peak_mb(small)
        ));
    }
    bar.note(&format!("CPU of a case elsewhere: {}", limits.peers));
    let n = format!("{} x {}", limits.repetitions, limits.cases);
    bar.at_most("CPU of a run, bare loops", median(ratios), limits.cpu_ratio, "x", &n);
    bar.at_most("peak memory", peaks.iter().copied().fold(0.0, f64::max), limits.peak_mb, " MB", &n);
    let growth = median(peaks) / median(of_few);
    bar.at_most(&format!("peak memory, that of {} cases", limits.few), growth, limits.peak_growth, "x", &n);

    let slow = Vendor::start(Duration::from_millis(limits.slow_ms))?;
    let bundle = world.scratch_in_memory("rows-slow");
    questions::write_rows(&bundle, limits.cases, &Answered::Echo(&slow.url()))?;
    let ended = world.run_to(0, &bundle, &out("slow"), &["--concurrency", &concurrency])?;
    if slow.seen()?.calls != limits.cases {
        bail!("the slow vendor saw {} calls, not {}", slow.seen()?.calls, limits.cases);
    }
    let rounds = limits.cases.div_ceil(limits.concurrency);
    let ideal = Duration::from_millis(rounds * limits.slow_ms);
    let what = format!("wall time against {} ms a call, the ideal", limits.slow_ms);
    bar.at_most(&what, ended.wall.as_secs_f64() / ideal.as_secs_f64(), limits.wall_ratio, "x", limits.cases);
    Ok(())
}

/// Memory of a million cases that a mock file answers, beside that of a few.
pub fn measure_million(world: &World, limits: &Million, bar: &mut Bar) -> Result<()> {
    let peak = |cases: u64, name: &str| {
        let bundle = world.scratch(name);
        let table = world.scratch(&format!("{name}-table")).join("rows.jsonl");
        questions::write_for_table(&bundle, &Answered::Mock)?;
        questions::write_table(&table, cases)?;
        let mut command = world.arena();
        command
            .arg("run")
            .arg(&bundle)
            .arg("--dataset")
            .arg(&table)
            .arg("--out")
            .arg(world.scratch(&format!("{name}-out")));
        command.args(["--quiet", "--concurrency", &limits.concurrency.to_string()]);
        let ended = crate::process::run(command.stdout(std::process::Stdio::null()), PATIENCE)?;
        // The mock's answer lacks the number of the order: every case fails, which is the larger report.
        if ended.status.code() != Some(1) {
            bail!("the run of {cases} cases ended with {}", ended.status);
        }
        bar.note(&format!(
            "{cases} cases: {:.0} MB, {:.0} s of CPU, {:.0} s",
            peak_mb(ended),
            ended.cpu.as_secs_f64(),
            ended.wall.as_secs_f64()
        ));
        Ok::<_, anyhow::Error>(peak_mb(ended))
    };
    peak(limits.few, "million-first")?;
    let (few, many) = (peak(limits.few, "million-few")?, peak(limits.cases, "million")?);
    bar.at_most(
        &format!("peak memory, that of {} cases", limits.few),
        many / few,
        limits.peak_ratio,
        "x",
        limits.cases,
    );
    Ok(())
}
