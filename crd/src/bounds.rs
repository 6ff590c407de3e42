//! Bounds that several fields share, as schema fragments.

use schemars::{Schema, SchemaGenerator, json_schema};

/// A point in time, RFC 3339.
pub(crate) fn timestamp(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "format": "date-time"})
}

/// Text that a person reads; conditions and gates carry it.
pub(crate) fn message(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "maxLength": MESSAGE_BYTES})
}

/// Most bytes of a condition's message. The operator cuts longer ones.
pub(crate) const MESSAGE_BYTES: usize = 1024;

/// Glob patterns over scenario ids.
pub(crate) fn globs(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 256,
        "items": {"type": "string", "minLength": 1, "maxLength": 256},
    })
}

/// Hosts with ports, and networks.
pub(crate) fn hosts(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "minItems": 1,
        "maxItems": 256,
        "items": {"type": "string", "minLength": 1, "maxLength": 260, "pattern": "^[A-Za-z0-9._:/\\[\\]-]+$"},
    })
}

/// Header names and values.
pub(crate) fn headers(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 16,
        "additionalProperties": {"type": "string", "maxLength": 1024},
    })
}
