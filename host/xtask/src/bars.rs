//! Bars: the figures an issue promises, each measured by the `bars` program of `tests/bars`.

use std::process::{Command, ExitCode};

use anyhow::{Result, bail};

use crate::build::Scope;
use crate::failures::Failures;
use crate::layout::Layout;
use crate::skips::SkipLog;
use crate::steps::Tally;
use crate::{build, process};

/// Builds, then measures what `selection` names: a bar such as `02.3`, `--quick` or `--all`.
pub fn run(layout: &Layout, selection: &str) -> Result<ExitCode> {
    build::build(layout, Scope::Workspace)?;
    let code = measure(layout, selection)?;
    Ok(ExitCode::from(code))
}

/// The bars that take seconds, as a step of the tests. A bar that was left out is counted as skipped.
pub fn quick(layout: &Layout) -> Result<Tally> {
    // Tests link the binary with what dev-dependencies add; figures are of the one that users get.
    build::binary(layout, Scope::Workspace)?;
    tally(&SkipLog::new(layout)?, program(layout, "--quick")?)
}

/// What a run of the bars came to.
fn tally(log: &SkipLog, mut command: Command) -> Result<Tally> {
    let mut failures = Failures::default();
    let status = process::lines(log.given_to(&mut command), |line| {
        println!("{line}");
        failures.bar_line(line);
    })?;
    let failures = failures.into_kept();
    match (status.success(), failures.len() as u64) {
        (true, 0) => Ok(Tally { skipped: log.read()?, ..Tally::one() }),
        (_, 0) => bail!("the bars ended with {status}"),
        (_, failed) => Ok(Tally { failed, failures, ..Tally::default() }),
    }
}

fn measure(layout: &Layout, selection: &str) -> Result<u8> {
    code(&mut program(layout, selection)?)
}

fn program(layout: &Layout, selection: &str) -> Result<Command> {
    if !layout.root.join("tests/bars/Cargo.toml").is_file() {
        bail!("tests/bars is not in this tree: there is no program that measures bar {selection}");
    }
    let mut command = layout.cargo();
    command.args(["run", "--quiet", "--release", "--package", "arena-bars", "--bin", "bars", "--", selection]);
    Ok(command)
}

fn code(command: &mut Command) -> Result<u8> {
    let status = process::status(command)?;
    // A program stopped by a signal has no code.
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quick_bar_that_was_left_out_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let log = SkipLog::at(folder.path().join("skipped.log")).unwrap();
        let bars = |script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            tally(&log, command)
        };
        let left_out = bars("echo SKIPPED bar 02.9: no cores >> \"$ARENA_SKIP_LOG\"").unwrap();
        assert_eq!((left_out.passed, left_out.skipped), (1, vec!["bar 02.9: no cores".to_owned()]));
        let short = "bar 02.9: cores: 1 (limit 2, n = 1) SHORT";
        let fell_short = bars(&format!("echo '{short}'; exit 1")).unwrap();
        assert_eq!((fell_short.failed, fell_short.failures), (1, vec![short.to_owned()]));
        assert!(bars("exit 3").unwrap_err().to_string().contains("exit status: 3"));
    }
}
