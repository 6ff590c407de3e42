//! A template engine that puts a line of its own above every prompt, so that a transcript tells who rendered it.

use arena_guest::prelude::*;

/// Leaves the prompt as it is below a letterhead.
#[template_engine(name = "letterhead")]
mod engine {
    use super::*;
    use serde_json::{Map, Value};

    /// There are none.
    pub fn variables(_template: &str) -> Result<Vec<String>, TemplateError> {
        Ok(Vec::new())
    }

    /// The letterhead, then the prompt.
    pub fn render(template: &str, _variables: &Map<String, Value>) -> Result<String, TemplateError> {
        Ok(format!("Northwind Parcels, by appointment.\n{template}"))
    }
}
