//! A bundle written piece by piece. Documents are JSON, which is YAML.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

/// The arena file, as `arena` looks for it.
const ENTRY: &str = "config.arena.yaml";

/// A bundle in a folder. It starts with one prompt, `p`, and nothing else; what is changed shows after
/// [`Bundle::write`].
#[derive(Debug)]
pub struct Bundle {
    folder: PathBuf,
    /// `metadata.name`.
    pub name: String,
    /// `spec` of the arena file.
    pub spec: Value,
}

impl Bundle {
    /// A new bundle in `folder`, which need not exist.
    pub fn new(folder: &Path) -> Self {
        let spec = json!({
            "providers": [],
            "prompt_specs": {"p": prompt("You help.")},
            "provider_specs": {},
            "scenario_specs": {},
            "defaults": {},
        });
        Self { folder: folder.to_owned(), name: "e2e".to_owned(), spec }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// A provider with this `spec`.
    pub fn provider(&mut self, id: &str, spec: Value) -> &mut Self {
        self.spec["provider_specs"][id] = spec;
        self
    }

    /// A mock that answers as `file` (a mock file) says.
    pub fn mock(&mut self, id: &str, file: &Value) -> Result<&mut Self> {
        let path = format!("mock-{id}.yaml");
        self.file(&path, &file.to_string())?;
        Ok(self.provider(id, json!({"type": "mock", "model": "m", "additional_config": {"mock_config": path}})))
    }

    /// A mock that always says `text`.
    pub fn says(&mut self, id: &str, text: &str) -> Result<&mut Self> {
        self.mock(id, &json!({"defaultResponse": text}))
    }

    /// A provider at `url` that speaks chat completions.
    pub fn openai(&mut self, id: &str, url: &str) -> &mut Self {
        self.provider(id, json!({"type": "openai", "model": "m", "base_url": url}))
    }

    /// A scenario; `spec` need only say what matters.
    pub fn scenario(&mut self, id: &str, spec: Value) -> &mut Self {
        let mut whole = json!({"task_type": "p", "description": "d", "turns": [{"role": "user", "content": "hello"}]});
        merge(&mut whole, spec);
        self.spec["scenario_specs"][id] = whole;
        self
    }

    /// A scenario of one turn with these checks.
    pub fn checks(&mut self, id: &str, assertions: Value) -> &mut Self {
        self.scenario(id, json!({"turns": [{"role": "user", "content": "hello", "assertions": assertions}]}))
    }

    /// A component of the bundle; `entry` holds what else its entry says.
    pub fn evaluator(&mut self, name: &str, component: &Path, entry: Value) -> Result<&mut Self> {
        let file = format!("{name}.wasm");
        fs::create_dir_all(&self.folder)?;
        fs::copy(component, self.folder.join(&file)).with_context(|| format!("cannot copy {}", component.display()))?;
        let mut whole = json!({"name": name, "component": file});
        merge(&mut whole, entry);
        match &mut self.spec["evaluators"] {
            Value::Array(list) => list.push(whole),
            none => *none = json!([whole]),
        }
        Ok(self)
    }

    /// Any other file of the bundle.
    pub fn file(&mut self, path: &str, text: &str) -> Result<&mut Self> {
        let path = self.folder.join(path);
        fs::create_dir_all(path.parent().unwrap_or(&self.folder))?;
        fs::write(path, text)?;
        Ok(self)
    }

    /// Writes the arena file.
    pub fn write(&self) -> Result<()> {
        let document = json!({
            "apiVersion": "promptkit.altairalabs.ai/v1alpha1",
            "kind": "Arena",
            "metadata": {"name": self.name},
            "spec": self.spec,
        });
        fs::create_dir_all(&self.folder)?;
        fs::write(self.folder.join(ENTRY), format!("{document:#}")).context("cannot write the arena file")
    }
}

/// `spec` of a prompt.
fn prompt(template: &str) -> Value {
    json!({"task_type": "p", "version": "v1.0.0", "description": "d", "system_template": template})
}

fn merge(into: &mut Value, from: Value) {
    let (Value::Object(into), Value::Object(from)) = (into, from) else { return };
    Map::extend(into, from);
}
