//! Bar 02.1: how long the demo takes, in the checkout once it is built and in a fresh clone.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::bar::Bar;
use crate::process::{self, Ended};
use crate::world::World;

/// Longest time of one demo, limits or not.
const PATIENCE: Duration = Duration::from_secs(3600);

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    warm_s: f64,
    cold_s: f64,
}

/// Twice in the checkout; the second is warm. The demo's binary lacks what a fleet needs: the one before is put back.
pub fn measure_warm(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let kept = world.scratch("kept");
    fs::copy(&world.binary, &kept).context("the binary")?;
    let warm = demo(&world.root).and_then(|_| demo(&world.root));
    let beside = world.binary.with_extension("kept");
    fs::copy(&kept, &beside).and_then(|_| fs::rename(&beside, &world.binary)).context("the binary")?;
    let warm = warm?;
    bar.at_most("./x demo, warm", warm.wall.as_secs_f64(), limits.warm_s, " s", 1);
    Ok(())
}

/// Once in a clone of what is committed, and again for warm. What cargo has downloaded may be used.
pub fn measure_cold(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let clone = world.clone_to("clone")?;
    bar.at_most("./x demo, fresh clone", demo(&clone)?.wall.as_secs_f64(), limits.cold_s, " s", 1);
    bar.at_most("./x demo, warm", demo(&clone)?.wall.as_secs_f64(), limits.warm_s, " s", 1);
    Ok(())
}

fn demo(root: &Path) -> Result<Ended> {
    let mut command = Command::new("./x");
    command.arg("demo").current_dir(root).stdout(Stdio::null());
    // A clone builds into its own folder, and nothing of this build's environment is for it.
    for name in ["CI", "CARGO_TARGET_DIR", "ARENA_BIN", "ARENA_COMPONENTS", "ARENA_X_LOCKED"] {
        command.env_remove(name);
    }
    let report = root.join("target/demo/report.html");
    if report.exists() {
        fs::remove_file(&report).context("the report of an earlier demo")?;
    }
    let ended = process::run(&mut command, PATIENCE)?;
    if !ended.status.success() {
        bail!("./x demo in {} ended with {}", root.display(), ended.status);
    }
    let html = fs::read_to_string(&report).with_context(|| report.display().to_string())?;
    if !html.contains("</html>") {
        bail!("{} is not a whole page", report.display());
    }
    Ok(ended)
}
