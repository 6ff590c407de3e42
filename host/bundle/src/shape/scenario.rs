//! `kind: Scenario`.

use super::{Field, Shape, TEXT_MAP, TEXTS, may, must};

/// The whole document.
pub(crate) const SCENARIO: Shape = super::document!(SPEC);

/// `spec` of a scenario, also the value of an inline one.
pub(super) const SPEC: Shape = Shape::Record(&[
    may("id", Shape::Text),
    must("task_type", Shape::Text),
    may("mode", Shape::Text),
    must("description", Shape::Text),
    may("labels", TEXT_MAP),
    may("context_metadata", Shape::Record(CONTEXT_METADATA)),
    must("turns", Shape::List(&TURN)),
    may("context", Shape::Open),
    may("constraints", Shape::Open),
    may("tool_policy", Shape::Record(TOOL_POLICY)),
    may("providers", TEXTS),
    may("provider_group", Shape::Text),
    may("required_capabilities", TEXTS),
    may("streaming", Shape::Bool),
    may("context_policy", Shape::Record(CONTEXT_POLICY)),
    may("conversation_assertions", ASSERTIONS),
    may("duplex", Shape::Record(DUPLEX)),
    may("voice", Shape::Text),
    may("variables", TEXT_MAP),
    may("trials", Shape::Integer),
    may("seed_memories", Shape::List(&SEED)),
    // Ours.
    may("dataset", Shape::Record(DATASET)),
]);

const DATASET: &[Field] = &[
    may("path", Shape::Text),
    may("id", Shape::Text),
    may("split", Shape::Text),
    may("split_column", Shape::Text),
    may("where", Shape::Open),
    may("sample", Shape::Record(SAMPLE)),
    may("first", Shape::Integer),
];

const SAMPLE: &[Field] = &[must("rows", Shape::Integer), may("seed", Shape::Integer), may("stratify", Shape::Text)];

const CONTEXT_METADATA: &[Field] =
    &[may("domain", Shape::Text), may("user_role", Shape::Text), may("project_stage", Shape::Text)];

const DUPLEX: &[Field] = &[
    may("timeout", Shape::Text),
    may("turn_detection", Shape::Record(TURN_DETECTION)),
    may("resilience", Shape::Record(RESILIENCE)),
];

const TURN_DETECTION: &[Field] = &[may("mode", Shape::OneOf(&["vad", "asm"])), may("vad", Shape::Record(VAD))];

const VAD: &[Field] = &[
    may("silence_threshold_ms", Shape::Integer),
    may("min_speech_ms", Shape::Integer),
    may("max_turn_duration_s", Shape::Integer),
];

const RESILIENCE: &[Field] = &[
    may("max_retries", Shape::Integer),
    may("retry_delay_ms", Shape::Integer),
    may("partial_success_min_turns", Shape::Integer),
    may("ignore_last_turn_session_end", Shape::Bool),
];

const SEED: Shape = Shape::Record(&[
    must("content", Shape::Text),
    may("type", Shape::Text),
    may("confidence", Shape::Number),
    may("metadata", Shape::Open),
]);

const CONTEXT_POLICY: &[Field] = &[
    may("token_budget", Shape::Integer),
    may("reserve_for_output", Shape::Integer),
    may("strategy", Shape::OneOf(&["oldest", "summarize", "relevance", "fail", "truncate", ""])),
    may("cache_breakpoints", Shape::Bool),
    may("relevance", Shape::Record(RELEVANCE)),
];

const RELEVANCE: &[Field] = &[
    must("provider", Shape::Text),
    may("model", Shape::Text),
    may("min_recent_messages", Shape::Integer),
    may("always_keep_system_role", Shape::Bool),
    may("similarity_threshold", Shape::Number),
    may("query_source", Shape::OneOf(&["", "last_user", "last_n", "custom"])),
    may("last_n_count", Shape::Integer),
    may("custom_query", Shape::Text),
    may("cache_embeddings", Shape::Bool),
];

const TOOL_POLICY: &[Field] = &[
    must("tool_choice", Shape::Text),
    must("max_tool_calls_per_turn", Shape::Integer),
    // The schema of 1.5.9 wants it, too; bundles that were written since have it no more.
    may("max_total_tool_calls", Shape::Integer),
    may("blocklist", TEXTS),
    may("max_rounds", Shape::Integer),
    may("max_cost_usd", Shape::Number),
    may("max_identical_tool_calls", Shape::Integer),
];

const TURN: Shape = Shape::Record(&[
    must("role", Shape::Text),
    may("content", Shape::Text),
    may("parts", Shape::List(&PART)),
    may("persona", Shape::Text),
    may("turns", Shape::Integer),
    may("max_turns", Shape::Integer),
    may("assistant_temp", Shape::Number),
    may("user_temp", Shape::Number),
    may("seed", Shape::Integer),
    may("streaming", Shape::Bool),
    may("consent_overrides", TEXT_MAP),
    may("perturbations", Shape::Map(&TEXTS)),
    may("chaos", Shape::Record(&[may("tool_failures", Shape::List(&Shape::Record(TOOL_FAILURE)))])),
    may("assertions", ASSERTIONS),
]);

const TOOL_FAILURE: &[Field] = &[
    must("tool", Shape::Text),
    must("mode", Shape::Text),
    may("probability", Shape::Number),
    may("message", Shape::Text),
];

const PART: Shape = Shape::Record(&[
    must("type", Shape::OneOf(&["text", "image", "audio", "video", "document"])),
    may("text", Shape::Text),
    may("media", Shape::Record(MEDIA)),
]);

const MEDIA: &[Field] = &[
    may("file_path", Shape::Text),
    may("url", Shape::Text),
    may("data", Shape::Text),
    may("storage_reference", Shape::Text),
    must("mime_type", Shape::Text),
    may("detail", Shape::Text),
    may("caption", Shape::Text),
];

/// A list of assertions.
pub(super) const ASSERTIONS: Shape = Shape::List(&Shape::Record(&[
    must("type", Shape::Text),
    may("params", Shape::Open),
    may("message", Shape::Text),
    may("when", WHEN),
    may("pass_threshold", Shape::Number),
    // Ours: what is not meant to hold, and groups.
    may("negate", Shape::Bool),
    may("checks", Shape::List(&MEMBER)),
]));

/// A check of a group.
const MEMBER: Shape = Shape::Record(&[
    must("type", Shape::Text),
    may("params", Shape::Open),
    may("message", Shape::Text),
    may("when", WHEN),
    may("negate", Shape::Bool),
    may("weight", Shape::Number),
]);

/// The condition under which a check applies.
pub(super) const WHEN: Shape = Shape::Record(&[
    may("tool_called", Shape::Text),
    may("tool_called_pattern", Shape::Text),
    may("any_tool_called", Shape::Bool),
    may("min_tool_calls", Shape::Integer),
]);
