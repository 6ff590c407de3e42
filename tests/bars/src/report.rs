//! Bar 06.7: the report opens fast, has every failure, finds every case, stays small, and a person can work with it.

use anyhow::{Context, Result};
use arena_browser::{Scripts, run_tests, volume};
use arena_harness::{Need, runs_here};
use arena_results::Settings;
use serde::Deserialize;

use crate::bar::{Bar, median};
use crate::world::World;

/// Bytes of an answer; of the large run's, which would fill the disk otherwise.
const ANSWER: usize = 1000;
const LARGE_ANSWER: usize = 100;

/// Limits of the bar.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    cases: u64,
    open_ms: f64,
    large: u64,
    large_mb: f64,
    page_us: f64,
}

/// What `measure.mjs` prints.
#[derive(Deserialize)]
struct Measured {
    open_ms: Vec<f64>,
    trouble: Vec<String>,
    cases: usize,
    failures: usize,
    search_ms: f64,
    found: usize,
    left_out: Vec<String>,
    elements: u64,
    large: Large,
}

#[derive(Deserialize)]
struct Large {
    shown: u64,
    said: Vec<String>,
}

/// Measures it.
pub fn measure(_: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    if !runs_here("bar 06.7", &[Need::Browser])? {
        return Ok(());
    }
    let scratch = tempfile::tempdir()?;
    let at = |name: &str| scratch.path().join(name);
    let none = Settings { report_bytes: 0, ..Settings::default() };
    let without = volume(&at("without"), limits.cases, ANSWER, none)?;
    let run = volume(&at("run"), limits.cases, ANSWER, Settings::default())?;
    let large = volume(&at("large"), limits.large, LARGE_ANSWER, Settings::default())?;
    let pages = [("ARENA_PAGE", run.page()), ("ARENA_LARGE", large.page())];
    let pages = pages.each_ref().map(|(name, page)| (*name, page.as_path()));
    let (code, said) = Scripts::ready()?.run(&["measure.mjs"], &pages)?;
    let measured: Measured = serde_json::from_str(&said).with_context(|| format!("exit {code}: {said}"))?;

    let openings = measured.open_ms.len();
    bar.at_most("opening the page of 10,000 cases", median(measured.open_ms), limits.open_ms, " ms", openings);
    let cases = usize::try_from(limits.cases)?;
    bar.all("failures on the page", measured.failures, cases / 100);
    bar.all("cases on the page", measured.cases - measured.left_out.len().min(1), cases);
    bar.all("cases found by a word of their transcript", measured.found, cases);
    bar.note(&format!(
        "the first search takes {:.0} ms, the page has {} elements",
        measured.search_ms, measured.elements
    ));
    let quiet = measured.trouble.is_empty();
    bar.line("console errors and requests", &measured.trouble.len().to_string(), "0", openings + 1, quiet);

    let megabytes = std::fs::metadata(large.page())?.len() as f64 / 1e6;
    bar.at_most("page of 1,000,000 cases", megabytes, limits.large_mb, " MB", 1);
    let left = measured.large.said.join(" ");
    let honest = left.contains(&grouped(limits.large - measured.large.shown)) && measured.large.shown > 0;
    bar.line("what that page leaves out", &format!("{left:?}"), "said", 1, honest);

    let share = run.finalizing.saturating_sub(without.finalizing).as_secs_f64() * 1e6 / limits.cases as f64;
    bar.at_most("CPU of the page in finalizing", share, limits.page_us, " us a case", limits.cases);
    let tests = run_tests()?;
    bar.all("browser tests", tests.passed as usize, (tests.passed + tests.failed) as usize);
    if tests.failed > 0 {
        bar.note(&tests.output);
    }
    Ok(())
}

/// A number as the page writes it.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        assert_eq!([grouped(0), grouped(950_000), grouped(1_000_000)], ["0", "950,000", "1,000,000"]);
    }
}
