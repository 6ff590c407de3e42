//! Bar 06.6: what a person waits for at the start.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Result, bail};
use serde::Deserialize;

use crate::bar::{Bar, median};
use crate::mock_bundle::{GOOD_REPLY, MockBundle};
use crate::process;
use crate::world::World;

const PATIENCE: Duration = Duration::from_secs(60);

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    repetitions: u32,
    help_ms: f64,
    first_ms: f64,
    peers: String,
}

/// Medians of CPU, children included.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let milliseconds = |cpu: Duration| cpu.as_secs_f64() * 1000.0;
    let mut help = Vec::new();
    for _ in 0..limits.repetitions {
        let ended = process::run(world.arena().arg("--help").stdout(Stdio::null()), PATIENCE)?;
        if !ended.status.success() {
            bail!("arena --help ended with {}", ended.status);
        }
        help.push(milliseconds(ended.cpu));
    }
    let bundle = world.scratch("one-case");
    let contains = serde_json::json!({"type": "contains", "params": {"patterns": ["Monday"]}});
    MockBundle::new(GOOD_REPLY).scenario("one", &[vec![contains]]).write(&bundle)?;
    // The first compiles the component.
    let mut first = Vec::new();
    for repetition in 0..=limits.repetitions {
        let ended = world.run_to(0, &bundle, &world.scratch(&format!("one-case-{repetition}")), &["--quiet"])?;
        if repetition > 0 {
            first.push(milliseconds(ended.cpu));
        }
    }
    bar.note(&format!("elsewhere: {}", limits.peers));
    bar.at_most("CPU of `arena --help`", median(help), limits.help_ms, " ms", limits.repetitions);
    bar.at_most("CPU of a run of one case, warm", median(first), limits.first_ms, " ms", limits.repetitions);
    Ok(())
}
