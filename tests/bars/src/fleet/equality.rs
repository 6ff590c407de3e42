//! Bar 03.3: a laptop and a fleet come to the same records and the same summary.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use arena_model::{Outcome, Record};
use arena_results::RunView;
use serde::Deserialize;
use serde_json::json;

use super::PROVIDER;
use super::objects::{config, job, provider, source};
use super::stand::{LONG, Stand, Times};
use crate::bar::Bar;
use crate::process::capture_to;
use crate::vendor::Vendor;
use crate::world::World;
use crate::{datasets, order, questions, records};

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    cases: u64,
}

/// A bundle in which all pass, its provider bound by the config, and one in which every outcome of a check occurs.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let Some(stand) = Stand::start(world, bar, "equality", Times::default())? else { return Ok(()) };
    let vendor = Vendor::start(Duration::ZERO)?;
    let good = stand.scratch("good");
    questions::write(&good, limits.cases, &vendor.url())?;
    let files = [provider(PROVIDER, &vendor.url()), config("good", "good", Some(PROVIDER), "  trials: 2\n")];
    let found = same(&stand, bar, "good", &good, &files, &[])?;
    let passed = found.iter().filter(|record| record.outcome == Outcome::Passed).count();
    bar.all("cases of the good bundle that pass", passed, 2 * limits.cases as usize);

    let mixed = stand.scratch("mixed");
    order::write_mixed(&mixed, limits.cases)?;
    let own = config("mixed", "mixed", None, "");
    let found = same(&stand, bar, "mixed", &mixed, &[own], &[])?;
    let outcome = |outcome| found.iter().filter(|record| record.outcome == outcome).count();
    let checks = found.iter().flat_map(|record| &record.checks);
    let not_run = checks.filter(|check| check.outcome == Outcome::NotRun).count();
    let every = [outcome(Outcome::Passed), outcome(Outcome::Failed), outcome(Outcome::Error), not_run];
    bar.all("outcomes that occur in the other", every.iter().filter(|count| **count > 0).count(), every.len());
    rows(&stand, limits, bar)
}

/// A table in a source of its own; of three blocks a worker reads what its rows need.
fn rows(stand: &Stand<'_>, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let (bundle, tables) = (stand.scratch("rows"), stand.scratch("tables"));
    let dataset = json!({"id": "id", "where": {"part": "test"}, "sample": {"rows": limits.cases, "seed": 3}});
    datasets::write_bundle(&bundle, dataset)?;
    fs::create_dir_all(&tables)?;
    let part = |row: u32| ["test", "train"][row as usize % 2];
    let line = |row: u32| match row {
        7 => "broken\n".to_owned(),
        _ => json!({"id": row, "question": format!("q{row}"), "expected": "so", "part": part(row)}).to_string() + "\n",
    };
    let table = tables.join("table.jsonl");
    fs::write(&table, (0..ROWS).map(line).collect::<String>())?;
    stand.push("tables", &tables)?;
    stand.apply(&source("tables", "tables", "60s").replace("spec:\n", "spec:\n  contents: dataset\n"))?;
    let named = "  dataset: {sourceRef: {name: tables}, path: table.jsonl}\n";
    let table = table.display().to_string();
    let objects = [config("rows", "rows", None, named)];
    let found = same(stand, bar, "rows", &bundle, &objects, &["--dataset", &table])?;
    let named = found.iter().filter(|record| record.row.is_some()).count();
    bar.all("cases that are rows of a table", named, limits.cases as usize);
    Ok(())
}

/// Of the table: more than two blocks.
const ROWS: u32 = 3000;

/// Runs a bundle here and there under the same objects and compares. Gives the records.
fn same(
    stand: &Stand<'_>,
    bar: &mut Bar,
    name: &str,
    bundle: &Path,
    objects: &[String],
    more: &[&str],
) -> Result<Vec<Record>> {
    stand.push(name, bundle)?;
    stand.apply(&source(name, name, "60s"))?;
    let mut arguments = Vec::new();
    for (at, yaml) in objects.iter().enumerate() {
        stand.apply(yaml)?;
        let file = stand.scratch(&format!("{name}-{at}.yaml"));
        fs::write(&file, yaml)?;
        arguments.extend(["-f".to_owned(), file.display().to_string()]);
    }
    stand.apply(&job(name, name, ""))?;
    stand.work(name)?;
    let fleet = stand.results(name)?;
    let changed = arena_results::verify_checksums(&RunView::open(&fleet)?)?;
    anyhow::ensure!(changed.is_empty(), "what was fetched is not what its checksums say: {changed:?}");
    let laptop: PathBuf = stand.scratch(&format!("{name}-laptop"));
    let mut command = stand.arena();
    command.arg("run").arg(bundle).args(&arguments).args(more).arg("--quiet").arg("--out").arg(&laptop);
    capture_to(&[0, 1], &mut command, LONG)?;
    let differences = arena_results::equal(&RunView::open(&laptop)?, &RunView::open(&fleet)?)?;
    for difference in differences.iter().take(5) {
        bar.note(difference);
    }
    let found = records::read_with(stand.arena(), &fleet)?;
    let what = format!("differences between laptop and fleet, {name} bundle");
    bar.at_most(&what, differences.len() as f64, 0.0, "", found.len());
    Ok(found)
}
