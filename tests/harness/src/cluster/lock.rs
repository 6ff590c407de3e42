//! One node per machine: the lock, and what a node changes outside its namespaces.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::configuration::CGROUP;
use super::network;
use crate::{HarnessError, scratch};

/// Locked by the owner of the machine's node. It does not lie in a folder of one user's.
const LOCK: &str = "/run/lock/arena-node.lock";
/// Longest wait for another test's node.
const WAIT: Duration = Duration::from_secs(20 * 60);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// Settings of the kernel that the kubelet changes, for the whole machine.
const SETTINGS: [&str; 5] =
    ["vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys"];
/// Where their values before the node stand.
const RECORD: &str = "settings";

/// The right to have the machine's node. Its end puts back what the node changed.
#[derive(Debug)]
pub(super) struct NodeLock {
    file: File,
    settings: PathBuf,
}

impl NodeLock {
    /// Waits for its turn, then removes what a killed owner left. A developer's own cluster is not waited for.
    pub(super) async fn take(owner: &str) -> Result<Self, HarnessError> {
        let failed = || HarnessError::io(format!("cannot open {LOCK}"));
        if let Some(folder) = Path::new(LOCK).parent() {
            fs::create_dir_all(folder).map_err(failed())?;
        }
        let open = || File::options().create(true).truncate(false).read(true).write(true).open(LOCK);
        let mut file = open().map_err(failed())?;
        let end = Instant::now() + WAIT;
        while file.try_lock().is_err() || !still_there(&file) {
            let mut holder = String::new();
            file.rewind().and_then(|()| file.read_to_string(&mut holder)).map_err(failed())?;
            if holder == DEVELOPER {
                return Err(HarnessError::Machine("`./x cluster up` has the machine's node: ./x cluster down".into()));
            }
            if Instant::now() >= end {
                let seconds = WAIT.as_secs();
                return Err(HarnessError::Machine(format!("{holder} has had the machine's node for {seconds} s")));
            }
            sleep(PAUSE).await;
            // The last holder has removed the file it held.
            file = open().map_err(failed())?;
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(owner.as_bytes()))
            .map_err(failed())?;
        let lock = Self { file, settings: scratch::base()?.join(RECORD) };
        network::unlink().await;
        lock.put_back();
        lock.note_settings()?;
        make_cgroups()?;
        Ok(lock)
    }

    fn note_settings(&self) -> Result<(), HarnessError> {
        let values = SETTINGS.iter().filter_map(|name| Some((name, fs::read_to_string(setting(name)).ok()?)));
        let text: String = values.map(|(name, value)| format!("{name}={}\n", value.trim())).collect();
        // It appears whole: a half record would put back half.
        let partial = self.settings.with_extension("partial");
        let written = fs::write(&partial, text).and_then(|()| fs::rename(&partial, &self.settings));
        written.map_err(HarnessError::io(format!("cannot write {}", self.settings.display())))
    }

    /// Settings and control groups as they were before the last node.
    fn put_back(&self) {
        remove_cgroups();
        let Ok(text) = fs::read_to_string(&self.settings) else { return };
        for (name, value) in text.lines().filter_map(|line| line.split_once('=')) {
            if SETTINGS.contains(&name) && fs::read_to_string(setting(name)).is_ok_and(|now| now.trim() != value) {
                // A setting that cannot be written now could not be changed by the node.
                let _ = fs::write(setting(name), value);
            }
        }
        let _ = fs::remove_file(&self.settings);
    }
}

impl Drop for NodeLock {
    fn drop(&mut self) {
        self.put_back();
        // While it is still locked: one who waits sees that it is gone.
        if still_there(&self.file) {
            let _ = fs::remove_file(LOCK);
        }
    }
}

/// True if the file is the one that the next owner would open.
fn still_there(file: &File) -> bool {
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::metadata(LOCK)) {
        (Ok(held), Ok(named)) => identity(held) == identity(named),
        _ => false,
    }
}

/// Who holds the lock for `./x cluster up`.
pub(super) const DEVELOPER: &str = "developer";

fn setting(name: &str) -> PathBuf {
    Path::new("/proc/sys").join(name)
}

/// The pods' control group in each hierarchy: one per controller in version 1, one in all in version 2.
fn cgroups() -> Vec<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    if root.join("cgroup.controllers").is_file() {
        return vec![root.join(CGROUP)];
    }
    let hierarchies = fs::read_dir(root).into_iter().flatten().flatten();
    let folders = hierarchies.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|entry| entry.path().join(CGROUP)).collect()
}

fn make_cgroups() -> Result<(), HarnessError> {
    for group in cgroups() {
        fs::create_dir_all(&group).map_err(HarnessError::io(format!("cannot create {}", group.display())))?;
        // A new group of this controller can hold nothing until it is told where.
        for name in ["cpuset.cpus", "cpuset.mems"] {
            let Some(root) = group.parent() else { continue };
            if let (true, Ok(all)) = (group.join(name).is_file(), fs::read(root.join(name))) {
                let _ = fs::write(group.join(name), all);
            }
        }
    }
    Ok(())
}

/// Removes the groups, deepest first. One that a process is still leaving stays for the next node.
fn remove_cgroups() {
    fn remove(group: &Path) {
        for entry in fs::read_dir(group).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                remove(&entry.path());
            }
        }
        let _ = fs::remove_dir(group);
    }
    cgroups().iter().for_each(|group| remove(group));
}
