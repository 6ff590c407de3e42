//! Bar 04.5: how long `arena validate` takes. That each kind of bad input has its message is tested beside the reader.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Result, bail};
use serde::Deserialize;
use serde_json::json;

use crate::bar::{Bar, median};
use crate::process;
use crate::world::World;

const PATIENCE: Duration = Duration::from_secs(60);

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    scenarios: usize,
    wall_ms: f64,
    repetitions: usize,
}

/// With warm caches: what a person sees while writing a bundle.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let bundle = world.scratch("fifty");
    write(&bundle, limits.scenarios)?;
    let mut walls = Vec::new();
    for round in 0..=limits.repetitions {
        let mut command = world.arena();
        let ended = process::run(command.arg("validate").arg(&bundle).stdout(Stdio::null()), PATIENCE)?;
        if !ended.status.success() {
            bail!("arena validate ended with {}", ended.status);
        }
        // The first compiles the components.
        if round > 0 {
            walls.push(ended.wall.as_secs_f64() * 1000.0);
        }
    }
    let n = format!("{} of {} scenarios", walls.len(), limits.scenarios);
    bar.at_most("arena validate", median(walls), limits.wall_ms, " ms", n);
    Ok(())
}

/// A file per document, as bundles are kept; every scenario with checks of its own of several types.
fn write(bundle: &Path, scenarios: usize) -> Result<()> {
    let document = |kind: &str, name: &str, spec: serde_json::Value| {
        json!({"apiVersion": "promptkit.altairalabs.ai/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
            .to_string()
    };
    fs::create_dir_all(bundle.join("scenarios"))?;
    let mut list = Vec::new();
    for number in 0..scenarios {
        let file = format!("scenarios/s{number}.yaml");
        let assertions = json!([
            {"type": "contains", "params": {"patterns": [format!("word {number}")]}},
            {"type": "max_length", "params": {"max": 1000 + number}},
            {"type": "is_valid_json"},
        ]);
        let turns = json!([{"role": "user", "content": format!("question {number}"), "assertions": assertions}]);
        let spec = json!({"task_type": "p", "description": "d", "turns": turns});
        fs::write(bundle.join(&file), document("Scenario", &format!("s{number}"), spec))?;
        list.push(json!({"file": file}));
    }
    let prompt = json!({"task_type": "p", "version": "1", "description": "d", "system_template": "You help."});
    fs::write(bundle.join("prompt.yaml"), document("PromptConfig", "p", prompt))?;
    let provider = json!({"type": "mock", "model": "m"});
    fs::write(bundle.join("provider.yaml"), document("Provider", "m", provider))?;
    let arena = json!({
        "prompt_configs": [{"id": "p", "file": "prompt.yaml"}],
        "providers": [{"file": "provider.yaml"}],
        "scenarios": list,
        "defaults": {},
    });
    fs::write(bundle.join("config.arena.yaml"), document("Arena", "fifty", arena))?;
    Ok(())
}
