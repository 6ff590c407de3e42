//! Run folders out of made-up records.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use arena_model::{Digest, EvaluatorPin, Manifest, Origin, PlanPin, Record, Work};
use arena_results::{Journal, RunDir, Settings, finalize};
use serde_json::json;

/// A run in its folder, with its reports.
#[derive(Debug)]
pub struct FinishedRun {
    /// Its folder.
    pub dir: PathBuf,
    /// CPU of finalizing it.
    pub finalizing: std::time::Duration,
}

impl FinishedRun {
    /// Its page.
    pub fn page(&self) -> PathBuf {
        self.dir.join("report.html")
    }
}

fn pin(name: &str) -> EvaluatorPin {
    let grants = if name == "judges" { vec!["llm".to_owned()] } else { vec![] };
    EvaluatorPin { digest: Digest::of(name.as_bytes()), grants, limits: json!({"fuel": 50_000_000}) }
}

fn manifest(providers: &[&str], cases: u64) -> Result<Manifest> {
    let work = Work {
        bundle: Digest::of(b"bundle"),
        entry: "config.arena.yaml".into(),
        evaluators: ["text", "judges"].map(|name| (name.to_owned(), pin(name))).into_iter().collect(),
        config: json!({"defaults": {"temperature": 0.2, "max_tokens": 512}, "trials": 3}),
        models: providers.iter().map(|id| ((*id).to_owned(), format!("vendor/{id}-2026"))).collect(),
        plan: PlanPin { digest: Digest::of(b"plan"), cases },
        seed: 42,
        epoch: "2026-01-01T00:00:00Z".into(),
    };
    let origin = Origin {
        engine: "0.1.0".into(),
        source: "examples/customer-support".into(),
        created: "2026-01-05T09:30:00Z".into(),
        settings: json!({"concurrency": 8}),
        endpoints: BTreeMap::new(),
        from: None,
    };
    Ok(Manifest { v: 1, work_digest: Digest::of_json(&work)?, work, origin })
}

/// CPU of this thread so far.
fn cpu() -> Result<std::time::Duration> {
    let usage = std::fs::read_to_string("/proc/thread-self/schedstat").context("/proc/thread-self/schedstat")?;
    let spent = usage.split_whitespace().next().and_then(|word| word.parse().ok()).context("no CPU time there")?;
    Ok(std::time::Duration::from_nanos(spent))
}

/// Writes a run: `lines` in plan order, then those that never ran.
pub(crate) fn write(
    dir: &Path,
    providers: &[&str],
    cases: u64,
    lines: impl Iterator<Item = Result<(u64, Vec<u8>)>>,
    not_run: Vec<Record>,
    labels: impl Fn(&str) -> BTreeMap<String, String>,
    settings: Settings,
) -> Result<FinishedRun> {
    let run = RunDir::create(dir, &manifest(providers, cases)?, |bundle| std::fs::create_dir(bundle))?;
    let (mut journal, _) = Journal::open(&run, |_| None)?;
    for line in lines {
        let (index, line) = line?;
        journal.append(index, &line)?;
    }
    drop(journal);
    let before = cpu()?;
    finalize(&run, cases, not_run.into_iter(), labels, settings, || false)?;
    Ok(FinishedRun { dir: dir.to_owned(), finalizing: cpu()?.saturating_sub(before) })
}
