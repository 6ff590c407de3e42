//! A folder with a bundle and the runs made of it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use arena_model::{Manifest, Record};
use serde_json::json;
use tempfile::TempDir;

use crate::bundle::Bundle;
use crate::place;
use crate::program::{Ran, Running};
use crate::schemas::{Published, check_summary};

/// Longest wait for a condition.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder of its own with a bundle in `bundle/`; commands run in it, without keys and settings of the user.
#[derive(Debug)]
pub struct World {
    folder: TempDir,
    /// The bundle.
    pub bundle: Bundle,
    environment: Vec<(String, String)>,
}

impl World {
    /// A folder with a bundle that has a prompt and nothing else.
    pub fn new() -> Result<Self> {
        warm_up()?;
        let folder = tempfile::tempdir()?;
        let bundle = Bundle::new(&folder.path().join("bundle"));
        Ok(Self { folder, bundle, environment: Vec::new() })
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Sets an environment variable for all commands that follow.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A command line of `arena`, ready to be started.
    pub fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = bare(self.folder.path())?;
        command.args(arguments).envs(self.environment.iter().cloned());
        Ok(command)
    }

    /// Writes the bundle and runs `arena` to its end.
    pub fn arena(&self, arguments: &[&str]) -> Result<Ran> {
        self.bundle.write()?;
        let output = self.command(arguments)?.output().context("cannot start arena")?;
        Ok(Ran::of(&output))
    }

    /// Writes the bundle and starts `arena`.
    pub fn start(&self, arguments: &[&str]) -> Result<Running> {
        self.bundle.write()?;
        Running::start(self.command(arguments)?)
    }

    /// `arena run bundle --out out --quiet` and more arguments; gives the records of a run that ended in a verdict.
    pub fn run(&self, arguments: &[&str]) -> Result<Vec<Record>> {
        let mut all = vec!["run", "bundle", "--out", "out", "--quiet"];
        all.extend(arguments);
        let ran = self.arena(&all)?;
        if !matches!(ran.code, 0 | 1) {
            bail!("exit {}; it printed\n{}", ran.code, ran.all());
        }
        self.records("out")
    }

    /// The only record of a run as [`World::run`] does it.
    pub fn run_one(&self) -> Result<Record> {
        let mut records = self.run(&[])?;
        match (records.pop(), records.len()) {
            (Some(only), 0) => Ok(only),
            (_, more) => bail!("{more} records too many or none at all"),
        }
    }

    /// Records in the folder of a run, in plan order, as the program exports them. Opening the folder here would lock it
    /// from a process whose other tests fork, and a child holds its parent's locks until it is a program of its own.
    pub fn records(&self, out: &str) -> Result<Vec<Record>> {
        let exported = self.command(&["results", "export", out])?.output().context("cannot start arena")?;
        if !exported.status.success() {
            bail!("arena results export {out}: {}", String::from_utf8_lossy(&exported.stderr));
        }
        let lines = exported.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        check_summary(&self.path(out))?;
        let record = |line: &[u8]| {
            Published::Record.check(line)?;
            Ok(serde_json::from_slice(line)?)
        };
        lines.map(record).collect()
    }

    /// The manifest of a run.
    pub fn manifest(&self, out: &str) -> Result<Manifest> {
        Ok(serde_json::from_slice(&std::fs::read(self.path(out).join("manifest.json"))?)?)
    }
}

/// `arena` in a folder, with nothing of the environment but the path.
fn bare(folder: &Path) -> Result<Command> {
    let mut command = Command::new(place::program()?);
    command.current_dir(folder).env_clear().env("HOME", folder).env("ARENA_CACHE", place::cache()?);
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    Ok(command)
}

/// Compiles the standard library once, before tests that run side by side would each do it.
fn warm_up() -> Result<()> {
    static DONE: OnceLock<std::result::Result<(), String>> = OnceLock::new();
    let compile = || -> Result<()> {
        let folder = tempfile::tempdir()?;
        let mut bundle = Bundle::new(&folder.path().join("bundle"));
        let checks = json!([
            {"type": "contains", "params": {"patterns": ["ok"]}},
            {"type": "is_valid_json"},
            {"type": "llm_judge", "params": {"criteria": "ok"}},
        ]);
        bundle.spec["judge_specs"] = json!({"j": {"provider": "m"}});
        bundle.says("m", "ok")?.checks("s", checks).write()?;
        let output = bare(folder.path())?.args(["validate", "bundle"]).output()?;
        Ran::of(&output).code(0).map(drop)
    };
    DONE.get_or_init(|| compile().map_err(|error| format!("{error:#}"))).clone().map_err(anyhow::Error::msg)
}

/// Waits until `condition` holds, giving the processor away between looks.
pub fn until(what: &str, condition: impl Fn() -> bool) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        if Instant::now() >= deadline {
            bail!("{what} did not happen within {PATIENCE:?}");
        }
        std::thread::yield_now();
    }
    Ok(())
}
