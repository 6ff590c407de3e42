//! The steps of a long command: their times, what they counted, and the summary at the end.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;

/// What one step counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// Tests that passed; 1 for a step that is no run of tests.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
    /// One line for each test that did not run: its name and why.
    pub skipped: Vec<String>,
    /// What failed, in its own words, as far as it is known.
    pub failures: Vec<String>,
}

impl Tally {
    /// The tally of a step that is a single check and passed.
    pub fn one() -> Self {
        Self { passed: 1, ..Self::default() }
    }

    fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped.extend(other.skipped.iter().cloned());
        self.failures.extend(other.failures.iter().cloned());
    }
}

struct Step {
    name: String,
    tally: Tally,
    took: Duration,
}

/// The steps so far.
#[derive(Default)]
pub struct Steps(Vec<Step>);

impl Steps {
    /// Runs one step and prints its name and time; an error counts as one failure. Gives whether it went well.
    pub fn run(&mut self, name: &str, step: impl FnOnce() -> Result<Tally>) -> bool {
        println!("== {name}");
        let start = Instant::now();
        let tally = step().unwrap_or_else(|error| {
            println!("error: {error:#}");
            Tally { failed: 1, failures: vec![format!("{error:#}")], ..Tally::default() }
        });
        let (well, took) = (tally.failed == 0, start.elapsed());
        println!("-- {name}: {} in {:.1} s", if well { "ok" } else { "FAILED" }, took.as_secs_f64());
        self.0.push(Step { name: name.to_owned(), tally, took });
        well
    }

    /// Prints the summary, whose last line is `N passed, N failed, N skipped`; fails if anything did.
    pub fn finish(self) -> ExitCode {
        let (text, failed) = self.summary();
        println!("{text}");
        if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }

    fn summary(&self) -> (String, bool) {
        let mut total = Tally::default();
        let mut took = Duration::ZERO;
        let mut text = String::from("\nsummary\n");
        for step in &self.0 {
            let Tally { passed, failed, skipped, .. } = &step.tally;
            let mark = if *failed == 0 { "ok    " } else { "FAILED" };
            let counts = format!("{passed} passed, {failed} failed, {} skipped", skipped.len());
            text += &format!("  {mark} {:<28} {:>7.1} s  {counts}\n", step.name, step.took.as_secs_f64());
            total.add(&step.tally);
            took += step.took;
        }
        text += &format!("  in all {:>36.1} s\n", took.as_secs_f64());
        for line in &total.skipped {
            text += &format!("  skipped: {line}\n");
        }
        for failure in &total.failures {
            text += &format!("  failed: {}\n", failure.replace('\n', "\n    "));
        }
        text += &format!("{} passed, {} failed, {} skipped", total.passed, total.failed, total.skipped.len());
        (text, total.failed > 0 || self.0.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn totals_are_the_last_line_and_reasons_stand_before_it() {
        let mut steps = Steps::default();
        assert!(steps.run("format", || Ok(Tally::one())));
        let skipped = vec!["conformance: no bundles".to_owned()];
        assert!(steps.run("tests", || Ok(Tally { passed: 5, skipped: skipped.clone(), ..Tally::default() })));
        let (text, failed) = steps.summary();
        assert!(!failed);
        assert!(text.contains("skipped: conformance: no bundles"), "{text}");
        assert_eq!(text.lines().last(), Some("6 passed, 0 failed, 1 skipped"));
    }

    #[test]
    fn an_error_is_one_failure_and_later_steps_still_count() {
        let mut steps = Steps::default();
        assert!(!steps.run("format", || bail!("badly formatted")));
        assert!(steps.run("tests", || Ok(Tally::one())));
        let (text, failed) = steps.summary();
        assert!(failed);
        assert!(text.contains("failed: badly formatted\n"), "{text}");
        assert_eq!(text.lines().last(), Some("1 passed, 1 failed, 0 skipped"));
    }

    #[test]
    fn no_steps_is_no_success() {
        assert!(Steps::default().summary().1);
    }
}
