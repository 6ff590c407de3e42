//! The engine for templates in the syntax of Go's text/template, as mock tools and HTTP tools have them: takes a
//! template and a JSON object, gives what Go would print for that object decoded into `map[string]any`, where every
//! number is a float64. It defines no functions beside Go's own and has no templates within templates; it never
//! guesses: what Go refuses is refused here, with the line.
//!
//! An interpreter of our own: the crate `gtmpl` evaluates both sides of `and`, has no assignment, `html`, `js` or
//! `slice`, and prints numbers and escapes URLs differently from Go.

mod compare;
mod escape;
mod evaluate;
mod execute;
mod float;
mod functions;
mod lex;
mod literal;
mod names;
mod parse;
mod printf;
mod show;
mod token;
mod tree;
mod value;
mod verb;
mod words;

use arena_guest::prelude::*;

/// Renders Go's text/template: actions, pipelines, variables, `if`, `with`, `range` and Go's own functions.
#[template_engine(name = "go-template")]
mod engine {
    use super::*;
    use serde_json::{Map, Value};

    /// Top-level fields that the template reads anywhere.
    pub fn variables(template: &str) -> Result<Vec<String>, TemplateError> {
        let nodes = parse::parse(template).map_err(TemplateError::Syntax)?;
        Ok(names::top_level(&nodes))
    }

    /// A field without a value is `<no value>`, as in Go.
    pub fn render(template: &str, variables: &Map<String, Value>) -> Result<String, TemplateError> {
        let nodes = parse::parse(template).map_err(TemplateError::Syntax)?;
        execute::execute(&nodes, variables).map_err(TemplateError::Other)
    }
}

/// A part of a template as an error quotes it.
fn shown(text: &str) -> String {
    excerpt(text, 40)
}
