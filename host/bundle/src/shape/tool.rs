//! `kind: Tool`.

use super::{Field, Shape, TEXT_MAP, TEXTS, may, must};

/// The whole document.
pub(crate) const TOOL: Shape = super::document!(SPEC);

/// `spec` of a tool, also the value of an inline one.
pub(super) const SPEC: Shape = Shape::Record(&[
    may("name", Shape::Text),
    must("description", Shape::Text),
    must("input_schema", Shape::Any),
    must("output_schema", Shape::Any),
    must("mode", Shape::Text),
    may("timeout_ms", Shape::Integer),
    may("mock_result", Shape::Any),
    may("mock_template", Shape::Text),
    may("mock_parts", Shape::List(&Shape::Record(MOCK_PART))),
    may("mock_responses", Shape::List(&Shape::Any)),
    may("http", Shape::Record(HTTP)),
    may("exec", Shape::Record(EXEC)),
    may("client", Shape::Record(CLIENT)),
]);

const MOCK_PART: &[Field] =
    &[must("type", Shape::Text), may("text", Shape::Text), may("media", Shape::Record(MOCK_MEDIA))];

const MOCK_MEDIA: &[Field] = &[
    may("file_path", Shape::Text),
    may("url", Shape::Text),
    must("mime_type", Shape::Text),
    may("width", Shape::Integer),
    may("height", Shape::Integer),
    may("caption", Shape::Text),
];

const HTTP: &[Field] = &[
    must("url", Shape::Text),
    must("method", Shape::Text),
    may("headers_from_env", TEXTS),
    must("timeout_ms", Shape::Integer),
    may("redact", TEXTS),
    may("headers", TEXT_MAP),
    may("request", Shape::Record(REQUEST)),
    may("response", Shape::Record(&[may("body_mapping", Shape::Text)])),
    may("multimodal", Shape::Record(&[must("enabled", Shape::Bool), may("accept_types", TEXTS)])),
];

const REQUEST: &[Field] = &[
    may("query_params", TEXTS),
    may("header_params", TEXT_MAP),
    may("body_mapping", Shape::Text),
    may("exclude", TEXTS),
    may("static_query", TEXT_MAP),
    may("static_headers", TEXT_MAP),
    may("static_body", Shape::Open),
];

const EXEC: &[Field] = &[
    must("command", Shape::Text),
    may("runtime", Shape::OneOf(&["exec", "server"])),
    may("env", TEXTS),
    may("args", TEXTS),
    may("timeout_ms", Shape::Integer),
    may("sandbox", Shape::Text),
];

const CLIENT: &[Field] = &[
    may("consent", Shape::Record(CONSENT)),
    may("timeout_ms", Shape::Integer),
    may("categories", TEXTS),
    may("validate_output", Shape::Bool),
];

const CONSENT: &[Field] =
    &[must("required", Shape::Bool), may("message", Shape::Text), may("decline_strategy", Shape::Text)];
