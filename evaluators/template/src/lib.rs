//! The usual template engine: takes a prompt with `{{name}}` tokens and values, gives the text with the values in place. No
//! conditions, loops or filters, and no second look: a value that holds a token stays as it is, so that what a user typed
//! can never name a variable.
//!
//! As in PromptArena, a token is literal (no spaces inside) and one without a value reaches the model as it is;
//! `variables` names them all, so that a missing value is found before the prompt is sent.

use arena_evaluator_tokens::{names, replace};
use arena_guest::prelude::*;

/// Replaces `{{name}}` by the value of `name`, in one pass.
#[template_engine(name = "template")]
mod engine {
    use super::*;
    use serde_json::{Map, Value};

    /// Names in well-formed tokens: letters, digits and `_ . : -`, a letter or `_` first.
    pub fn variables(template: &str) -> Result<Vec<String>, TemplateError> {
        Ok(names(template))
    }

    /// Texts as they are, null as nothing, all else as JSON.
    pub fn render(template: &str, variables: &Map<String, Value>) -> Result<String, TemplateError> {
        // The host bounds what a guest may give back.
        Ok(replace(template, variables, usize::MAX).unwrap_or_default())
    }
}
