//! Pythons with packages of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use sha2::{Digest as _, Sha256};

use crate::process;

/// Longest time of an installation.
const PATIENCE: Duration = Duration::from_secs(600);

/// A Python with these packages, kept for the next time and made anew if they change. `flags` are pip's.
pub fn with(requirements: &Path, flags: &[&str]) -> Result<PathBuf> {
    let wanted = fs::read(requirements).with_context(|| requirements.display().to_string())?;
    let digest: String = Sha256::digest(&wanted).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let home = arena_harness::cache_folder().context("a folder for Python")?.join(format!("python-{digest}"));
    let (python, ready) = (home.join("bin/python3"), home.join("ready"));
    if ready.exists() {
        return Ok(python);
    }
    let _ = fs::remove_dir_all(&home);
    let mut make = Command::new("python3");
    process::capture(make.args(["-m", "venv"]).arg(&home), PATIENCE).context("apt-get install python3-venv")?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "5"]).args(flags);
    process::capture(install.arg("-r").arg(requirements), PATIENCE)?;
    if !python.exists() {
        bail!("{}: no Python was made", python.display());
    }
    fs::write(&ready, "")?;
    Ok(python)
}
