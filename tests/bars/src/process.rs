//! Child processes: each has a time limit, dies with its owner, and is asked what it used.

use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use wait4::Wait4 as _;

/// A running child. Dropping it kills it.
pub struct Running {
    child: Option<Child>,
    exit: OwnedFd,
    name: String,
    since: Instant,
}

/// How a child ended and what it used, its own children included.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// Exit status.
    pub status: ExitStatus,
    /// User and system time.
    pub cpu: Duration,
    /// Most memory resident at once, bytes.
    pub peak_bytes: u64,
    /// From start to end.
    pub wall: Duration,
}

/// The command as one would type it.
pub fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

impl Running {
    /// Starts it, without standard input unless the command says otherwise.
    pub fn start(command: &mut Command) -> Result<Self> {
        let name = show(command);
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let exit = pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).context("pidfd_open");
        let since = Instant::now();
        match exit {
            Ok(exit) => Ok(Self { child: Some(child), exit, name, since }),
            Err(error) => {
                let mut child = child;
                // It may have ended already; the error that matters is the one returned.
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    /// The pipes, as far as the command asked for them.
    pub fn child(&mut self) -> Option<&mut Child> {
        self.child.as_mut()
    }

    /// True once it has ended, waiting at most so long.
    pub fn ended_within(&self, limit: Duration) -> Result<bool> {
        let end = Instant::now() + limit;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).context("a wait of that length")?;
            match poll(&mut [PollFd::new(&self.exit, PollFlags::IN)], Some(&timeout)) {
                // The end of some other child.
                Err(Errno::INTR) => {}
                ready => return Ok(ready.context("poll")? > 0),
            }
        }
    }

    /// Stops it at once, as `kill -9` does, and reaps it.
    pub fn kill(mut self) -> Result<Ended> {
        self.signal_kill();
        self.reap()
    }

    /// Waits for its end; one that takes longer than `limit` is killed, which is an error.
    pub fn wait(mut self, limit: Duration) -> Result<Ended> {
        if !self.ended_within(limit)? {
            bail!("{} took longer than {} s and was stopped", self.name, limit.as_secs());
        }
        self.reap()
    }

    fn signal_kill(&self) {
        if let Some(child) = &self.child {
            // One that has ended meanwhile is not reaped yet, so its id is still its own.
            let _ = kill_process(Pid::from_child(child), Signal::KILL);
        }
    }

    fn reap(&mut self) -> Result<Ended> {
        let child = self.child.take().context("the child was reaped before")?;
        let used = child.wait4().with_context(|| format!("cannot wait for {}", self.name))?;
        Ok(Ended {
            status: used.status,
            cpu: used.rusage.utime + used.rusage.stime,
            peak_bytes: used.rusage.maxrss,
            wall: self.since.elapsed(),
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.signal_kill();
        if let Some(mut child) = self.child.take() {
            // Nothing is left to do about a child that cannot be waited for.
            let _ = child.wait();
        }
    }
}

/// Runs a command to its end.
pub fn run(command: &mut Command, limit: Duration) -> Result<Ended> {
    Running::start(command.stdin(Stdio::null()))?.wait(limit)
}

/// Runs a command that must end with 0 and gives its standard output.
pub fn capture(command: &mut Command, limit: Duration) -> Result<String> {
    capture_to(&[0], command, limit)
}

/// Runs a command that must end with one of these exit codes and gives its standard output. What it says otherwise is
/// part of the error.
pub fn capture_to(codes: &[i32], command: &mut Command, limit: Duration) -> Result<String> {
    let (output, words) = (Transcript::new()?, Transcript::new()?);
    let ended = run(command.stdout(output.pipe()?).stderr(words.pipe()?), limit)?;
    let text = output.read()?;
    if !ended.status.code().is_some_and(|code| codes.contains(&code)) {
        bail!("{} ended with {}\n{text}{}", show(command), ended.status, words.read()?);
    }
    Ok(text)
}

/// A file that takes what a child says: it never fills up as a pipe does.
pub struct Transcript(tempfile::NamedTempFile);

impl Transcript {
    /// An empty one.
    pub fn new() -> Result<Self> {
        Ok(Self(tempfile::NamedTempFile::new().context("a file for what a child says")?))
    }

    /// For `stdout` or `stderr` of a command.
    pub fn pipe(&self) -> Result<Stdio> {
        Ok(self.0.reopen()?.into())
    }

    /// All of it so far.
    pub fn read(&self) -> Result<String> {
        let bytes = std::fs::read(self.0.path()).context("what a child said")?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn tells_status_and_use() {
        let ended =
            run(&mut shell("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exit 3"), Duration::from_secs(60));
        let ended = ended.unwrap();
        assert_eq!(ended.status.code(), Some(3));
        assert!(ended.cpu > Duration::ZERO && ended.peak_bytes > 100_000, "{ended:?}");
    }

    #[test]
    fn stops_what_takes_too_long() {
        let error = run(&mut shell("exec sleep 600"), Duration::from_millis(20)).unwrap_err();
        assert!(error.to_string().contains("took longer"), "{error}");
    }

    #[test]
    fn kills() {
        let ended = Running::start(&mut shell("exec sleep 600")).unwrap().kill().unwrap();
        assert_eq!(ended.status.code(), None);
    }

    #[test]
    fn captures_or_says_why_not() {
        assert_eq!(capture(&mut shell("echo one"), Duration::from_secs(60)).unwrap(), "one\n");
        let error = capture(&mut shell("echo two; exit 1"), Duration::from_secs(60)).unwrap_err().to_string();
        assert!(error.contains("two"), "{error}");
    }
}
