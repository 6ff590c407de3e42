//! `printf`: Go's verbs and flags for the values there are. What Go reports within the text, like `%!d(MISSING)`, is
//! reported there too; what only this lacks is an error.

use crate::show;
use crate::value::Value;
use crate::verb::{Verb, read};

/// `format` with the values in place of its verbs.
pub fn printf(format: &str, values: &[Value<'_>]) -> Result<String, String> {
    let mut out = String::with_capacity(format.len());
    let (mut rest, mut values) = (format, values.iter());
    while let Some((text, directive)) = rest.split_once('%') {
        out.push_str(text);
        let (verb, after) = read(directive)?;
        rest = after;
        let Some(verb) = verb else {
            out.push_str("%!(NOVERB)");
            break;
        };
        if verb.letter == '%' {
            out.push('%');
            continue;
        }
        match values.next() {
            Some(value) => show::argument(&mut out, value, &verb)?,
            None => out.push_str(&format!("%!{}(MISSING)", verb.letter)),
        }
    }
    out.push_str(rest);
    if values.len() > 0 {
        out.push_str("%!(EXTRA ");
        for (nth, value) in values.enumerate() {
            out.push_str(if nth == 0 { "" } else { ", " });
            if !value.is_nil() {
                out.push_str(value.type_name());
                out.push('=');
            }
            show::argument(&mut out, value, &Verb::plain('v'))?;
        }
        out.push(')');
    }
    Ok(out)
}
