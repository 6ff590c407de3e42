//! `kind: PromptConfig`: system templates and their variables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::model_override::ModelOverride;
use crate::pack_eval::PackEval;
use crate::report::Report;
use crate::tool_policy::ToolPolicy;
use crate::variable::Variable;
use crate::yaml::Cursor;

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
    /// What is otherwise for single models, by the model's name.
    pub model_overrides: BTreeMap<String, ModelOverride>,
    /// Tools that the model is told of.
    pub allowed_tools: Vec<String>,
    /// How far tools may be called; a scenario's policy wins over it.
    pub tool_policy: ToolPolicy,
    /// Guardrails that are on, in their order.
    pub validators: Vec<Validator>,
    /// Checks that observe conversations under this prompt.
    pub evals: Vec<Arc<PackEval>>,
    /// Texts that stand for their names in the template.
    pub fragments: Arc<BTreeMap<String, String>>,
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

/// Sampling parameters of a prompt.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Parameters {
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// Upper bound of completion tokens.
    pub max_tokens: Option<u32>,
}

/// What a prompt and a pack call by different keys.
struct Names {
    id: String,
    task_type: String,
    tools: Vec<String>,
}

impl Prompt {
    /// Reads `spec`; none if it has no task type, which the shape has reported.
    pub(crate) fn decode(
        id: String,
        spec: &Cursor<'_>,
        overrides: BTreeMap<String, String>,
        fragments: Arc<BTreeMap<String, String>>,
        report: &mut Report,
    ) -> Option<Self> {
        let names = Names { id, task_type: spec.text("task_type")?, tools: spec.texts("allowed_tools") };
        Some(Self::of(names, spec, overrides, fragments, report))
    }

    /// A prompt of a pack, by its key there.
    pub(crate) fn of_pack(
        key: &str,
        prompt: &Cursor<'_>,
        fragments: Arc<BTreeMap<String, String>>,
        report: &mut Report,
    ) -> Self {
        let names = Names { id: key.to_owned(), task_type: key.to_owned(), tools: prompt.texts("tools") };
        Self::of(names, prompt, BTreeMap::new(), fragments, report)
    }

    fn of(
        names: Names,
        spec: &Cursor<'_>,
        overrides: BTreeMap<String, String>,
        fragments: Arc<BTreeMap<String, String>>,
        report: &mut Report,
    ) -> Self {
        let list = spec.get("variables");
        let mut declared = BTreeSet::new();
        for it in list.iter().flat_map(Cursor::items) {
            if let Some(name) = it.text("name").filter(|name| !declared.insert(name.clone())) {
                let counts = "both count, of two defaults the later";
                report.push(it.again("DuplicateVariable", &format!("variable `{name}`"), counts));
            }
        }
        let variables = list.iter().flat_map(Cursor::items).filter_map(|it| Variable::decode(&it, report));
        Self {
            id: names.id,
            task_type: names.task_type,
            file: spec.file.clone(),
            version: spec.text("version").unwrap_or_default(),
            system_template: spec.text("system_template").unwrap_or_default(),
            variables: variables.collect(),
            overrides,
            parameters: Parameters::decode(spec, report),
            model_overrides: ModelOverride::decode_all(spec, report),
            allowed_tools: names.tools,
            tool_policy: ToolPolicy::decode(spec, report),
            validators: validators(spec),
            evals: PackEval::decode_all(spec, "evals", report),
            fragments,
        }
    }

    /// Warns of `vars` of the arena file, below `at`, that the prompt's own rules refuse.
    pub(crate) fn check_overrides(&self, at: &Cursor<'_>, report: &mut Report) {
        let Some(vars) = at.get("vars") else { return };
        for (name, value) in vars.entries() {
            let declared = self.variables.iter().find(|variable| variable.name == name);
            if let (Some(variable), Some(text)) = (declared, value.node.as_text()) {
                variable.warn(&value, text, report);
            }
        }
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
