//! `{{name}}` tokens in a text, for the template engines that know nothing else.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Names in well-formed tokens, sorted: letters, digits and `_ . : -`, a letter or `_` first.
pub fn names(template: &str) -> Vec<String> {
    let mut names = BTreeSet::new();
    scan(template, |name| {
        let named = is_name(name);
        if named {
            names.insert(name.to_owned());
        }
        named
    });
    names.into_iter().collect()
}

/// The text with each token that has a value replaced by it, in one pass: texts as they are, null as nothing, all else as
/// JSON. None if it would grow beyond `most` bytes.
pub fn replace(template: &str, values: &Map<String, Value>, most: usize) -> Option<String> {
    let mut out = String::with_capacity(template.len());
    let mut copied = 0;
    scan(template, |name| {
        let Some(value) = values.get(name).filter(|_| out.len() <= most) else { return false };
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
    (out.len() <= most).then_some(out)
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
