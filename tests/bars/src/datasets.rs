//! Bar 05.3: tables of any size. What a run over a sample of a large one keeps in memory, and how long it takes to plan a
//! table of millions of rows that was indexed before.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use arena_model::Outcome;
use serde::Deserialize;
use serde_json::json;

use crate::bar::{Bar, median};
use crate::process;
use crate::records;
use crate::world::World;

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    table_bytes: u64,
    sample: u64,
    peak_mb: f64,
    rows: u64,
    plan_s: f64,
    repetitions: u32,
}

/// Longest time of one command.
const PATIENCE: Duration = Duration::from_secs(600);
/// Words of a question in the large table: a row has about 1 KB.
const WORDS: usize = 120;

/// A large table and a long one.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let (bundle, table) = (world.scratch("datasets"), world.scratch("large.jsonl"));
    write_bundle(&bundle, json!({"id": "id", "sample": {"rows": limits.sample, "seed": 7}}))?;
    let rows = write_large(&table, limits.table_bytes)?;
    let bytes = fs::metadata(&table)?.len();
    let file = table.to_string_lossy();
    let mut rows_of = Vec::new();
    // The first run indexes the table; its child's memory counts.
    for out in ["first", "second"] {
        let out = world.scratch(&format!("datasets-{out}"));
        let ended = world.run_to(0, &bundle, &out, &["--dataset", &file, "--quiet"])?;
        let wall = ended.wall.as_secs_f64();
        bar.note(&format!(
            "{} rows of {rows} run in {wall:.1} s, {:.1} s of CPU",
            limits.sample,
            ended.cpu.as_secs_f64()
        ));
        let peak = ended.peak_bytes as f64 / 1e6;
        bar.at_most("peak memory of a run over a large table", peak, limits.peak_mb, " MB", format!("{bytes} bytes"));
        let found = records::read(world, &out)?;
        let passed = found.iter().filter(|record| record.outcome == Outcome::Passed).count();
        bar.all("rows of the sample that passed", passed, usize::try_from(limits.sample)?);
        rows_of.push(found.into_iter().map(|record| record.row).collect::<Vec<_>>());
    }
    bar.line("rows of the second sample", "the same", "the same", limits.sample, rows_of[0] == rows_of[1]);
    fs::remove_file(&table)?;

    let table = world.scratch("long.jsonl");
    write_bundle(&bundle, json!({"id": "id"}))?;
    write_long(&table, limits.rows)?;
    let plan = || -> Result<f64> {
        let mut command = world.arena();
        command.args(["run", "--dry-run", "--dataset"]).arg(&table).arg(&bundle).stdout(Stdio::null());
        let ended = process::run(&mut command, PATIENCE)?;
        if !ended.status.success() {
            bail!("arena run --dry-run ended with {}", ended.status);
        }
        Ok(ended.wall.as_secs_f64())
    };
    bar.note(&format!("{} rows: {:.1} s with the index", limits.rows, plan()?));
    // The second look digests the file once more, if it was too new to be trusted the first time.
    plan()?;
    let times = (0..limits.repetitions).map(|_| plan()).collect::<Result<Vec<f64>>>()?;
    let n = format!("{} rows, {} times", limits.rows, limits.repetitions);
    bar.at_most("plan of a long table that was indexed", median(times), limits.plan_s, " s", n);
    Ok(())
}

/// A bundle of one scenario with this dataset, whose cases pass where a row expects `so`.
pub fn write_bundle(bundle: &Path, dataset: serde_json::Value) -> Result<()> {
    let check = json!({"type": "contains", "params": {"patterns": ["{{row.expected}}"]}});
    let spec = json!({
        "prompt_specs": {"p": {"task_type": "p", "version": "1", "description": "d", "system_template": "You help."}},
        "provider_specs": {"m": {"type": "mock", "model": "m", "additional_config": {"mock_config": "mock.yaml"}}},
        "scenario_specs": {"s": {"task_type": "p", "description": "d", "dataset": dataset,
            "turns": [{"role": "user", "content": "{{row.question}}", "assertions": [check]}]}},
        "providers": [],
        "defaults": {},
    });
    let arena = json!({"apiVersion": "promptkit.altairalabs.ai/v1alpha1", "kind": "Arena",
        "metadata": {"name": "tables"}, "spec": spec});
    fs::create_dir_all(bundle)?;
    fs::write(bundle.join("mock.yaml"), json!({"defaultResponse": "It is so."}).to_string())?;
    fs::write(bundle.join("config.arena.yaml"), serde_json::to_vec(&arena)?).context("a bundle")
}

/// Rows of about a kilobyte whose words differ, so that they do not pack into nothing.
fn write_large(path: &Path, bytes: u64) -> Result<u64> {
    let mut out = BufWriter::new(File::create(path)?);
    let (mut written, mut rows, mut seed) = (0u64, 0u64, 1u64);
    while written < bytes {
        let mut line = format!("{{\"id\":{rows},\"expected\":\"so\",\"question\":\"");
        for _ in 0..WORDS {
            // Knuth's MMIX generator.
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            line.push_str(&format!("w{:x} ", seed >> 44));
        }
        line.push_str("\"}\n");
        out.write_all(line.as_bytes())?;
        written += line.len() as u64;
        rows += 1;
    }
    out.flush()?;
    Ok(rows)
}

fn write_long(path: &Path, rows: u64) -> Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    for row in 0..rows {
        writeln!(out, "{{\"id\":{row},\"question\":\"q{row}\",\"expected\":\"so\"}}")?;
    }
    Ok(out.flush()?)
}
