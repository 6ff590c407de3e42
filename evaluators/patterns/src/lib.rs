//! What users search texts for: takes a phrase or a regular expression (RE2 syntax) and a text, gives the place of the
//! first match in the text as it was written. Judges nothing and is no component: those that search are built with it.

mod fold;
mod literal;
mod re2;
mod regex;

pub use fold::{Folded, fold};
pub use regex::{compiles, find};
