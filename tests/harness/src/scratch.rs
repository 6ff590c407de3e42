//! Folders of one run, which go with it. What a killed run left is removed by the next one.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::Signal;

use crate::HarnessError;
use crate::identity::Identity;

/// Ending of the files that record processes.
const RECORD: &str = "pid";

/// A folder that is removed when it is dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new empty folder; its path is short enough for sockets in it.
    pub fn new(name: &str) -> Result<Self, HarnessError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let owner = owner()?;
        loop {
            let path = owner.join(format!("{name}-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
            // The last folder that goes takes the owner's with it, perhaps just now.
            private(owner)?;
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(HarnessError::io(format!("cannot create {}", path.display()))(error)),
            }
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next run.
        let _ = fs::remove_dir_all(&self.0);
        if let Some(owner) = self.0.parent() {
            let _ = fs::remove_dir(owner);
        }
    }
}

/// Writes down a process, so that a later run can end it if its owner was killed before it could.
pub(crate) fn record(folder: &Path, name: &str, process: &Identity) -> Result<(), HarnessError> {
    let path = folder.join(format!("{name}.{RECORD}"));
    fs::write(&path, process.to_string()).map_err(HarnessError::io(format!("cannot write {}", path.display())))
}

/// The folder that all test worlds of this user share.
pub(crate) fn base() -> Result<PathBuf, HarnessError> {
    let user = rustix::process::getuid();
    let path = std::env::temp_dir().join(format!("arena-world-{}", user.as_raw()));
    private(&path)?;
    let owner = fs::metadata(&path).map_err(HarnessError::io(format!("cannot read {}", path.display())))?.uid();
    if owner != user.as_raw() {
        return Err(HarnessError::Machine(format!("{} belongs to user {owner}: remove it", path.display())));
    }
    Ok(path)
}

/// This process's folder; the first call removes what dead owners left.
fn owner() -> Result<&'static Path, HarnessError> {
    static OWNER: OnceLock<PathBuf> = OnceLock::new();
    if let Some(path) = OWNER.get() {
        return Ok(path);
    }
    let base = base()?;
    sweep(&base);
    Ok(OWNER.get_or_init(|| base.join(Identity::own().to_string())))
}

fn private(path: &Path) -> Result<(), HarnessError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(HarnessError::io(format!("cannot create {}", path.display())))
}

/// Removes the folders of owners that no longer run, and ends what they recorded. Two sweeps at once do no harm.
fn sweep(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(owner) = name.to_str().and_then(|name| name.parse::<Identity>().ok()) else { continue };
        if owner.alive() {
            continue;
        }
        for scratch in fs::read_dir(entry.path()).into_iter().flatten().flatten() {
            end_recorded(&scratch.path());
        }
        let _ = fs::remove_dir_all(entry.path());
    }
}

/// Ends the processes that are recorded in a folder and still are the same ones.
pub(crate) fn end_recorded(folder: &Path) {
    for file in fs::read_dir(folder).into_iter().flatten().flatten() {
        if file.path().extension().is_none_or(|extension| extension != RECORD) {
            continue;
        }
        let Ok(text) = fs::read_to_string(file.path()) else { continue };
        let Ok(process) = text.parse::<Identity>() else { continue };
        process.signal(Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_folder_goes_with_its_owner() {
        let scratch = Scratch::new("goes").unwrap();
        let path = scratch.path().to_owned();
        fs::write(path.join("file"), "x").unwrap();
        drop(scratch);
        assert!(!path.exists());
    }

    #[test]
    fn a_dead_owner_s_folder_and_processes_go_and_a_live_one_s_stay() {
        let base = tempfile::tempdir().unwrap();
        let mut ended = Command::new("sleep").arg("600").spawn().unwrap();
        let dead = Identity::of(ended.id()).unwrap();
        ended.kill().unwrap();
        ended.wait().unwrap();
        let mut orphan = Command::new("sleep").arg("600").spawn().unwrap();
        let orphan_identity = Identity::of(orphan.id()).unwrap();
        for owner in [&dead, &Identity::own()] {
            let folder = base.path().join(owner.to_string()).join("redis-0");
            fs::create_dir_all(&folder).unwrap();
            if *owner == dead {
                record(&folder, "redis", &orphan_identity).unwrap();
            }
        }
        sweep(base.path());
        assert!(!base.path().join(dead.to_string()).exists());
        assert!(base.path().join(Identity::own().to_string()).exists());
        assert!(!orphan.wait().unwrap().success());
    }

    #[test]
    fn a_process_with_a_recorded_pid_but_another_start_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let own = Identity::own().to_string();
        let (pid, start) = own.split_once('-').unwrap();
        let other: Identity = format!("{pid}-{}", start.parse::<u64>().unwrap() + 1).parse().unwrap();
        record(folder.path(), "x", &other).unwrap();
        end_recorded(folder.path());
    }
}
