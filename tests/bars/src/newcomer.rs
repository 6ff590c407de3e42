//! Bar 02.7: a new user follows the guide to a first evaluator in an empty folder, with nothing but the binary and Rust.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use arena_model::Outcome;
use serde::Deserialize;

use crate::bar::Bar;
use crate::guide::{self, Step};
use crate::process;
use crate::records::{self, judged};
use crate::world::World;

/// Longest time of one command; the first build downloads what the SDK needs.
const PATIENCE: Duration = Duration::from_secs(600);

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    guide: String,
    commands: usize,
    out: String,
    check: String,
    outcome: Outcome,
}

/// Does what the guide says, to the letter, until the first run has a verdict.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let guide = world.root.join(&limits.guide);
    let text = fs::read_to_string(&guide).with_context(|| guide.display().to_string())?;
    let steps = guide::steps(&text).with_context(|| limits.guide.clone())?;
    let (home, folder) = (world.scratch("newcomer-home"), world.scratch("newcomer"));
    let bin = home.join("bin");
    fs::create_dir_all(&bin)?;
    fs::create_dir_all(&folder)?;
    fs::copy(&world.binary, bin.join("arena")).context("a copy of the binary")?;

    let mut commands = Vec::new();
    for step in steps {
        match step {
            Step::File { path, text } => {
                let path = folder.join(path);
                fs::create_dir_all(path.parent().context("a file in no folder")?)?;
                fs::write(&path, text).with_context(|| path.display().to_string())?;
            }
            Step::Command { line, exit } => {
                let mut command = shell(&folder, &home, &bin, &line)?;
                process::capture_to(&[exit], &mut command, PATIENCE).with_context(|| line.clone())?;
                commands.push(line);
            }
        }
    }
    bar.at_most("commands from an empty folder to a verdict", commands.len() as f64, limits.commands as f64, "", 1);
    let records = records::read(world, &folder.join(&limits.out))?;
    let checks = records.iter().flat_map(|record| &record.checks).filter(|check| check.kind == limits.check);
    let (mut good, mut all) = (0, 0);
    for check in checks {
        all += 1;
        let own = check.evaluator.as_ref().is_some_and(|evaluator| evaluator.name == limits.check);
        good += usize::from(own && judged(check) && check.fuel > 0 && check.outcome == limits.outcome);
    }
    bar.all(&format!("verdicts of the new evaluator, all {}", limits.outcome.as_str()), good, all);
    Ok(())
}

/// A shell that knows the binary, Rust and the system, and nothing of the checkout.
fn shell(folder: &Path, home: &Path, bin: &Path, line: &str) -> Result<Command> {
    let own = PathBuf::from(std::env::var_os("HOME").context("HOME is not set")?);
    let place = |name: &str, folder: &str| std::env::var_os(name).map_or_else(|| own.join(folder), PathBuf::from);
    let (cargo, rustup) = (place("CARGO_HOME", ".cargo"), place("RUSTUP_HOME", ".rustup"));
    let mut path = vec![bin.to_owned(), cargo.join("bin")];
    path.extend(["/usr/local/bin", "/usr/bin", "/bin"].map(PathBuf::from));
    let mut command = Command::new("bash");
    command.args(["-euc", line]).current_dir(folder).env_clear();
    command.env("PATH", std::env::join_paths(path)?).env("HOME", home);
    command.env("CARGO_HOME", cargo).env("RUSTUP_HOME", rustup);
    if let Some(toolchain) = std::env::var_os("RUSTUP_TOOLCHAIN") {
        command.env("RUSTUP_TOOLCHAIN", toolchain);
    }
    if !folder.is_dir() {
        bail!("{} is not there", folder.display());
    }
    Ok(command)
}
