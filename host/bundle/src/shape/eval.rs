//! `kind: Eval`: a recording and the checks on it.

use super::scenario::ASSERTIONS;
use super::{Field, Shape, TEXTS, may, must};

/// The whole document.
pub(crate) const EVAL: Shape = super::document!(SPEC);

/// `spec` of an eval, also the value of an inline one.
pub(super) const SPEC: Shape = Shape::Record(&[
    may("id", Shape::Text),
    must("description", Shape::Text),
    must("recording", Shape::Record(RECORDING)),
    may("turns", Shape::List(&Shape::Record(&[may("all_turns", Shape::Record(&[may("assertions", ASSERTIONS)]))]))),
    may("conversation_assertions", ASSERTIONS),
    may("tags", TEXTS),
    may("mode", Shape::OneOf(&["instant", "realtime", "accelerated"])),
    may("speed", Shape::Number),
]);

const RECORDING: &[Field] =
    &[must("path", Shape::Text), may("type", Shape::OneOf(&["session", "arena_output", "transcript", "generic"]))];
