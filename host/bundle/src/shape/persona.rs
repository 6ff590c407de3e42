//! `kind: Persona`.

use super::prompt::FRAGMENT;
use super::{Field, Shape, TEXT_MAP, TEXTS, may, must};

/// The whole document.
pub(crate) const PERSONA: Shape = super::document!(SPEC);

/// `spec` of a persona, also the value of an inline one.
pub(super) const SPEC: Shape = Shape::Record(&[
    may("id", Shape::Text),
    must("description", Shape::Text),
    may("prompt_activity", Shape::Text),
    may("fragments", Shape::List(&Shape::Record(FRAGMENT))),
    may("system_template", Shape::Text),
    may("required_vars", TEXTS),
    may("optional_vars", TEXT_MAP),
    may("system_prompt", Shape::Text),
    must("goals", TEXTS),
    must("constraints", TEXTS),
    may("style", Shape::Record(STYLE)),
    may("voice", Shape::Text),
    may("defaults", Shape::Record(&[may("temperature", Shape::Number), may("seed", Shape::Integer)])),
]);

const STYLE: &[Field] = &[
    must("verbosity", Shape::Text),
    must("challenge_level", Shape::Text),
    must("friction_tags", TEXTS),
    may("expressive", Shape::Bool),
    may("characterization_rubric", Shape::Text),
];
