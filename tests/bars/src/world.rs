//! Where things lie, and the binary under test.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::process::{self, Ended};

/// Longest time of one run of the binary.
const PATIENCE: Duration = Duration::from_secs(300);
/// File system in memory, and what must be free of it, bytes.
const MEMORY: &str = "/dev/shm";
const ROOM: u64 = 2 << 30;

/// The checkout, what was built of it, and a folder to work in.
pub struct World {
    /// The checkout.
    pub root: PathBuf,
    /// The release binary.
    pub binary: PathBuf,
    /// Built components, those of hostile guests below `hostile/`.
    pub components: PathBuf,
    /// Compiled components, kept between bars.
    cache: PathBuf,
    scratch: tempfile::TempDir,
    memory: Option<tempfile::TempDir>,
}

/// True of a folder with room for the files of a bar.
fn roomy(folder: &Path) -> bool {
    rustix::fs::statvfs(folder).is_ok_and(|stat| stat.f_bavail.saturating_mul(stat.f_frsize) >= ROOM)
}

impl World {
    /// `ARENA_BIN` and `ARENA_COMPONENTS`, else what `./x build` leaves in the checkout.
    pub fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().context("the checkout")?;
        let set = |name: &str, default: &str| {
            let path = std::env::var_os(name).map_or_else(|| root.join(default), PathBuf::from);
            path.canonicalize().with_context(|| format!("{}: run ./x build first", path.display()))
        };
        let binary = set("ARENA_BIN", "target/release/arena")?;
        let components = set("ARENA_COMPONENTS", "target/components")?;
        let scratch = tempfile::Builder::new().prefix("arena-bars-").tempdir().context("a folder to work in")?;
        let cache = scratch.path().join("cache");
        let memory =
            roomy(Path::new(MEMORY)).then(|| tempfile::Builder::new().prefix("arena-bars-").tempdir_in(MEMORY));
        let memory = memory.transpose().context("a folder in memory")?;
        Ok(Self { root, binary, components, cache, scratch, memory })
    }

    /// A path in the folder that goes away at the end.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// The same in memory, where there is room: what a file costs differs from disk to disk, and with what was done to
    /// the disk before.
    pub fn scratch_in_memory(&self, name: &str) -> PathBuf {
        self.memory.as_ref().unwrap_or(&self.scratch).path().join(name)
    }

    /// A fresh clone of what is committed, in that folder.
    pub fn clone_to(&self, name: &str) -> Result<PathBuf> {
        let clone = self.scratch(name);
        let mut git = Command::new("git");
        git.args(["clone", "--quiet", "--no-hardlinks"]).arg(&self.root).arg(&clone);
        process::capture(&mut git, PATIENCE)?;
        Ok(clone)
    }

    /// The binary, alone with its cache: no keys, no settings of the user.
    pub fn arena(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command.current_dir(self.scratch.path()).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.scratch.path()).env("ARENA_CACHE", &self.cache);
        command
    }

    /// `arena run BUNDLE --out OUT` and more arguments, its output discarded.
    pub fn run(&self, bundle: &Path, out: &Path, more: &[&str]) -> Result<Ended> {
        let mut command = self.arena();
        command.arg("run").arg(bundle).arg("--out").arg(out).args(more);
        process::run(command.stdout(Stdio::null()), PATIENCE)
    }

    /// `arena run .` in the bundle's folder, answered by its mock file.
    pub fn run_mocked(&self, bundle: &Path, out: &Path, more: &[&str]) -> Result<Ended> {
        let mut command = self.arena();
        command.current_dir(bundle).args(["run", ".", "--mock-provider", "--mock-config", "mock-responses.yaml"]);
        command.arg("--out").arg(out).arg("--quiet").args(more);
        process::run(command.stdout(Stdio::null()), PATIENCE)
    }

    /// `run` where anything but this exit code is an error.
    pub fn run_to(&self, code: i32, bundle: &Path, out: &Path, more: &[&str]) -> Result<Ended> {
        let ended = self.run(bundle, out, more)?;
        if ended.status.code() != Some(code) {
            bail!("arena run {} ended with {}, not {code}", bundle.display(), ended.status);
        }
        Ok(ended)
    }
}
