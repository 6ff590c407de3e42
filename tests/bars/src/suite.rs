//! Bar 03.9: how long every check and every test take, in a fresh clone with nothing kept, and once more.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::bar::Bar;
use crate::process::{Ended, Running, Transcript};
use crate::world::World;

/// Longest time of one run, limits or not.
const PATIENCE: Duration = Duration::from_secs(2 * 3600);

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    warm_s: f64,
    cold_s: f64,
}

/// In a clone that finds what this machine's builds have kept.
pub fn measure_warm(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let clone = clone(world)?;
    test(&clone, None)?;
    let warm = test(&clone, None)?;
    bar.at_most("./x test, warm", warm.wall.as_secs_f64(), limits.warm_s, " s", 1);
    Ok(())
}

/// In a clone with caches of its own, and again for warm. What cargo and Go have downloaded may be used.
pub fn measure_cold(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let (clone, kept) = (clone(world)?, world.scratch("kept"));
    let cold = test(&clone, Some(&kept))?;
    bar.at_most("./x test, fresh clone", cold.wall.as_secs_f64(), limits.cold_s, " s", 1);
    let warm = test(&clone, Some(&kept))?;
    bar.at_most("./x test, warm", warm.wall.as_secs_f64(), limits.warm_s, " s", 1);
    Ok(())
}

/// A clone beside the conformance bundles, if there are any.
fn clone(world: &World) -> Result<PathBuf> {
    std::fs::create_dir_all(world.scratch("suite"))?;
    let clone = world.clone_to("suite/main")?;
    if let Ok(shared) = world.root.join("../shared").canonicalize() {
        std::os::unix::fs::symlink(shared, world.scratch("suite/shared")).context("the bundles beside the clone")?;
    }
    Ok(clone)
}

fn test(clone: &Path, kept: Option<&Path>) -> Result<Ended> {
    let (output, words) = (Transcript::new()?, Transcript::new()?);
    let mut command = Command::new("./x");
    command.arg("test").current_dir(clone).env("CI", "true");
    for name in ["CARGO_TARGET_DIR", "ARENA_BIN", "ARENA_COMPONENTS", "ARENA_X_LOCKED", "ARENA_SKIP_LOG"] {
        command.env_remove(name);
    }
    if let Some(kept) = kept {
        command.env("XDG_CACHE_HOME", kept).env("GOCACHE", kept.join("go-build"));
    }
    let running = Running::start(command.stdout(output.pipe()?).stderr(words.pipe()?))?;
    let ended = running.wait(PATIENCE)?;
    let text = output.read()?;
    let last = text.lines().last().unwrap_or_default();
    if !ended.status.success() {
        bail!("./x test ended with {}: {last}\n{}", ended.status, words.read()?);
    }
    Ok(ended)
}
