//! `kind: PromptConfig`.

use super::prompt_media::{ABOUT, BINDING, COMPILATION, MEDIA, TESTED};
use super::scenario::WHEN;
use super::{Field, Shape, TEXT_MAP, TEXTS, may, must};

/// The whole document.
pub(crate) const PROMPT: Shape = super::document!(SPEC);

/// `spec` of a prompt, also the value of an inline one.
pub(super) const SPEC: Shape = Shape::Record(&[
    must("task_type", Shape::Text),
    must("version", Shape::Text),
    must("description", Shape::Text),
    may("template_engine", Shape::Record(TEMPLATE_ENGINE)),
    may("fragments", Shape::List(&Shape::Record(FRAGMENT))),
    must("system_template", Shape::Text),
    may("variables", Shape::List(&Shape::Record(VARIABLE))),
    may("model_overrides", Shape::Map(&Shape::Record(MODEL_OVERRIDE))),
    may("allowed_tools", TEXTS),
    may("media", Shape::Record(MEDIA)),
    may("validators", Shape::List(&Shape::Record(VALIDATOR))),
    may("tested_models", Shape::List(&Shape::Record(TESTED))),
    may("tool_policy", Shape::Record(TOOL_POLICY)),
    may("parameters", Shape::Record(PARAMETERS)),
    may("evals", EVALS),
    may("metadata", Shape::Record(ABOUT)),
    may("compilation", Shape::Record(COMPILATION)),
]);

const TEMPLATE_ENGINE: &[Field] = &[must("version", Shape::Text), must("syntax", Shape::Text), may("features", TEXTS)];

/// A reference to a fragment.
pub(super) const FRAGMENT: &[Field] =
    &[must("name", Shape::Text), may("path", Shape::Text), must("required", Shape::Bool)];

const VARIABLE: &[Field] = &[
    must("name", Shape::Text),
    may("type", Shape::Text),
    must("required", Shape::Bool),
    may("default", Shape::Any),
    may("description", Shape::Text),
    may("example", Shape::Any),
    may("validation", Shape::Open),
    may("binding", Shape::Record(BINDING)),
];

const MODEL_OVERRIDE: &[Field] = &[
    may("system_template", Shape::Text),
    may("system_template_prefix", Shape::Text),
    may("system_template_suffix", Shape::Text),
    may("parameters", Shape::Record(PARAMETERS)),
];

const VALIDATOR: &[Field] = &[
    must("type", Shape::Text),
    must("params", Shape::Open),
    may("enabled", Shape::Bool),
    may("fail_on_violation", Shape::Bool),
    may("message", Shape::Text),
];

const TOOL_POLICY: &[Field] = &[
    may("tool_choice", Shape::Text),
    may("max_rounds", Shape::Integer),
    may("max_tool_calls_per_turn", Shape::Integer),
    may("blocklist", TEXTS),
];

const PARAMETERS: &[Field] = &[
    may("temperature", Shape::Number),
    may("max_tokens", Shape::Integer),
    may("top_p", Shape::Number),
    may("top_k", Shape::Integer),
];

/// A list of evals that observe every conversation.
pub(super) const EVALS: Shape = Shape::List(&Shape::Record(&[
    must("id", Shape::Text),
    must("type", Shape::Text),
    must("trigger", Shape::Text),
    must("params", Shape::Open),
    may("description", Shape::Text),
    may("enabled", Shape::Bool),
    may("sample_percentage", Shape::Number),
    may("metric", Shape::Record(METRIC)),
    may("threshold", Shape::Record(THRESHOLD)),
    may("message", Shape::Text),
    may("when", WHEN),
    may("groups", TEXTS),
]));

const METRIC: &[Field] = &[
    must("name", Shape::Text),
    must("type", Shape::Text),
    may("range", Shape::Record(&[may("min", Shape::Number), may("max", Shape::Number)])),
    may("labels", TEXT_MAP),
];

const THRESHOLD: &[Field] = &[
    may("passed", Shape::Bool),
    may("min_score", Shape::Number),
    may("max_score", Shape::Number),
    may("operator", Shape::Text),
    may("value", Shape::Number),
];
