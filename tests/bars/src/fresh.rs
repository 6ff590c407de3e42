//! Bar 06.2: what a check in a fresh instance costs, beside the least that wasmtime can do.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::bar::Bar;
use crate::process;
use crate::world::World;

const PATIENCE: Duration = Duration::from_secs(300);
/// The program that measures both, in the sandbox's crate, where the runtime is.
const PROGRAM: &str = "fresh-instance";

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    rounds: u32,
    calls: u32,
    ratio: f64,
    goal_us: f64,
}

#[derive(Deserialize)]
struct Figures {
    floor_us: f64,
    ours_us: f64,
}

/// Both in turn, in one process.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let program = std::env::current_exe()?.with_file_name(PROGRAM);
    let mut command = Command::new(program);
    command.arg(world.components.join("text.wasm")).args([limits.rounds.to_string(), limits.calls.to_string()]);
    let Figures { floor_us, ours_us } =
        serde_json::from_str(&process::capture(&mut command, PATIENCE)?).context("what it printed")?;
    bar.note(&format!(
        "floor {floor_us:.1} us, ours {ours_us:.1} us of CPU a check; {} us is the goal",
        limits.goal_us
    ));
    let n = format!("{} x {}", limits.rounds, limits.calls);
    bar.at_most("CPU of a check in a fresh instance, floors", ours_us / floor_us, limits.ratio, "x", n);
    Ok(())
}
