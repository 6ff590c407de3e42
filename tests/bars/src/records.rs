//! The records of a finished run, as `arena results export` prints them.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use arena_model::{CheckRecord, Outcome, Record};

use crate::process;
use crate::world::World;

/// Longest time of an export.
const PATIENCE: Duration = Duration::from_secs(60);

/// What `arena results export DIR --format jsonl` prints.
pub fn export(world: &World, dir: &Path) -> Result<String> {
    export_with(world.arena(), dir)
}

fn export_with(mut arena: Command, dir: &Path) -> Result<String> {
    process::capture(arena.args(["results", "export", "--format", "jsonl"]).arg(dir), PATIENCE)
}

/// The same, read.
pub fn read(world: &World, dir: &Path) -> Result<Vec<Record>> {
    read_with(world.arena(), dir)
}

/// The same with the program as a command.
pub fn read_with(arena: Command, dir: &Path) -> Result<Vec<Record>> {
    let text = export_with(arena, dir)?;
    let records = text.lines().map(|line| serde_json::from_str(line).context("a record that cannot be read"));
    records.collect()
}

/// True if a guest was asked and gave a verdict.
pub fn judged(check: &CheckRecord) -> bool {
    matches!(check.outcome, Outcome::Passed | Outcome::Failed)
}
