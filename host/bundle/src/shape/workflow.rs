//! `spec.workflow` and entries of `spec.skills`, which the original reader takes as they come: what differs is a warning.

use super::{Field, Shape, TEXT_MAP, may};

/// The state machine.
pub(crate) const WORKFLOW: Shape = Shape::Record(&[
    may("version", Shape::Integer),
    may("entry", Shape::Text),
    may("states", Shape::Map(&Shape::Record(STATE))),
    may("engine", Shape::Open),
]);

const STATE: &[Field] = &[
    may("prompt_task", Shape::Text),
    may("composition", Shape::Text),
    may("description", Shape::Text),
    may("on_event", TEXT_MAP),
    may("persistence", Shape::Text),
    may("orchestration", Shape::Text),
    may("skills", Shape::Text),
    may("terminal", Shape::Bool),
    may("max_visits", Shape::Integer),
    may("on_max_visits", Shape::Text),
    may("artifacts", Shape::Map(&Shape::Record(ARTIFACT))),
];

const ARTIFACT: &[Field] = &[may("type", Shape::Text), may("description", Shape::Text), may("mode", Shape::Text)];

/// A skill that is no path.
pub(crate) const SKILL: Shape = Shape::Record(&[
    may("path", Shape::Text),
    may("dir", Shape::Text),
    may("name", Shape::Text),
    may("description", Shape::Text),
    may("instructions", Shape::Text),
    may("preload", Shape::Bool),
]);
