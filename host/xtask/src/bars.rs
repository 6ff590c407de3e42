//! Bars: the figures an issue promises, each measured by the `bars` program of `tests/bars`.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::build::Scope;
use crate::layout::Layout;
use crate::steps::Tally;
use crate::{build, process};

/// Builds, then measures what `selection` names: a bar such as `02.3`, `--quick` or `--all`.
pub fn run(layout: &Layout, selection: &str) -> Result<ExitCode> {
    build::build(layout, Scope::Workspace)?;
    let code = measure(layout, selection)?;
    Ok(ExitCode::from(code))
}

/// The bars that take seconds, as a step of the tests.
pub fn quick(layout: &Layout) -> Result<Tally> {
    // Tests link the binary with what dev-dependencies add; figures are of the one that users get.
    build::binary(layout, Scope::Workspace)?;
    match measure(layout, "--quick")? {
        0 => Ok(Tally::one()),
        code => bail!("a quick bar fell short: exit code {code}"),
    }
}

fn measure(layout: &Layout, selection: &str) -> Result<u8> {
    if !layout.root.join("tests/bars/Cargo.toml").is_file() {
        bail!("tests/bars is not in this tree: there is no program that measures bar {selection}");
    }
    let mut command = layout.cargo();
    command.args(["run", "--quiet", "--release", "--package", "arena-bars", "--bin", "bars", "--", selection]);
    let status = process::status(&mut command)?;
    // A program stopped by a signal has no code.
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(3))
}
