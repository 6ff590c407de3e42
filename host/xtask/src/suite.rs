//! Every check and every test, with times, counts and what was skipped.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::build::Scope;
use crate::failures::Failures;
use crate::layout::Layout;
use crate::skips::SkipLog;
use crate::steps::{Steps, Tally};
use crate::{bars, build, cluster, lint, process};

/// Makes the tests of the documentation run the pages that build a project, too.
const DOCS_SLOW: &str = "ARENA_DOCS_SLOW";

/// Runs the steps in order. What needs the build is left out without it; everything else runs after a failure too.
pub fn run(layout: &Layout) -> ExitCode {
    let mut steps = Steps::default();
    lint::steps(layout, &mut steps);
    let built = steps.run("build", || build::build(layout, Scope::Workspace).map(|()| Tally::one()));
    for workspace in layout.guest_workspaces() {
        let name = format!("tests of {}", layout.show(&workspace));
        steps.run(&name, || cargo_test(layout, layout.cargo_guest(&workspace)));
    }
    if built {
        // Its tests run all the same, and say what they lack.
        steps.run("set-up of the test world", || cluster::set_up(layout));
        steps.run("tests of the workspace", || cargo_test(layout, layout.cargo()));
        steps.run("quick bars", || bars::quick(layout));
    }
    steps.finish()
}

/// Runs a workspace's tests and adds up what each test binary printed.
fn cargo_test(layout: &Layout, mut command: Command) -> Result<Tally> {
    let log = SkipLog::new(layout)?;
    command.args(["test", "--release", "--workspace", "--no-fail-fast"]).env(DOCS_SLOW, "1");
    let (mut tally, mut failures) = (Tally::default(), Failures::default());
    let status = process::lines(log.given_to(&mut command), |line| {
        println!("{line}");
        count(line, &mut tally);
        failures.test_line(line);
    })?;
    tally.failures = failures.into_kept();
    skip(log.read()?, &mut tally);
    if !status.success() && tally.failed == 0 {
        println!("cargo test ended with {status} without naming a test");
        tally.failed = 1;
    }
    Ok(tally)
}

/// Takes in one line of libtest's output: a result line, or a test marked ignored.
fn count(line: &str, tally: &mut Tally) {
    if let Some(counts) = line.strip_prefix("test result: ") {
        for part in counts.split(['.', ';']) {
            match part.split_whitespace().collect::<Vec<_>>().as_slice() {
                [number, "passed"] => tally.passed += number.parse().unwrap_or(0),
                [number, "failed"] => tally.failed += number.parse().unwrap_or(0),
                _ => {}
            }
        }
    } else if let Some((test, why)) = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... ignored")) {
        tally.skipped.push(format!("{test}: {}", why.strip_prefix(", ").unwrap_or("marked ignored")));
    }
}

/// Takes in what left itself out. To libtest those tests passed, so they are taken out of that number.
fn skip(skipped: Vec<String>, tally: &mut Tally) {
    tally.passed = tally.passed.saturating_sub(skipped.len() as u64);
    tally.skipped.extend(skipped);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_add_up() {
        let mut tally = Tally::default();
        for line in [
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test wait::long ... ignored, needs a cluster",
            "test other ... ignored",
            "test fine ... ok",
            "test result: FAILED. 3 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 1.20s",
        ] {
            count(line, &mut tally);
        }
        let skipped = vec!["wait::long: needs a cluster".to_owned(), "other: marked ignored".to_owned()];
        assert_eq!(tally, Tally { passed: 15, failed: 2, skipped, ..Tally::default() });
    }

    #[test]
    fn a_test_that_skips_itself_has_not_passed() {
        let mut tally = Tally { passed: 2, ..Tally::default() };
        skip(vec!["conformance: no bundles".to_owned()], &mut tally);
        assert_eq!((tally.passed, tally.skipped), (1, vec!["conformance: no bundles".to_owned()]));
    }
}
