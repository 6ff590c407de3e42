//! `kind: Arena`, with our own keys `evaluators` and `template`.

use super::{Field, Shape, TEXT_MAP, TEXTS, may, must};

/// The whole document.
pub(crate) const ARENA: Shape = super::document!(SPEC);

const FILES: Shape = Shape::List(&Shape::Record(&[must("file", Shape::Text)]));
const PROVIDERS: Shape = Shape::List(&Shape::Record(&[must("file", Shape::Text), may("group", Shape::Text)]));
const PROMPTS: Shape =
    Shape::List(&Shape::Record(&[must("id", Shape::Text), must("file", Shape::Text), may("vars", TEXT_MAP)]));
const NAMED_PROVIDERS: Shape = Shape::List(&Shape::Record(&[must("name", Shape::Text), must("provider", Shape::Text)]));
const OPEN_LIST: Shape = Shape::List(&Shape::Open);

const SPEC: Shape = Shape::Record(&[
    may("prompt_configs", PROMPTS),
    must("providers", PROVIDERS),
    may("judges", NAMED_PROVIDERS),
    may("judge_defaults", Shape::Record(&[may("prompt", Shape::Text), may("prompt_registry", Shape::Text)])),
    may("scenarios", FILES),
    may("evals", FILES),
    may("tools", FILES),
    may("skills", Shape::List(&Shape::Any)),
    may("pack_evals", super::prompt::EVALS),
    may("globals", Shape::Record(&[may("conversation_assertions", super::scenario::ASSERTIONS)])),
    may("runtime", Shape::Open),
    may("workflow", Shape::Any),
    may("compositions", Shape::Any),
    may("memory", Shape::Any),
    may("agents", Shape::Any),
    may("deploy", Shape::Record(DEPLOY)),
    may("mcp_servers", OPEN_LIST),
    may("a2a_agents", OPEN_LIST),
    may("state_store", Shape::Open),
    must("defaults", Shape::Record(DEFAULTS)),
    may("self_play", Shape::Record(SELF_PLAY)),
    may("pack_file", Shape::Text),
    may("provider_specs", Shape::Map(&super::provider::SPEC)),
    may("scenario_specs", Shape::Map(&super::scenario::SPEC)),
    may("eval_specs", Shape::Map(&super::eval::SPEC)),
    may("tool_specs", Shape::Map(&super::tool::SPEC)),
    may("judge_specs", Shape::Map(&Shape::Record(&[must("provider", Shape::Text)]))),
    may("prompt_specs", Shape::Map(&super::prompt::SPEC)),
    may("tts_providers", PROVIDERS),
    may("stt_providers", PROVIDERS),
    may("embedding_providers", PROVIDERS),
    may("image_providers", PROVIDERS),
    may("voices", Shape::List(&Shape::Record(&[must("id", Shape::Text), must("provider", Shape::Text)]))),
    may("evaluators", Shape::List(&Shape::Record(EVALUATOR))),
    may("template", Shape::Record(&[must("component", Shape::Text)])),
]);

const EVALUATOR: &[Field] =
    &[must("name", Shape::Text), must("component", Shape::Text), may("grants", TEXTS), may("limits", Shape::Open)];

const DEPLOY: &[Field] = &[
    must("provider", Shape::Text),
    may("config", Shape::Open),
    may("environments", Shape::Map(&Shape::Record(&[may("config", Shape::Open)]))),
];

const SELF_PLAY: &[Field] = &[
    may("enabled", Shape::Bool),
    must("personas", FILES),
    may("persona_specs", Shape::Map(&super::persona::SPEC)),
    must("roles", Shape::List(&Shape::Record(&[must("id", Shape::Text), must("provider", Shape::Text)]))),
];

const DEFAULTS: &[Field] = &[
    may("temperature", Shape::Number),
    may("max_tokens", Shape::Integer),
    may("seed", Shape::Integer),
    may("concurrency", Shape::Integer),
    may("run_timeout", Shape::Text),
    may("output", Shape::Record(OUTPUT)),
    may("config_dir", Shape::Text),
    may("fail_on", TEXTS),
    may("verbose", Shape::Bool),
    may("monitor", Shape::Open),
    may("inference", Shape::Open),
    may("html_report", Shape::Text),
    may("out_dir", Shape::Text),
    may("output_formats", TEXTS),
    may("markdown_config", Shape::Open),
];

const OUTPUT: &[Field] = &[
    must("dir", Shape::Text),
    must("formats", TEXTS),
    may("json", Shape::Open),
    may("html", Shape::Open),
    may("markdown", Shape::Open),
    may("junit", Shape::Open),
    may("recording", Shape::Open),
];
