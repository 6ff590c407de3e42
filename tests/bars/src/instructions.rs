//! Bar 06.9: instructions of what every case goes through, counted by callgrind. Unlike CPU time they are the same on a
//! busy machine, so that a change that costs a tenth more is seen.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use arena_harness::program::VALGRIND;
use serde::Deserialize;

use crate::bar::Bar;
use crate::process;
use crate::world::World;

const PATIENCE: Duration = Duration::from_secs(300);
/// What was counted when each benchmark was last made cheaper. It may only fall.
const BASELINE: &str = "tests/benches/instructions.toml";

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    growth: f64,
}

/// How often a benchmark does it: the difference of two counts is that of the cases alone.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Baseline {
    /// Instructions of one.
    instructions: u64,
    few: u64,
    many: u64,
}

/// Both benchmarks, each with few and with many.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let path = world.root.join(BASELINE);
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let baselines: BTreeMap<String, Baseline> = toml::from_str(&text).with_context(|| path.display().to_string())?;
    for (name, baseline) in &baselines {
        let counted = |times: u64| count(world, command(world, name, times)?);
        let (few, many) = (counted(baseline.few)?, counted(baseline.many)?);
        let of_one = many.saturating_sub(few) / (baseline.many - baseline.few).max(1);
        bar.note(&format!("{name}: {of_one} instructions, the baseline is {}", baseline.instructions));
        let growth = of_one as f64 / baseline.instructions as f64;
        bar.at_most(&format!("instructions of {name}, baselines"), growth, limits.growth, "x", baseline.many);
    }
    Ok(())
}

/// The program that does it so many times.
fn command(world: &World, name: &str, times: u64) -> Result<Vec<String>> {
    let program =
        |file: &str| Ok::<_, anyhow::Error>(std::env::current_exe()?.with_file_name(file).display().to_string());
    let times = times.to_string();
    Ok(match name {
        "fresh-instance" => {
            vec![program("fresh-instance")?, world.components.join("text.wasm").display().to_string(), times]
        }
        "finalize" => {
            let dir = world.scratch(&format!("instructions-{times}"));
            let options = ["volume".to_owned(), dir.display().to_string(), "--cases".to_owned(), times];
            [program("report-pages")?].into_iter().chain(options).collect()
        }
        other => bail!("{BASELINE}: there is no benchmark `{other}`"),
    })
}

fn count(world: &World, words: Vec<String>) -> Result<u64> {
    let log = world.scratch("callgrind.log");
    let mut command = Command::new(VALGRIND.find()?);
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    command.arg(format!("--log-file={}", log.display())).args(words);
    process::capture(&mut command, PATIENCE)?;
    let said = std::fs::read_to_string(&log).context("what callgrind said")?;
    let collected = said.lines().find_map(|line| line.split_once("Collected : "));
    let (_, number) = collected.with_context(|| format!("callgrind counted nothing:\n{said}"))?;
    number.trim().parse().with_context(|| format!("callgrind's count {number:?}"))
}
