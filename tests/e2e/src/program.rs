//! The built binary: started, spoken to, ended.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// Longest wait for a line of output, or for anything else that must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Lines that may wait to be looked at.
const LINES: usize = 1024;

/// How a command ended and what it printed.
#[derive(Clone, Debug)]
pub struct Ran {
    /// Exit code; -1 if a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ran {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Both streams, for messages and searches.
    pub fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }

    /// Fails unless the command ended with this code.
    pub fn code(self, code: i32) -> Result<Self> {
        if self.code != code {
            bail!("exit {} instead of {code}; it printed\n{}", self.code, self.all());
        }
        Ok(self)
    }

    /// Fails unless some output holds `text`.
    pub fn says(self, text: &str) -> Result<Self> {
        if !self.all().contains(text) {
            bail!("it does not say `{text}` but\n{}", self.all());
        }
        Ok(self)
    }
}

/// A command that has not ended yet. Dropping it kills it.
#[derive(Debug)]
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    seen: String,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Result<Self> {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().context("cannot start arena")?;
        let stderr = child.stderr.take().context("no standard error")?;
        Ok(Self { child, lines: follow(stderr), seen: String::new() })
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("no process id")?;
        kill_process(id, signal).context("cannot signal arena")
    }

    /// Waits until standard error has a line that holds `text`.
    pub fn wait_for(&mut self, text: &str) -> Result<()> {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).with_context(|| format!("no `{text}` in {}", self.seen))?;
            self.seen.push_str(&line);
            if line.contains(text) {
                return Ok(());
            }
        }
    }

    /// Waits for the end; the output is standard error.
    pub fn end(mut self) -> Result<Ran> {
        let mut err = std::mem::take(&mut self.seen);
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            err.push_str(&line);
        }
        let status = self.child.wait().context("cannot wait for arena")?;
        Ok(Ran { code: status.code().unwrap_or(-1), out: String::new(), err })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lines of a stream, read in a thread of their own so that waiting for one can end.
fn follow(stderr: ChildStderr) -> Receiver<String> {
    let (send, receive) = sync_channel(LINES);
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stderr);
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
            if send.send(std::mem::take(&mut line)).is_err() {
                break;
            }
        }
    });
    receive
}
