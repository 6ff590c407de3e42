//! The tests of `report.test.mjs` on made-up runs.

use anyhow::{Context, Result};
use arena_results::Settings;

use crate::{Scripts, showcase, volume};

/// How they went.
#[derive(Debug)]
pub struct Tests {
    /// How many passed.
    pub passed: u32,
    /// How many did not.
    pub failed: u32,
    /// What they printed.
    pub output: String,
}

/// Makes the runs and opens their pages.
///
/// # Errors
/// If the runs or the scripts cannot be made, or the tests end without a count.
pub fn run_tests() -> Result<Tests> {
    let scratch = tempfile::tempdir()?;
    let at = |name: &str| scratch.path().join(name);
    let cut = Settings { report_cases: 1000, report_bytes: 300_000, ..Settings::default() };
    let pages = [
        ("ARENA_SHOWCASE", showcase(&at("showcase"), 5)?.page()),
        ("ARENA_VOLUME", volume(&at("volume"), 10_000, 1000, Settings::default())?.page()),
        ("ARENA_CUT", volume(&at("cut"), 2000, 1000, cut)?.page()),
    ];
    let pages = pages.each_ref().map(|(name, page)| (*name, page.as_path()));
    let arguments = ["--test", "--test-reporter=tap", "report.test.mjs"];
    let (code, output) = Scripts::ready()?.run(&arguments, &pages)?;
    let count = |name: &str| {
        let line = output.lines().find_map(|line| line.strip_prefix("# ")?.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|number| number.parse::<u32>().ok()).with_context(|| format!("no `{name}` in {output}"))
    };
    let (passed, failed) = (count("pass")?, count("fail")?);
    // A test that was cancelled has neither passed nor failed.
    Ok(Tests { passed, failed: failed.max(u32::from(code != 0)), output })
}
