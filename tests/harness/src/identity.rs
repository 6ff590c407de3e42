//! Which process: a pid alone is given to another one day, a pid and its start time are not.

use std::fmt;
use std::str::FromStr;

use rustix::process::{Pid, Signal, kill_process};

/// A process for good: its pid and when it started, in clock ticks since the boot. As text `PID-START`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    pid: u32,
    start: u64,
}

impl Identity {
    /// The process that asks.
    pub fn own() -> Self {
        let pid = std::process::id();
        // Without /proc nothing of this crate runs; 0 is then an owner that is never alive.
        Self::of(pid).unwrap_or(Self { pid, start: 0 })
    }

    /// The process that has this pid now, if there is one that has not ended.
    pub fn of(pid: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The second field is the program's name in brackets, which may hold anything.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        if matches!(fields.next()?, "Z" | "X") {
            return None;
        }
        Some(Self { pid, start: fields.nth(18)?.parse().ok()? })
    }

    /// True while this very process runs.
    pub fn alive(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }

    /// Sends it a signal, if it still runs.
    pub fn signal(&self, signal: Signal) {
        if let (true, Some(pid)) = (self.alive(), i32::try_from(self.pid).ok().and_then(Pid::from_raw)) {
            // One that has ended meanwhile needs none.
            let _ = kill_process(pid, signal);
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.pid, self.start)
    }
}

/// A text is not `PID-START`.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no process: PID-START is expected")]
pub struct ParseIdentityError(String);

impl FromStr for Identity {
    type Err = ParseIdentityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (pid, start) = text.split_once('-')?;
            Some(Self { pid: pid.parse().ok()?, start: start.parse().ok()? })
        };
        parse().ok_or_else(|| ParseIdentityError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let own = Identity::own();
        assert_eq!(own.to_string().parse::<Identity>().unwrap(), own);
        for wrong in ["", "1", "1-", "x-1", "1-2-3"] {
            assert!(wrong.parse::<Identity>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_ended_process_is_not_alive() {
        let mut child = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let identity = Identity::of(child.id()).unwrap();
        assert!(identity.alive());
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(!identity.alive());
    }
}
