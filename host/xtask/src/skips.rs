//! The log in which tests and bars that leave themselves out say so, since to their runner they passed.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::layout::Layout;

/// Environment variable naming the file to which a test that skips itself appends `SKIPPED <test>: <reason>`.
const VARIABLE: &str = "ARENA_SKIP_LOG";

/// An empty log, to be filled by one step.
pub struct SkipLog(PathBuf);

impl SkipLog {
    /// In the target folder; one step writes it at a time.
    pub fn new(layout: &Layout) -> Result<Self> {
        Self::at(layout.target.join("skipped.log"))
    }

    /// At this path, emptied.
    pub fn at(path: PathBuf) -> Result<Self> {
        fs::write(&path, "").with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self(path))
    }

    /// Tells a command where the log is.
    pub fn given_to<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env(VARIABLE, &self.0)
    }

    /// A line for each that was left out: its name and why.
    pub fn read(&self) -> Result<Vec<String>> {
        let text = fs::read_to_string(&self.0).with_context(|| format!("cannot read {}", self.0.display()))?;
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        Ok(lines.map(|line| line.strip_prefix("SKIPPED ").unwrap_or(line).to_owned()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_names_and_reasons_and_a_new_log_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "SKIPPED old: from an earlier step").unwrap();
        let log = SkipLog::at(path.clone()).unwrap();
        assert!(log.read().unwrap().is_empty());
        fs::write(&path, "SKIPPED conformance: no bundles\n\n").unwrap();
        assert_eq!(log.read().unwrap(), ["conformance: no bundles"]);
    }
}
