//! A bundle of conversations that call much: scripted and played turns, tools of none, a judge for turns and one at the end.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// What the vendor says to everybody: a pass to a judge, words to all others.
pub const SAYS: &str = r#"{"passed": true, "score": 1.0, "reasoning": "The parcel left on Monday."}"#;
/// Calls of a case: three answers, two texts of the user, three judgements.
pub const CALLS: u64 = 3 + 2 + 3;
/// Cases of one scenario.
const TRIALS: u64 = 50;
const API: &str = "promptkit.altairalabs.ai/v1alpha1";

/// The place in the arena file of a check that may be changed, its type being `max_length`.
pub const CHANGEABLE: &str = "/spec/scenario_specs/talk-0/turns/0/assertions/1/params/max";

/// The arena file of a bundle of `cases` cases, all of whose calls go to `url`.
pub fn arena(cases: u64, url: &str) -> Value {
    let provider = |model: &str| json!({"type": "openai", "model": model, "base_url": url});
    let judged = json!({"type": "llm_judge", "params": {"criteria": "says when", "judge": "strict", "min_score": 0.5}});
    let length = json!({"type": "max_length", "params": {"max": 500}});
    let scenario = json!({
        "task_type": "answer",
        "description": "One question, then two of a played user",
        "providers": ["agent"],
        "trials": TRIALS,
        "turns": [
            {"role": "user", "content": "Where is my parcel?", "assertions": [judged, length]},
            {"role": "visitor", "persona": "curious", "turns": 2},
        ],
        "conversation_assertions": [judged, judged],
    });
    let scenarios = (0..cases.div_ceil(TRIALS)).map(|number| (format!("talk-{number}"), scenario.clone()));
    let prompt = json!({"task_type": "answer", "version": "v1", "description": "d", "system_template": "Answer."});
    json!({
        "apiVersion": API, "kind": "Arena", "metadata": {"name": "talks"},
        "spec": {
            "providers": [],
            "prompt_specs": {"answer": prompt},
            "provider_specs": {"agent": provider("agent"), "judge": provider("judge"), "user": provider("user")},
            "judge_specs": {"strict": {"provider": "judge"}},
            "self_play": {
                "enabled": true,
                "personas": [{"file": "persona.yaml"}],
                "roles": [{"id": "visitor", "provider": "user"}],
            },
            "scenario_specs": scenarios.collect::<serde_json::Map<_, _>>(),
            "defaults": {"max_tokens": 100},
        },
    })
}

/// Writes the bundle.
pub fn write(to: &Path, arena: &Value) -> Result<()> {
    fs::create_dir_all(to).with_context(|| to.display().to_string())?;
    let persona = json!({
        "apiVersion": API, "kind": "Persona", "metadata": {"name": "curious"},
        "spec": {"id": "curious", "description": "d", "system_prompt": "Ask.", "goals": ["ask"]},
    });
    let put = |name: &str, value: &Value| {
        let path = to.join(name);
        fs::write(&path, value.to_string()).with_context(|| path.display().to_string())
    };
    put("config.arena.yaml", arena)?;
    put("persona.yaml", &persona)
}
