//! The system prompt: which prompt a scenario uses, which values its variables have, and rendering in Wasm.

use std::collections::BTreeMap;
use std::sync::Arc;

use arena_bundle::{Prompt, Scenario};
use arena_sandbox::{Component, GuestError, Sandbox};
use serde_json::Value;

/// Values of a prompt's variables. Low to high: the prompt's defaults, the arena file's `vars`, the scenario's
/// `variables`; `region` is set when the case has one.
pub(crate) fn variables(prompt: &Prompt, scenario: &Scenario, region: Option<&str>) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for variable in &prompt.variables {
        if let Some(default) = &variable.default {
            values.insert(variable.name.clone(), default.clone());
        }
    }
    values.extend(prompt.overrides.clone());
    values.extend(scenario.variables.clone());
    if let Some(region) = region {
        values.insert("region".to_owned(), region.to_owned());
    }
    values
}

/// Names of required variables that have no value, or an empty one.
pub(crate) fn missing<'a>(prompt: &'a Prompt, values: &BTreeMap<String, String>) -> Vec<&'a str> {
    let required = prompt.variables.iter().filter(|variable| variable.required);
    let without = required.filter(|variable| values.get(&variable.name).is_none_or(String::is_empty));
    without.map(|variable| variable.name.as_str()).collect()
}

/// A rendered text. `values` is a JSON object.
pub(crate) async fn render(
    sandbox: &Arc<Sandbox>,
    engine: &Arc<Component>,
    source: &str,
    values: &Value,
    seed: u64,
) -> Result<String, GuestError> {
    let (pool, engine, source, values) = (sandbox.clone(), engine.clone(), source.to_owned(), values.to_string());
    let rendered = sandbox.on_pool(async move { pool.render(&engine, &source, &values, seed).await.result }).await;
    rendered.and_then(|result| result)
}
