//! Small bundles of our own that a mock file answers, written as JSON, which is YAML too.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

const API: &str = "promptkit.altairalabs.ai/v1alpha1";

/// An answer that names a day and, from a judge, is a pass.
pub const GOOD_REPLY: &str = r#"{"score": 1.0, "passed": true, "reasoning": "The parcel left on Monday."}"#;

/// One bundle before it is written.
pub struct MockBundle {
    reply: String,
    scenarios: Map<String, Value>,
    evaluators: Vec<Value>,
    template: Option<String>,
}

impl MockBundle {
    /// Every answer, that of the judge too, is `reply`.
    pub fn new(reply: &str) -> Self {
        Self { reply: reply.to_owned(), scenarios: Map::new(), evaluators: Vec::new(), template: None }
    }

    /// A scenario; each turn has these checks, as in `assertions`.
    pub fn scenario(&mut self, id: &str, turns: &[Vec<Value>]) -> &mut Self {
        let turn = |checks: &Vec<Value>| json!({"role": "user", "content": "What now?", "assertions": checks});
        let turns: Vec<_> = turns.iter().map(turn).collect();
        let scenario = json!({"task_type": "answer", "description": "Of a mock", "turns": turns});
        self.scenarios.insert(id.to_owned(), scenario);
        self
    }

    /// An entry of `evaluators`.
    pub fn evaluator(&mut self, entry: Value) -> &mut Self {
        self.evaluators.push(entry);
        self
    }

    /// The bundle's own template engine, a file in it.
    pub fn template(&mut self, component: &str) -> &mut Self {
        self.template = Some(component.to_owned());
        self
    }

    /// Writes it: the arena, one provider under test, one judge, one that makes embeddings, the mock file.
    pub fn write(&self, to: &Path) -> Result<()> {
        let provider = |id: &str| json!({"id": id, "type": "mock", "model": "mock", "additional_config": {"mock_config": "mock-responses.yaml"}});
        let document = |kind: &str, spec: Value| json!({"apiVersion": API, "kind": kind, "metadata": {"name": "bar"}, "spec": spec});
        let prompt =
            json!({"task_type": "answer", "version": "v1", "description": "Answers", "system_template": "Answer."});
        let mut arena = document(
            "Arena",
            json!({
                "prompt_specs": {"answer": prompt},
                "provider_specs": {"mock": provider("mock"), "words": {"type": "mock", "role": "embedding"}},
                "providers": [{"file": "judge.yaml", "group": "judges"}],
                "judges": [{"name": "judge", "provider": "bar"}],
                "scenario_specs": self.scenarios,
                "evaluators": self.evaluators,
                "defaults": {},
            }),
        );
        if let Some(component) = &self.template {
            arena["spec"]["template"] = json!({"component": component});
        }
        fs::create_dir_all(to).with_context(|| to.display().to_string())?;
        let put = |name: &str, value: &Value| {
            let path = to.join(name);
            fs::write(&path, value.to_string()).with_context(|| path.display().to_string())
        };
        put("config.arena.yaml", &arena)?;
        put("judge.yaml", &document("Provider", provider("bar")))?;
        put("mock-responses.yaml", &json!({"defaultResponse": self.reply}))
    }
}
