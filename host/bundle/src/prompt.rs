//! `kind: PromptConfig`: system templates and their variables.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::Severity;
use crate::feature::unsupported;
use crate::report::Report;
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
const UNSUPPORTED: [&str; 7] =
    ["fragments", "model_overrides", "allowed_tools", "validators", "tool_policy", "evals", "parameters"];

impl Prompt {
    /// Reads `spec`; none if it has no task type, which the shape has reported.
    pub(crate) fn decode(
        id: String,
        spec: &Cursor<'_>,
        overrides: BTreeMap<String, String>,
        report: &mut Report,
    ) -> Option<Self> {
        unsupported(spec, &UNSUPPORTED, Severity::Warning, report);
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
        })
    }
}

fn default(node: &Node) -> Option<String> {
    match &node.data {
        Data::Null => None,
        Data::Text(text) => Some(text.clone()),
        _ => Some(node.to_json().to_string()),
    }
}
