//! Bar 03.8: a job of ten million cases costs no more to make than one of ten.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::objects::{config, job, source};
use super::redis;
use super::stand::{Stand, Times};
use crate::bar::Bar;
use crate::world::World;

/// Trials of each scenario, the most that a config may have.
const TRIALS: u64 = 1000;

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    cases: u64,
    redis_ms: f64,
    redis_mb: f64,
    status_kb: f64,
}

/// A job that nobody works on.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let Some(stand) = Stand::start(world, bar, "size", Times::default())? else { return Ok(()) };
    let bundle = stand.scratch("bundle");
    write(&bundle, limits.cases / TRIALS)?;
    stand.push("main", &bundle)?;
    stand.apply(&source("prompts", "main", "60s"))?;
    stand.apply(&config("config", "prompts", None, &format!("  trials: {TRIALS}\n")))?;
    stand.condition("arenaconfig/config", "Ready", "True")?;
    let before = Usage::of(&stand)?;
    stand.apply(&job("large", "config", ""))?;
    let planned = limits.cases.to_string();
    stand.until("arenajob/large", ".status.cases.planned", |found| found == planned)?;
    let after = Usage::of(&stand)?;
    bar.at_most("Redis' own time", (after.micros - before.micros) / 1e3, limits.redis_ms, " ms", limits.cases);
    bar.at_most("Redis' memory", (after.bytes - before.bytes) / 1e6, limits.redis_mb, " MB", limits.cases);
    let status = stand.get("arenajob/large", ".status")?;
    bar.at_most("status of the job", status.len() as f64 / 1e3, limits.status_kb, " KB", limits.cases);
    Ok(())
}

/// Many scenarios in one file, which a mock would answer.
fn write(to: &Path, scenarios: u64) -> Result<()> {
    let document = |kind: &str, spec: Value| json!({"apiVersion": "promptkit.altairalabs.ai/v1alpha1", "kind": kind, "metadata": {"name": "large"}, "spec": spec});
    let check = json!({"type": "contains", "params": {"patterns": ["yes"]}});
    let scenario = json!({"task_type": "answer", "description": "One of many", "turns": [{"role": "user", "content": "Well?", "assertions": [check]}]});
    let named = (0..scenarios).map(|at| (format!("s{at:06}"), scenario.clone()));
    let mock =
        json!({"id": "mock", "type": "mock", "model": "mock", "additional_config": {"mock_config": "mock.yaml"}});
    let arena = json!({
        "prompt_specs": {"answer": {"task_type": "answer", "version": "v1", "description": "Answers", "system_template": "Answer."}},
        "providers": [],
        "provider_specs": {"mock": mock},
        "scenario_specs": named.collect::<Map<_, _>>(),
        "defaults": {},
    });
    fs::create_dir_all(to)?;
    fs::write(to.join("config.arena.yaml"), document("Arena", arena).to_string())?;
    fs::write(to.join("mock.yaml"), "defaultResponse: yes\n")?;
    Ok(())
}

/// What Redis has used since its start.
struct Usage {
    micros: f64,
    bytes: f64,
}

impl Usage {
    fn of(stand: &Stand<'_>) -> Result<Self> {
        let micros = redis::ask(stand, "INFO commandstats")?
            .lines()
            .filter_map(|line| line.split_once("usec=")?.1.split(',').next()?.parse::<f64>().ok())
            .sum();
        let memory = redis::ask(stand, "INFO memory")?;
        let bytes = memory.lines().find_map(|line| line.strip_prefix("used_memory:")?.trim().parse().ok());
        Ok(Self { micros, bytes: bytes.context("Redis does not say how much memory it uses")? })
    }
}
