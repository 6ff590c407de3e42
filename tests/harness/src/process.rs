//! Processes that end with their owner, whatever ends the owner.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

use crate::identity::Identity;
use crate::{HarnessError, program, scratch};

/// Bytes of a log that an error shows.
const TAIL: u64 = 4 << 10;
/// Between two looks at a process.
const PAUSE: Duration = Duration::from_millis(10);

/// A running program whose output goes to a file. It is killed when this is dropped, and by the kernel when our
/// process ends without dropping it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a command; its output is appended to `<name>.log` in the folder, its identity recorded beside it.
    pub fn start(name: &str, folder: &Path, command: &Command) -> Result<Self, HarnessError> {
        let log = folder.join(format!("{name}.log"));
        let out = File::options().create(true).append(true).open(&log);
        let out = out.map_err(HarnessError::io(format!("cannot open {}", log.display())))?;
        let err = out.try_clone().map_err(HarnessError::io(format!("cannot open {}", log.display())))?;
        let mut guarded = Command::new(program::SETPRIV.find()?);
        guarded.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => guarded.env(key, value),
                None => guarded.env_remove(key),
            };
        }
        if let Some(at) = command.get_current_dir() {
            guarded.current_dir(at);
        }
        guarded.stdin(Stdio::null()).stdout(out).stderr(err);
        let child = spawn(guarded).map_err(HarnessError::io(format!("cannot start {name}")))?;
        let process = Self { name: name.to_owned(), child, log };
        if let Some(identity) = Identity::of(process.child.id()) {
            scratch::record(folder, name, &identity)?;
        }
        Ok(process)
    }

    /// Its pid.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The file its output goes to.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Sends a signal; to a process that has ended it does nothing.
    pub fn signal(&self, signal: Signal) {
        // The pid is ours until we have waited for it.
        let _ = kill_process(Pid::from_child(&self.child), signal);
    }

    /// Ends it at once, and waits for that.
    pub fn kill(&mut self) {
        // An error means that it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end; past the limit it is killed.
    pub async fn stop(&mut self, limit: Duration) {
        self.signal(Signal::TERM);
        let end = Instant::now() + limit;
        while Instant::now() < end {
            if self.ended().is_some() {
                return;
            }
            sleep(PAUSE).await;
        }
        self.kill();
    }

    /// Its exit status, if it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits until the check gives true. An end of the process or of the time is an error with the log's end.
    pub async fn ready(&mut self, limit: Duration, mut check: impl AsyncFnMut() -> bool) -> Result<(), HarnessError> {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.ended() {
                let (name, log) = (self.name.clone(), tail(&self.log));
                return Err(HarnessError::Ended { name, status: status.to_string(), log });
            }
            if let Ok(true) = tokio::time::timeout_at(end, check()).await {
                return Ok(());
            }
            if Instant::now() >= end {
                let (name, log) = (self.name.clone(), tail(&self.log));
                return Err(HarnessError::NotReady { name, seconds: limit.as_secs(), log });
            }
            sleep(PAUSE).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The last lines of a log.
pub(crate) fn tail(log: &Path) -> String {
    let read = || {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
        std::io::Result::Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    read().unwrap_or_else(|error| format!("cannot read {}: {error}", log.display()))
}

type Order = (Command, SyncSender<std::io::Result<Child>>);

/// Starts a command from a thread that lives as long as our process: the kernel's death signal is sent at the end of
/// the thread that started a process, and a test's thread ends before others have finished with what it started.
fn spawn(command: Command) -> std::io::Result<Child> {
    static ORDERS: OnceLock<SyncSender<Order>> = OnceLock::new();
    let orders = ORDERS.get_or_init(|| {
        let (orders, taken) = sync_channel::<Order>(16);
        thread::spawn(move || {
            while let Ok((mut command, answer)) = taken.recv() {
                // An asker that is gone takes its child with it.
                if let Err(lost) = answer.send(command.spawn())
                    && let Ok(mut child) = lost.0
                {
                    let _ = child.kill();
                    let _ = child.wait();
                }
            }
        });
        orders
    });
    let (answer, child) = sync_channel(1);
    let gone = || std::io::Error::other("the thread that starts processes has ended");
    orders.send((command, answer)).map_err(|_| gone())?;
    child.recv().map_err(|_| gone())?
}

/// Removes everything in a folder, and leaves the folder.
pub(crate) fn empty(folder: &Path) -> Result<(), HarnessError> {
    let failed = |error| HarnessError::io(format!("cannot empty {}", folder.display()))(error);
    fs::remove_dir_all(folder).or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(failed(error)),
    })?;
    fs::create_dir_all(folder).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scratch;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn an_end_while_starting_shows_the_log() {
        let scratch = Scratch::new("p").unwrap();
        let mut process = Process::start("early", scratch.path(), &shell("echo it broke; exit 3")).unwrap();
        let error = process.ready(Duration::from_secs(30), async || false).await.unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && error.contains("it broke"), "{error}");
    }

    #[tokio::test]
    async fn a_wait_has_a_limit_even_if_the_check_hangs() {
        let scratch = Scratch::new("p").unwrap();
        let mut process = Process::start("slow", scratch.path(), &shell("sleep 600")).unwrap();
        let error = process.ready(Duration::from_millis(50), std::future::pending::<bool>).await.unwrap_err();
        assert!(matches!(error, HarnessError::NotReady { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_process_outlives_the_thread_that_asked_for_it() {
        let scratch = Scratch::new("p").unwrap();
        let folder = scratch.path().to_owned();
        let asked = thread::spawn(move || Process::start("lives", &folder, &shell("sleep 600")).unwrap());
        let mut process = asked.join().unwrap();
        let identity = Identity::of(process.id()).unwrap();
        // The kernel would have sent the death signal before the join came back.
        assert!(identity.alive() && process.ended().is_none());
        drop(process);
        assert!(!identity.alive());
    }

    #[tokio::test]
    async fn one_that_ignores_the_request_to_end_is_killed() {
        let scratch = Scratch::new("p").unwrap();
        let mark = scratch.path().join("trapped");
        let script = format!("trap '' TERM; touch {}; while :; do sleep 0.01; done", mark.display());
        let mut process = Process::start("deaf", scratch.path(), &shell(&script)).unwrap();
        process.ready(Duration::from_secs(30), async || mark.exists()).await.unwrap();
        process.stop(Duration::from_millis(50)).await;
        assert!(process.ended().is_some());
    }
}
