//! Parts of a prompt that describe it: media it takes, models it was tested with, how it was made.

use super::{Field, Shape, TEXT_MAP, TEXTS, may, must};

/// `media` of a prompt.
pub(super) const MEDIA: &[Field] = &[
    must("enabled", Shape::Bool),
    may("supported_types", TEXTS),
    may("image", Shape::Record(IMAGE)),
    may("audio", Shape::Record(TIMED)),
    may("video", Shape::Record(TIMED)),
    may("examples", Shape::List(&Shape::Record(EXAMPLE))),
];

const IMAGE: &[Field] = &[
    may("max_size_mb", Shape::Integer),
    may("allowed_formats", TEXTS),
    may("default_detail", Shape::Text),
    may("require_caption", Shape::Bool),
    may("max_images_per_msg", Shape::Integer),
];

const TIMED: &[Field] = &[
    may("max_size_mb", Shape::Integer),
    may("allowed_formats", TEXTS),
    may("max_duration_sec", Shape::Integer),
    may("require_metadata", Shape::Bool),
];

const EXAMPLE: &[Field] = &[
    must("name", Shape::Text),
    may("description", Shape::Text),
    must("role", Shape::Text),
    must("parts", Shape::List(&Shape::Record(PART))),
];

const PART: &[Field] = &[must("type", Shape::Text), may("text", Shape::Text), may("media", Shape::Record(FILE))];

const FILE: &[Field] = &[
    may("file_path", Shape::Text),
    may("url", Shape::Text),
    must("mime_type", Shape::Text),
    may("detail", Shape::Text),
    may("caption", Shape::Text),
];

/// One of `tested_models`.
pub(super) const TESTED: &[Field] = &[
    must("provider", Shape::Text),
    must("model", Shape::Text),
    must("date", Shape::Text),
    must("success_rate", Shape::Number),
    may("avg_tokens", Shape::Integer),
    may("avg_cost", Shape::Number),
    may("avg_latency_ms", Shape::Integer),
];

/// `metadata` within the spec.
pub(super) const ABOUT: &[Field] = &[
    may("domain", Shape::Text),
    may("language", Shape::Text),
    may("tags", TEXTS),
    may("cost_estimate", Shape::Record(COST)),
    may("performance", Shape::Record(PERFORMANCE)),
    may("changelog", Shape::List(&Shape::Record(CHANGE))),
];

const COST: &[Field] =
    &[must("min_cost_usd", Shape::Number), must("max_cost_usd", Shape::Number), must("avg_cost_usd", Shape::Number)];

const PERFORMANCE: &[Field] = &[
    must("avg_latency_ms", Shape::Integer),
    must("p95_latency_ms", Shape::Integer),
    must("avg_tokens", Shape::Integer),
    must("success_rate", Shape::Number),
];

const CHANGE: &[Field] = &[
    must("version", Shape::Text),
    must("date", Shape::Text),
    may("author", Shape::Text),
    must("description", Shape::Text),
];

/// `compilation`.
pub(super) const COMPILATION: &[Field] =
    &[must("compiled_with", Shape::Text), must("created_at", Shape::Text), may("schema", Shape::Text)];

/// `binding` of a variable.
pub(super) const BINDING: &[Field] = &[
    must("kind", Shape::Text),
    may("field", Shape::Text),
    may("autoPopulate", Shape::Bool),
    may("filter", Shape::Record(&[may("capability", Shape::Text), may("labels", TEXT_MAP)])),
];
