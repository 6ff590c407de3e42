//! Node's programs in `tests/browser`, with the packages of its lock file and Debian's Chromium.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use arena_harness::program::{CHROMIUM, NODE, NPM};
use sha2::{Digest as _, Sha256};

/// What belongs to the scripts, in this folder.
const FILES: [&str; 6] =
    ["package.json", "package-lock.json", "browser.mjs", "report.test.mjs", "measure.mjs", "screenshots.mjs"];

/// The scripts, ready to run.
#[derive(Debug)]
pub struct Scripts {
    node: PathBuf,
    chromium: PathBuf,
    home: PathBuf,
}

impl Scripts {
    /// Makes them ready: the packages are installed once per lock file, in the cache.
    ///
    /// # Errors
    /// If a program is missing, or npm cannot install.
    pub fn ready() -> Result<Self> {
        let (node, chromium, npm) = (NODE.find()?, CHROMIUM.find()?, NPM.find()?);
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut hash = Sha256::new();
        for name in FILES {
            hash.update(fs::read(here.join(name)).with_context(|| format!("tests/browser/{name}"))?);
        }
        let digest: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let cache = arena_harness::cache_folder().context("a folder for npm's packages")?;
        let home = cache.join(format!("browser-{digest}"));
        if !home.exists() {
            fs::create_dir_all(&cache)?;
            // Whole or not at all, and by whoever is first.
            let making = tempfile::tempdir_in(&cache)?;
            for name in FILES {
                fs::copy(here.join(name), making.path().join(name))?;
            }
            let mut install = Command::new(npm);
            install.args([
                "ci",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
                "--fetch-retries=5",
                "--loglevel=error",
            ]);
            let status =
                install.current_dir(making.path()).stdout(Stdio::null()).status().context("cannot start npm")?;
            if !status.success() {
                bail!("npm ci ended with {status}");
            }
            if let Err(error) = fs::rename(making.path(), &home)
                && !home.exists()
            {
                return Err(error).with_context(|| home.display().to_string());
            }
        }
        Ok(Self { node, chromium, home })
    }

    /// Runs node with these arguments and gives what it printed, with its exit code.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn run(&self, arguments: &[&str], variables: &[(&str, &Path)]) -> Result<(i32, String)> {
        let mut command = Command::new(&self.node);
        command.args(arguments).current_dir(&self.home).env("ARENA_CHROMIUM", &self.chromium);
        command.envs(variables.iter().copied()).stderr(Stdio::inherit()).stdin(Stdio::null());
        let output = command.output().context("cannot start node")?;
        Ok((output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned()))
    }
}
