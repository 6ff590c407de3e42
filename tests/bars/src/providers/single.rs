//! A bundle of one case with one provider.

use std::fs;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

/// Writes it; `provider` is the spec of its provider `p`.
pub fn write(bundle: &Path, provider: Value) -> Result<()> {
    let document = |kind: &str, name: &str, spec: Value| {
        let api = "promptkit.altairalabs.ai/v1alpha1";
        json!({"apiVersion": api, "kind": kind, "metadata": {"name": name}, "spec": spec}).to_string()
    };
    fs::create_dir_all(bundle)?;
    let prompt = json!({"task_type": "support", "version": "v1", "description": "d", "system_template": "be brief"});
    let check = json!({"type": "contains", "params": {"patterns": ["hello"]}});
    let turn = json!({"role": "user", "content": "hello", "assertions": [check]});
    let scenario = json!({"task_type": "support", "description": "d", "turns": [turn]});
    let arena = json!({"prompt_configs": [{"id": "support", "file": "prompt.yaml"}],
        "providers": [{"file": "provider.yaml"}], "scenarios": [{"file": "scenario.yaml"}],
        "defaults": {"temperature": 0.5, "max_tokens": 99}});
    for (file, text) in [
        ("provider.yaml", document("Provider", "p", provider)),
        ("prompt.yaml", document("PromptConfig", "support", prompt)),
        ("scenario.yaml", document("Scenario", "s", scenario)),
        ("config.arena.yaml", document("Arena", "a", arena)),
    ] {
        fs::write(bundle.join(file), text)?;
    }
    Ok(())
}
