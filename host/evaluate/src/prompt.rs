//! The system prompt: which prompt a scenario uses, which values its variables have, and rendering in Wasm.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arena_bundle::{Bundle, Composition, Prompt, Scenario, Step, StepKind};
use arena_sandbox::{Component, GuestError, Sandbox};
use serde_json::Value;

/// The region of a case that has none.
const DEFAULT_REGION: &str = "default";

/// Values of a prompt's variables. Low to high: the prompt's defaults, the arena file's `vars`, the scenario's
/// `variables`. `region` is the case's, or `default` as in PromptArena.
pub(crate) fn variables(prompt: &Prompt, scenario: &Scenario, region: Option<&str>) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for variable in &prompt.variables {
        if let Some(default) = &variable.default {
            values.insert(variable.name.clone(), default.clone());
        }
    }
    values.extend(prompt.overrides.clone());
    values.extend(scenario.variables.clone());
    match region {
        Some(region) => drop(values.insert("region".to_owned(), region.to_owned())),
        None => drop(values.entry("region".to_owned()).or_insert_with(|| DEFAULT_REGION.to_owned())),
    }
    values
}

/// Names of required variables that have no value, or an empty one.
pub(crate) fn missing<'a>(prompt: &'a Prompt, values: &BTreeMap<String, String>) -> Vec<&'a str> {
    let required = prompt.variables.iter().filter(|variable| variable.required);
    let without = required.filter(|variable| values.get(&variable.name).is_none_or(String::is_empty));
    without.map(|variable| variable.name.as_str()).collect()
}

/// Why a value is against the rules of its variable; the first in the order of the declarations.
pub(crate) fn invalid(prompt: &Prompt, values: &BTreeMap<String, String>) -> Option<String> {
    let valued = prompt.variables.iter().filter_map(|variable| Some((variable, values.get(&variable.name)?)));
    valued.filter_map(|(variable, value)| variable.check(value).err()).next()
}

/// The prompts that a scenario may come to: its own, or those of all states of the workflow and of their compositions.
pub(crate) fn reached<'b>(bundle: &'b Bundle, scenario: &Scenario) -> Vec<&'b Prompt> {
    let mut tasks: BTreeSet<&str> = BTreeSet::new();
    if let Some(workflow) = &bundle.workflow {
        tasks = workflow.states.values().map(|state| state.prompt_task.as_str()).collect();
        let named = workflow.states.values().filter_map(|state| state.composition.as_ref());
        for Composition { steps, .. } in named.filter_map(|name| bundle.compositions.get(name)?.as_ref().ok()) {
            asked(steps, &mut tasks);
        }
    }
    let own = |task: &str| bundle.workflow.is_none() && task == scenario.task_type;
    let reached = |prompt: &&Prompt| tasks.contains(prompt.task_type.as_str()) || own(&prompt.task_type);
    bundle.prompts.values().filter(reached).collect()
}

/// The prompts of steps; the reader of bundles bounds how deep they stand in each other.
fn asked<'b>(steps: &'b [Step], tasks: &mut BTreeSet<&'b str>) {
    for step in steps {
        match &step.kind {
            StepKind::Prompt { task } | StepKind::Agent { task, .. } => drop(tasks.insert(task)),
            StepKind::Parallel { branches, .. } => asked(branches, tasks),
            StepKind::Tool { .. } | StepKind::Branch { .. } => {}
        }
    }
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
