//! `kind: Arena`, with our own keys `evaluators` and `template`.

use super::{Field, Shape, TEXT_MAP, TEXTS, may, must};

/// The whole document.
pub(crate) const ARENA: Shape = super::document!(SPEC);

const FILES: Shape = Shape::List(&Shape::Record(&[must("file", Shape::Text)]));
const PROVIDERS: Shape = Shape::List(&Shape::Record(&[must("file", Shape::Text), may("group", Shape::Text)]));
const PROMPTS: Shape =
    Shape::List(&Shape::Record(&[must("id", Shape::Text), must("file", Shape::Text), may("vars", TEXT_MAP)]));
const NAMED_PROVIDERS: Shape = Shape::List(&Shape::Record(&[must("name", Shape::Text), must("provider", Shape::Text)]));

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
    may("pack_metadata", Shape::Open),
    may("mcp_servers", Shape::List(&Shape::Record(MCP_SERVER))),
    may("a2a_agents", Shape::List(&Shape::Record(AGENT))),
    may("state_store", Shape::Record(STATE_STORE)),
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
    may("gates", TEXTS),
    may("template", Shape::Record(&[may("component", Shape::Text), may("engine", Shape::OneOf(ENGINES))])),
]);

/// Template engines of the standard library.
const ENGINES: &[&str] = &["template", "template-repeated", "jinja", "go-template"];

const AGENT: &[Field] = &[
    must("name", Shape::Text),
    may("card", Shape::Record(CARD)),
    may("responses", Shape::List(&Shape::Record(RESPONSE))),
    may("url", Shape::Text),
    may("auth", Shape::Record(AGENT_AUTH)),
    may("headers", TEXT_MAP),
    may("headers_from_env", TEXTS),
    may("timeout_ms", Shape::Integer),
    may("skill_filter", Shape::Record(&[may("allowlist", TEXTS), may("blocklist", TEXTS)])),
];

const AGENT_AUTH: &[Field] = &[must("scheme", Shape::Text), may("token", Shape::Text), may("token_env", Shape::Text)];

const CARD: &[Field] = &[
    must("name", Shape::Text),
    must("description", Shape::Text),
    must(
        "skills",
        Shape::List(&Shape::Record(&[
            must("id", Shape::Text),
            must("name", Shape::Text),
            must("description", Shape::Text),
            may("tags", TEXTS),
        ])),
    ),
];

const RESPONSE: &[Field] = &[
    must("skill", Shape::Text),
    may("match", Shape::Record(&[may("contains", Shape::Text), may("regex", Shape::Text)])),
    may("response", Shape::Record(&[must("parts", Shape::List(&Shape::Record(&[must("text", Shape::Text)])))])),
    may("error", Shape::Text),
];

const EVALUATOR: &[Field] =
    &[must("name", Shape::Text), must("component", Shape::Text), may("grants", TEXTS), may("limits", Shape::Open)];

const MCP_SERVER: &[Field] = &[
    must("name", Shape::Text),
    may("command", Shape::Text),
    may("args", TEXTS),
    may("env", TEXT_MAP),
    may("working_dir", Shape::Text),
    may("url", Shape::Text),
    may("headers", TEXT_MAP),
    may("transport", Shape::OneOf(&["", "stdio", "sse", "streamable_http"])),
    may("source", Shape::Text),
    may("scope", Shape::OneOf(&["run", "scenario", "session"])),
    may("source_args", Shape::Open),
    may("timeout_ms", Shape::Integer),
    may("tool_filter", Shape::Record(&[may("allowlist", TEXTS), may("blocklist", TEXTS)])),
];

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
    may("monitor", Shape::Record(&[may("audio", Shape::Record(MONITOR))])),
    may("inference", Shape::Record(INFERENCE)),
    may("html_report", Shape::Text),
    may("out_dir", Shape::Text),
    may("output_formats", TEXTS),
    may("markdown_config", Shape::Record(MARKDOWN)),
];

const OUTPUT: &[Field] = &[
    must("dir", Shape::Text),
    must("formats", TEXTS),
    may("json", Shape::Record(&[])),
    may("html", Shape::Record(&[may("file", Shape::Text)])),
    may("markdown", Shape::Record(MARKDOWN_FILE)),
    may("junit", Shape::Record(&[may("file", Shape::Text)])),
    may("recording", Shape::Record(&[must("enabled", Shape::Bool), may("dir", Shape::Text)])),
];

const STATE_STORE: &[Field] =
    &[must("type", Shape::Text), may("redis", Shape::Record(REDIS)), may("file", Shape::Record(STATE_FILE))];

const REDIS: &[Field] = &[
    must("address", Shape::Text),
    may("password", Shape::Text),
    may("database", Shape::Integer),
    may("ttl", Shape::Text),
    may("prefix", Shape::Text),
];

const STATE_FILE: &[Field] = &[
    must("root", Shape::Text),
    may("fsync", Shape::OneOf(&["", "off", "on-save", "on-append"])),
    may("ttl_days", Shape::Integer),
];

const MONITOR: &[Field] = &[may("enabled", Shape::Text), may("rate", Shape::Integer)];

const INFERENCE: &[Field] = &[
    may("audio_classifier", Shape::Text),
    may("text_classifier", Shape::Text),
    may("image_classifier", Shape::Text),
    may("video_classifier", Shape::Text),
    may("embedder", Shape::Text),
];

const MARKDOWN: &[Field] = &[
    must("include_details", Shape::Bool),
    must("show_overview", Shape::Bool),
    must("show_results_matrix", Shape::Bool),
    must("show_failed_tests", Shape::Bool),
    must("show_cost_summary", Shape::Bool),
];

const MARKDOWN_FILE: &[Field] = &[
    may("file", Shape::Text),
    must("include_details", Shape::Bool),
    must("show_overview", Shape::Bool),
    must("show_results_matrix", Shape::Bool),
    must("show_failed_tests", Shape::Bool),
    must("show_cost_summary", Shape::Bool),
];
