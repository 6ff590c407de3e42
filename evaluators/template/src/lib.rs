//! The default template engine: takes a prompt with `{{name}}` tokens and values, gives the text with the values in
//! place. No conditions, loops or filters, and no second look: a value that holds a token stays as it is, so that what
//! a user typed can never name a variable.
//!
//! As in PromptArena, a token is literal (no spaces inside) and one without a value reaches the model as it is;
//! `variables` names them all, so that a missing value is found before the prompt is sent.

use std::collections::BTreeSet;

use arena_guest::prelude::*;

/// Replaces `{{name}}` by the value of `name`, in one pass.
#[template_engine(name = "template")]
mod engine {
    use super::*;
    use serde_json::{Map, Value};

    /// Names in well-formed tokens: letters, digits and `_ . : -`, a letter or `_` first.
    pub fn variables(template: &str) -> Result<Vec<String>, TemplateError> {
        let mut names = BTreeSet::new();
        scan(template, |name| {
            let named = is_name(name);
            if named {
                names.insert(name.to_owned());
            }
            named
        });
        Ok(names.into_iter().collect())
    }

    /// Texts as they are, null as nothing, all else as JSON.
    pub fn render(template: &str, variables: &Map<String, Value>) -> Result<String, TemplateError> {
        let mut out = String::with_capacity(template.len());
        let mut copied = 0;
        scan(template, |name| {
            let Some(value) = variables.get(name) else { return false };
            // `name` is a part of `template`: their distance is where the token stands.
            let start = name.as_ptr().addr() - template.as_ptr().addr();
            out.push_str(&template[copied..start - "{{".len()]);
            match value {
                Value::String(text) => out.push_str(text),
                Value::Null => {}
                other => out.push_str(&other.to_string()),
            }
            copied = start + name.len() + "}}".len();
            true
        });
        out.push_str(&template[copied..]);
        Ok(out)
    }
}

/// Offers what stands between `{{` and the next `}}` to `take`, left to right. What was taken is stepped over; else the
/// scan goes on at the next brace, so that in `{{{a}}` and `{{ {{a}}` the token `{{a}}` is found.
fn scan<'t>(template: &'t str, mut take: impl FnMut(&'t str) -> bool) {
    let (mut from, mut close) = (0, 0);
    while let Some(start) = template[from..].find("{{").map(|at| from + at + 2) {
        if close < start {
            let Some(at) = template[start..].find("}}") else { return };
            close = start + at;
        }
        let name = &template[start..close];
        from = if !name.contains('{') && take(name) { close + 2 } else { start - 1 };
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && text.chars().all(|letter| letter.is_alphanumeric() || "_.:-".contains(letter))
}
