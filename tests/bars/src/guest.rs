//! Guests that bars build from source.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::process;
use crate::world::World;

/// Longest time of a build, downloads included.
const PATIENCE: Duration = Duration::from_secs(600);
const TARGET: &str = "wasm32-unknown-unknown";

/// Builds the guest in `tests/bars/NAME` and gives its component.
pub fn build(world: &World, name: &str) -> Result<PathBuf> {
    let target = world.root.join("target/guests-bars");
    let mut command = Command::new("cargo");
    command.current_dir(world.root.join("tests/bars").join(name)).env("CARGO_TARGET_DIR", &target);
    command.args(["build", "--quiet", "--release", "--target", TARGET]);
    if crate::in_ci() {
        command.arg("--locked");
    }
    process::capture(&mut command, PATIENCE)?;
    let module = target.join(TARGET).join(format!("release/arena_{}.wasm", name.replace('-', "_")));
    let module = std::fs::read(&module).with_context(|| module.display().to_string())?;
    let component = world.scratch(&format!("{name}.wasm"));
    std::fs::write(&component, arena_componentize::componentize(&module)?)?;
    Ok(component)
}
