//! The template engine that does as PromptArena's: what was put in for a token is looked through for tokens, too, up to
//! ten times. A value that a user typed can name a variable, so this is for bundles that were written so.
//!
//! Each time all tokens are replaced from left to right; PromptArena goes through its values in no fixed order, which
//! makes a difference only where a value completes a token that began before it.

use arena_evaluator_tokens::{names, replace};
use arena_guest::prelude::*;

/// Times that a text is looked through.
const PASSES: usize = 10;
/// Longest text, bytes: values that hold each other's tokens grow with each pass.
const BYTES: usize = 1 << 20;

/// Replaces `{{name}}` by the value of `name`, also in values.
#[template_engine(name = "template-repeated")]
mod engine {
    use super::*;
    use serde_json::{Map, Value};

    /// Names in well-formed tokens of the template; those of values are found only when they are put in.
    pub fn variables(template: &str) -> Result<Vec<String>, TemplateError> {
        Ok(names(template))
    }

    /// Texts as they are, null as nothing, all else as JSON.
    pub fn render(template: &str, variables: &Map<String, Value>) -> Result<String, TemplateError> {
        let mut text = template.to_owned();
        for _ in 0..PASSES {
            let next = replace(&text, variables, BYTES)
                .ok_or_else(|| TemplateError::Other(format!("the text grows beyond {BYTES} bytes")))?;
            if next == text {
                break;
            }
            text = next;
        }
        Ok(text)
    }
}
