//! The demo: the quick start, from source to report.

use std::fs;
use std::io::ErrorKind;

use anyhow::{Context, Result, bail};

use crate::build::Scope;
use crate::layout::Layout;
use crate::{build, process};

/// The quick start has a case that fails on purpose, which is this exit code of `arena run`.
const A_CASE_FAILED: i32 = 1;

/// Builds, runs `examples/quickstart` into `target/demo` and says where the report is.
pub fn run(layout: &Layout) -> Result<()> {
    build::build(layout, Scope::Laptop)?;
    let out = layout.root.join("target/demo");
    match fs::remove_dir_all(&out) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot remove {}", out.display()));
        }
        _ => {}
    }
    let mut command = std::process::Command::new(layout.binary());
    command.current_dir(&layout.root).args(["run", "examples/quickstart", "--out", "target/demo"]);
    let status = process::status(&mut command)?;
    if status.code() != Some(A_CASE_FAILED) {
        bail!("arena run examples/quickstart ended with {status}; the case that fails on purpose makes it exit 1");
    }
    let report = out.join("report.html");
    if !report.is_file() {
        bail!("{} was not written", report.display());
    }
    println!("\nOne scenario fails with one model on purpose, to show what a failure looks like.");
    println!("report: {}", layout.show(&report));
    Ok(())
}
