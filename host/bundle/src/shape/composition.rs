//! `spec.compositions`, which the original reader takes as they come: what differs is a warning. Each kind of step has
//! keys of its own.

use super::{Field, Shape, TEXTS, may};

/// A graph.
pub(crate) const COMPOSITION: Shape = Shape::Record(&[
    may("version", Shape::Integer),
    may("description", Shape::Text),
    may("input_schema", Shape::Any),
    may("output_schema", Shape::Any),
    may("output", Shape::Text),
    may("steps", Shape::List(&Shape::Open)),
    may("engine", Shape::Open),
]);

/// A step with what every step may have.
macro_rules! step {
    ($($own:expr),*) => {
        Shape::Record(&[
            may("id", Shape::Text),
            may("kind", Shape::Text),
            may("description", Shape::Text),
            may("depends_on", TEXTS),
            may("modifiers", Shape::Open),
            $($own),*
        ])
    };
}

const TASK: Field = may("prompt_task", Shape::Text);
const INPUT: Field = may("input", Shape::Any);
const SCHEMA: Field = may("output_schema", Shape::Any);

const PROMPT: Shape = step!(TASK, INPUT, SCHEMA);
const AGENT: Shape = step!(
    TASK,
    INPUT,
    SCHEMA,
    may("tools", TEXTS),
    may("termination", Shape::Record(&[may("max_steps", Shape::Integer), may("tool_called", Shape::Text)]))
);
const TOOL: Shape = step!(may("tool", Shape::Text), may("tool_name", Shape::Text), may("args", Shape::Any), INPUT);
const BRANCH: Shape = step!(may("predicate", Shape::Open), may("then", Shape::Text), may("else", Shape::Text));
const PARALLEL: Shape = step!(
    may("branches", Shape::List(&Shape::Open)),
    may("reduce", Shape::Record(&[may("strategy", Shape::Text), may("into", Shape::Text)]))
);

/// A question about outputs; those within it are held against the same.
pub(crate) const PREDICATE: Shape = Shape::Record(&[
    may("path", Shape::Text),
    may("op", Shape::Text),
    may("value", Shape::Any),
    may("exists", Shape::Bool),
    may("all_of", Shape::List(&Shape::Open)),
    may("any_of", Shape::List(&Shape::Open)),
    may("not", Shape::Open),
]);

/// What a step of this kind may look like; none if there is no such kind.
pub(crate) fn step(kind: &str) -> Option<&'static Shape> {
    Some(match kind {
        "prompt" => &PROMPT,
        "agent" => &AGENT,
        "tool" => &TOOL,
        "branch" => &BRANCH,
        "parallel" => &PARALLEL,
        _ => return None,
    })
}
