//! What a bar prints, and whether it fell short.

use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::Write as _;

use anyhow::{Context, Result};

/// Names the file to which a test that skips itself appends a line.
const SKIP_LOG: &str = "ARENA_SKIP_LOG";

/// One bar in progress.
pub struct Bar {
    id: &'static str,
    short: bool,
}

impl Bar {
    /// A bar with nothing measured yet.
    pub fn new(id: &'static str) -> Self {
        Self { id, short: false }
    }

    /// A figure that must not be above its limit.
    pub fn at_most(&mut self, what: &str, figure: f64, limit: f64, unit: &str, n: impl Display) {
        // NaN is above every limit.
        let ok = figure <= limit;
        let digits = if figure.abs() >= 100.0 { 0 } else { 4 };
        let shown = format!("{figure:.digits$}");
        let shown = if shown.contains('.') { shown.trim_end_matches('0').trim_end_matches('.') } else { &shown };
        self.line(what, &format!("{shown}{unit}"), &format!("{limit}{unit}"), n, ok);
    }

    /// A number of cases that must be all of them.
    pub fn all(&mut self, what: &str, good: usize, of: usize) {
        self.line(what, &format!("{good} of {of}"), &format!("all {of}"), of, good == of && of > 0);
    }

    /// A line of its own words.
    pub fn line(&mut self, what: &str, figure: &str, limit: &str, n: impl Display, ok: bool) {
        self.short |= !ok;
        let word = if ok { "ok" } else { "SHORT" };
        println!("bar {}: {what}: {figure} (limit {limit}, n = {n}) {word}", self.id);
    }

    /// What stands behind a figure.
    pub fn note(&self, text: &str) {
        println!("bar {}: {text}", self.id);
    }

    /// Leaves something out, with the reason where the tests' summary looks for it. In CI that is falling short.
    pub fn skip(&mut self, why: &str) -> Result<()> {
        if crate::in_ci() {
            self.line("what cannot be left out in CI", why, "nothing", 0, false);
            return Ok(());
        }
        println!("SKIPPED bar {}: {why}", self.id);
        if let Some(log) = std::env::var_os(SKIP_LOG) {
            let mut log = OpenOptions::new().append(true).create(true).open(log).context("the log of skipped tests")?;
            writeln!(log, "SKIPPED bar {}: {why}", self.id)?;
        }
        Ok(())
    }

    /// True once a figure fell short.
    pub fn is_short(&self) -> bool {
        self.short
    }
}

/// The middle value; of an even number the lower middle. NaN if there is none.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}
