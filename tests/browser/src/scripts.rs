//! Node's programs in `tests/browser`, with the packages of its lock file and Debian's Chromium.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use arena_harness::program::{CHROMIUM, NODE, NPM};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

/// What says which packages there are.
const PACKAGES: [&str; 2] = ["package.json", "package-lock.json"];
/// The scripts.
const SCRIPTS: [&str; 4] = ["browser.mjs", "report.test.mjs", "measure.mjs", "screenshots.mjs"];

/// The scripts, ready to run.
#[derive(Debug)]
pub struct Scripts {
    node: PathBuf,
    chromium: PathBuf,
    home: TempDir,
}

impl Scripts {
    /// Makes them ready: the packages are installed once per lock file, in the cache.
    ///
    /// # Errors
    /// If a program is missing, or npm cannot install.
    pub fn ready() -> Result<Self> {
        let (node, chromium) = (NODE.find()?, CHROMIUM.find()?);
        let home = tempfile::tempdir()?;
        copy(&SCRIPTS, home.path())?;
        std::os::unix::fs::symlink(packages()?, home.path().join("node_modules"))?;
        Ok(Self { node, chromium, home })
    }

    /// Runs node with these arguments and gives what it printed, with its exit code.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn run(&self, arguments: &[&str], variables: &[(&str, &Path)]) -> Result<(i32, String)> {
        let mut command = Command::new(&self.node);
        command.args(arguments).current_dir(self.home.path()).env("ARENA_CHROMIUM", &self.chromium);
        command.envs(variables.iter().copied()).stderr(Stdio::inherit()).stdin(Stdio::null());
        let output = command.output().context("cannot start node")?;
        Ok((output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned()))
    }
}

/// Copies files of this folder.
fn copy(names: &[&str], to: &Path) -> Result<()> {
    for name in names {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        fs::copy(&from, to.join(name)).with_context(|| from.display().to_string())?;
    }
    Ok(())
}

/// The folder of the packages that the lock file names, installed if they are not yet.
fn packages() -> Result<PathBuf> {
    let cache = arena_harness::cache_folder().context("a folder for npm's packages")?;
    fs::create_dir_all(&cache)?;
    let making = tempfile::tempdir_in(&cache)?;
    copy(&PACKAGES, making.path())?;
    let mut hash = Sha256::new();
    for name in PACKAGES {
        hash.update(fs::read(making.path().join(name))?);
    }
    let digest: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let home = cache.join(format!("browser-{digest}"));
    let packages = home.join("node_modules");
    if packages.exists() {
        return Ok(packages);
    }
    let mut install = Command::new(NPM.find()?);
    install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=5", "--loglevel=error"]);
    let status = install.current_dir(making.path()).stdout(Stdio::null()).status().context("cannot start npm")?;
    if !status.success() {
        bail!("npm ci ended with {status}");
    }
    // Whole or not at all, and by whoever is first.
    if let Err(error) = fs::rename(making.path(), &home)
        && !packages.exists()
    {
        return Err(error).with_context(|| home.display().to_string());
    }
    Ok(packages)
}
