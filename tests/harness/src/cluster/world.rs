//! Namespaces in which a node lives: what runs there, mounts, bridges and rules go with their first process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::{HarnessError, Process, command, program};

/// Longest start.
const START: Duration = Duration::from_secs(30);
/// Longest time of one command in it.
const LIMIT: Duration = Duration::from_secs(60);

/// Longest end of all processes inside.
const END: Duration = Duration::from_secs(30);

/// Folders of the machine that have another content inside, so that nothing of the node's is left in the real ones.
const COVERED: [(&str, &str); 3] = [("run", "/run"), ("var-lib", "/var/lib"), ("var-log", "/var/log")];

/// Mount, process and network namespaces. Dropping it ends every process in them.
#[derive(Debug)]
pub(super) struct World {
    unshare: Process,
    /// Pid of the first process inside, as seen from outside.
    init: u32,
    nsenter: PathBuf,
}

impl World {
    /// New namespaces; what they cover lies in the folder.
    pub(super) async fn start(folder: &Path) -> Result<Self, HarnessError> {
        let ready = folder.join("ready");
        // Mounts spread inside, not to the outside. The first process takes in orphans.
        let mut script = String::from("set -e\nmount --make-rprivate /\nmount --make-rshared /\n");
        for (name, covered) in COVERED {
            let own = folder.join(name);
            fs::create_dir_all(&own).map_err(HarnessError::io(format!("cannot create {}", own.display())))?;
            script += &format!("mount --bind '{}' {covered}\n", own.display());
        }
        script += "mkdir -p /run/lock\nip link set lo up\n";
        script += &format!("touch '{}'\nwhile :; do sleep 3600 & wait; done\n", ready.display());
        let mut command = Command::new(program::UNSHARE.find()?);
        command.args([
            "--mount",
            "--net",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "--",
            "sh",
            "-c",
            &script,
        ]);
        let mut unshare = Process::start("world", folder, &command)?;
        unshare.ready(START, async || ready.exists()).await?;
        let pid = unshare.id();
        let children = format!("/proc/{pid}/task/{pid}/children");
        let text = fs::read_to_string(&children).map_err(HarnessError::io(format!("cannot read {children}")))?;
        let no_child = || HarnessError::Machine(format!("{children} names no process: the namespaces have ended"));
        let init = text.trim().parse().map_err(|_| no_child())?;
        Ok(Self { unshare, init, nsenter: program::NSENTER.find()? })
    }

    /// Pid of its first process.
    pub(super) fn init(&self) -> u32 {
        self.init
    }

    /// The same command, inside.
    pub(super) fn enter(&self, command: &Command) -> Command {
        let mut entered = Command::new(&self.nsenter);
        entered.arg(format!("--target={}", self.init)).args(["--mount", "--net", "--pid", "--"]);
        entered.arg(command.get_program()).args(command.get_args());
        for (key, value) in command.get_envs().filter_map(|(key, value)| Some((key, value?))) {
            entered.env(key, value);
        }
        entered
    }

    /// Runs a command inside to its end and gives its output.
    pub(super) async fn run(&self, words: &[&str]) -> Result<String, HarnessError> {
        let mut inside = Command::new(words[0]);
        inside.args(&words[1..]);
        command::output(&mut self.enter(&inside).into(), LIMIT).await
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // The kernel ends and awaits everything inside before the first process is gone, and unshare waits for that.
        if let Some(init) = i32::try_from(self.init).ok().and_then(Pid::from_raw)
            && self.unshare.ended().is_none()
        {
            let _ = kill_process(init, Signal::KILL);
        }
        let end = Instant::now() + END;
        while self.unshare.ended().is_none() && Instant::now() < end {
            thread::sleep(Duration::from_millis(5));
        }
    }
}
