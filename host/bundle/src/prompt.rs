//! `kind: PromptConfig`: system templates and their variables.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::feature::{Without, unsupported};
use crate::report::Report;
use crate::tool_policy::ToolPolicy;
use crate::yaml::{Cursor, Data, Node};

/// One prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    /// `prompt_configs[].id`, or the key of an inline prompt.
    pub id: String,
    /// What scenarios select it by.
    pub task_type: String,
    /// The document it stands in.
    pub file: Arc<str>,
    /// As written.
    pub version: String,
    /// Not rendered.
    pub system_template: String,
    /// Declared variables, in their order.
    pub variables: Vec<Variable>,
    /// `prompt_configs[].vars`: wins over defaults, yields to a scenario's variables.
    pub overrides: BTreeMap<String, String>,
    /// Sampling parameters.
    pub parameters: Parameters,
    /// Tools that the model is told of.
    pub allowed_tools: Vec<String>,
    /// How far tools may be called; a scenario's policy wins over it.
    pub tool_policy: ToolPolicy,
    /// Guardrails that are on, in their order.
    pub validators: Vec<Validator>,
    /// Texts that stand for their names in the template.
    pub fragments: BTreeMap<String, String>,
}

/// A guardrail: a check that acts on what is said.
#[derive(Clone, Debug, PartialEq)]
pub struct Validator {
    /// Check type, as written.
    pub kind: String,
    /// Params of the check; the guardrail's own are left in it.
    pub params: Value,
    /// Said in place of a reply that it refuses.
    pub message: Option<String>,
    /// The document it stands in.
    pub file: Arc<str>,
    /// Of the validator in it.
    pub line: u32,
}

/// A declared variable of a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// As in `{{name}}`.
    pub name: String,
    /// Whether rendering without a value is an error.
    pub required: bool,
    /// The default as text: numbers and booleans as written in JSON, lists and mappings as JSON.
    pub default: Option<String>,
}

/// Sampling parameters of a prompt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters {
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// Upper bound of completion tokens.
    pub max_tokens: Option<u32>,
    /// Top-k sampling.
    pub top_k: Option<u32>,
}

/// Keys that change what a prompt does.
const UNSUPPORTED: [&str; 3] = ["model_overrides", "evals", "parameters"];

impl Prompt {
    /// Reads `spec`; none if it has no task type, which the shape has reported.
    pub(crate) fn decode(
        id: String,
        spec: &Cursor<'_>,
        overrides: BTreeMap<String, String>,
        fragments: BTreeMap<String, String>,
        report: &mut Report,
    ) -> Option<Self> {
        unsupported(spec, &UNSUPPORTED, Without::Works, report);
        let parameters = spec.get("parameters").map(|cursor| Parameters {
            temperature: cursor.number_in("temperature", 0.0, f64::MAX, report),
            top_p: cursor.number_in("top_p", 0.0, 1.0, report),
            max_tokens: cursor.whole("max_tokens", 0, report),
            top_k: cursor.whole("top_k", 0, report),
        });
        let variables = spec.get("variables");
        let variables = variables.iter().flat_map(Cursor::items).filter_map(|variable| {
            Some(Variable {
                name: variable.text("name")?,
                required: variable.boolean("required")?,
                default: variable.get("default").and_then(|value| default(value.node)),
            })
        });
        Some(Self {
            id,
            task_type: spec.text("task_type")?,
            file: spec.file.clone(),
            version: spec.text("version").unwrap_or_default(),
            system_template: spec.text("system_template").unwrap_or_default(),
            variables: variables.collect(),
            overrides,
            parameters: parameters.unwrap_or_default(),
            allowed_tools: spec.texts("allowed_tools"),
            tool_policy: ToolPolicy::decode(spec, report),
            validators: validators(spec),
            fragments,
        })
    }
}

/// Those that are not switched off.
fn validators(spec: &Cursor<'_>) -> Vec<Validator> {
    let list = spec.get("validators");
    let on = list.iter().flat_map(Cursor::items).filter(|it| it.boolean("enabled") != Some(false));
    let validator = |it: Cursor<'_>| {
        let params = it.json("params").unwrap_or_else(|| Value::Object(Map::new()));
        let message = it.text("message").or_else(|| params["message"].as_str().map(str::to_owned));
        Some(Validator { kind: it.text("type")?, params, message, file: it.file.clone(), line: it.node.line })
    };
    on.filter_map(validator).collect()
}

fn default(node: &Node) -> Option<String> {
    match &node.data {
        Data::Null => None,
        Data::Text(text) => Some(text.clone()),
        _ => Some(node.to_json().to_string()),
    }
}
