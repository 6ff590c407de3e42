//! `kind: Provider`.

use super::{Field, Shape, TEXT_MAP, TEXTS, may, must};

/// The whole document.
pub(crate) const PROVIDER: Shape = super::document!(SPEC);

/// `spec` of a provider, also the value of an inline one.
pub(super) const SPEC: Shape = Shape::Record(&[
    may("id", Shape::Text),
    must("type", Shape::Text),
    may("model", Shape::Text),
    may("voice", Shape::Text),
    may("sample_rate", Shape::Integer),
    may("audio_files", TEXTS),
    may("role", Shape::OneOf(&["llm", "tts", "stt", "embedding", "image", "video", "inference"])),
    may("base_url", Shape::Text),
    may("headers", TEXT_MAP),
    may("rate_limit", Shape::Record(&[must("rps", Shape::Integer), must("burst", Shape::Integer)])),
    may("defaults", Shape::Record(DEFAULTS)),
    may("pricing", Shape::Record(PRICING)),
    may("pricing_correct_at", Shape::Text),
    may("include_raw_output", Shape::Bool),
    may("additional_config", Shape::Open),
    may("credential", Shape::Record(CREDENTIAL)),
    may("platform", Shape::Record(PLATFORM)),
    may("capabilities", TEXTS),
    may("unsupported_params", TEXTS),
    may("request_timeout", Shape::Text),
    may("stream_idle_timeout", Shape::Text),
    may("stream_retry", Shape::Record(STREAM_RETRY)),
    may("stream_max_concurrent", Shape::Integer),
    may("http_transport", Shape::Record(HTTP_TRANSPORT)),
]);

/// `additional_config` of a provider that calls somebody: what any vendor's reads, and what PromptArena knows besides.
pub(crate) const CONFIG: Shape = Shape::Record(&[
    may("limits", Shape::Any),
    may("retries", Shape::Any),
    may("output_schema", Shape::Open),
    may("api_mode", Shape::OneOf(&["chat", "completions", "responses"])),
    may("reasoning_effort", Shape::Text),
    may("reasoning_summary", Shape::Text),
    may("thinking_budget", Shape::Integer),
    may("include_thoughts", Shape::Bool),
    may("prompt_caching", Shape::Bool),
    may("keep_alive", Shape::Any),
    may("dimensions", Shape::Integer),
    may("task_type", Shape::Text),
    may("input_type", Shape::Text),
    may("think", Shape::Any),
    may("region", Shape::Text),
    may("project", Shape::Text),
    may("location", Shape::Text),
    may("project_id", Shape::Text),
    may("api_version", Shape::Text),
    may("guided_json", Shape::Any),
    may("guided_regex", Shape::Text),
    may("guided_choice", Shape::Any),
    may("use_beam_search", Shape::Bool),
    may("ignore_eos", Shape::Bool),
    may("frequency_penalty", Shape::Number),
    may("realtime", Shape::Any),
    may("modalities", Shape::Any),
    may("response_modalities", Shape::Any),
    may("recording", Shape::Text),
    may("arena_output", Shape::Text),
    may("match", Shape::OneOf(&["turn", "content"])),
    may("timing", Shape::OneOf(&["instant", "realtime", "accelerated"])),
    may("speed", Shape::Number),
    may("mock_config", Shape::Text),
    may("auto_respond", Shape::Any),
    may("response_text", Shape::Any),
    may("duplex_scenario", Shape::Any),
    may("interrupt_on_turn", Shape::Any),
    may("close_after_turns", Shape::Any),
    may("close_no_response", Shape::Any),
]);

/// `additional_config.limits`, ours.
pub(crate) const LIMITS: Shape = Shape::Record(&[
    may("concurrency", Shape::Integer),
    may("requests_per_minute", Shape::Integer),
    may("tokens_per_minute", Shape::Integer),
]);

/// `additional_config.retries`, ours.
pub(crate) const RETRIES: Shape = Shape::Record(&[
    may("rate_limited", Shape::Integer),
    may("unavailable", Shape::Integer),
    may("timeout", Shape::Integer),
    may("retry_after_seconds", Shape::Integer),
]);

const DEFAULTS: &[Field] = &[
    must("temperature", Shape::Number),
    must("top_p", Shape::Number),
    must("max_tokens", Shape::Integer),
    may("prompt_caching", Shape::Bool),
];

const PRICING: &[Field] = &[must("input_cost_per_1k", Shape::Number), must("output_cost_per_1k", Shape::Number)];

const CREDENTIAL: &[Field] =
    &[may("api_key", Shape::Text), may("credential_file", Shape::Text), may("credential_env", Shape::Text)];

const PLATFORM: &[Field] = &[
    may("type", Shape::Text),
    may("region", Shape::Text),
    may("project", Shape::Text),
    may("endpoint", Shape::Text),
    may("additional_config", Shape::Open),
];

const STREAM_RETRY: &[Field] = &[
    may("enabled", Shape::Bool),
    may("max_attempts", Shape::Integer),
    may("initial_delay", Shape::Text),
    may("max_delay", Shape::Text),
    may("retry_window", Shape::Text),
    may("budget", Shape::Record(&[may("rate_per_sec", Shape::Number), may("burst", Shape::Integer)])),
];

const HTTP_TRANSPORT: &[Field] = &[
    may("max_conns_per_host", Shape::Integer),
    may("max_idle_conns_per_host", Shape::Integer),
    may("idle_conn_timeout", Shape::Text),
];
