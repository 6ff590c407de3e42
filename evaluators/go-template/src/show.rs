//! Values as text, after Go's fmt: one value by one verb with its flags, and `print` and `println`.

use crate::value::{Value, sorted};
use crate::verb::Verb;
use crate::{escape, float};

/// Writes an argument of `printf`. Fails for what Go can do and this cannot.
pub fn argument(out: &mut String, value: &Value<'_>, verb: &Verb) -> Result<(), String> {
    match verb.letter {
        'T' => verb.pad(out, verb.cut(if value.is_nil() { "<nil>" } else { value.type_name() })),
        'v' if value.is_nil() => verb.pad(out, "<nil>"),
        _ if value.is_nil() => out.push_str(&format!("%!{}(<nil>)", verb.letter)),
        _ => return show(out, value, verb),
    }
    Ok(())
}

/// Writes a value or, within lists and objects, an element.
fn show(out: &mut String, value: &Value<'_>, verb: &Verb) -> Result<(), String> {
    match (value, verb.letter) {
        (Value::Missing | Value::Nil, _) => out.push_str("<nil>"),
        (Value::Bool(value), 'v' | 't') => verb.pad(out, if *value { "true" } else { "false" }),
        (Value::Int(value), letter) if is_integer_verb(letter) => integer(out, *value, verb),
        (Value::Byte(value), letter) if is_integer_verb(letter) => integer(out, i64::from(*value), verb),
        (Value::Float(value), 'v' | 'g' | 'G' | 'e' | 'E' | 'f' | 'F') => {
            let digits = match verb.letter {
                'e' | 'E' => float::exponential(*value, verb.precision.unwrap_or(6)),
                'f' | 'F' => float::fixed(*value, verb.precision.unwrap_or(6)),
                _ => float::general(*value, verb.precision),
            };
            let digits = if verb.letter.is_lowercase() { digits } else { digits.to_uppercase() };
            verb.pad_number(out, verb.sign(value.is_sign_negative()), &digits);
        }
        (Value::Float(_), 'x' | 'X' | 'b') => return Err(format!("%{} of a float64 is not supported", verb.letter)),
        (Value::Text(text), 'v' | 's') => verb.pad(out, verb.cut(text)),
        (Value::Text(text), 'q') => verb.pad(out, &escape::quoted(verb.cut(text), '"')),
        (Value::Text(text), 'x' | 'X') => {
            let bytes = text.bytes().take(verb.precision.unwrap_or(usize::MAX));
            let digits: String = match verb.letter {
                'x' => bytes.map(|byte| format!("{byte:02x}")).collect(),
                _ => bytes.map(|byte| format!("{byte:02X}")).collect(),
            };
            verb.pad(out, &digits);
        }
        (Value::List(items), _) => {
            out.push('[');
            for (nth, item) in items.iter().enumerate() {
                out.push_str(if nth == 0 { "" } else { " " });
                show(out, &item.into(), verb)?;
            }
            out.push(']');
        }
        (Value::Map(fields), _) => {
            out.push_str("map[");
            for (nth, (name, item)) in sorted(fields).into_iter().enumerate() {
                out.push_str(if nth == 0 { "" } else { " " });
                show(out, &Value::Text(name.into()), verb)?;
                out.push(':');
                show(out, &item.into(), verb)?;
            }
            out.push(']');
        }
        (value, letter) => {
            out.push_str(&format!("%!{letter}({}=", value.type_name()));
            show(out, value, &Verb { letter: 'v', ..verb.clone() })?;
            out.push(')');
        }
    }
    Ok(())
}

fn is_integer_verb(letter: char) -> bool {
    "vdboOxXcq".contains(letter)
}

fn integer(out: &mut String, value: i64, verb: &Verb) {
    let size = value.unsigned_abs();
    let character = || u32::try_from(value).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
    let digits = match verb.letter {
        'c' => return verb.pad(out, character().encode_utf8(&mut [0; 4])),
        'q' => return verb.pad(out, &escape::quoted(character().encode_utf8(&mut [0; 4]), '\'')),
        'b' => format!("{size:b}"),
        'o' | 'O' => format!("{size:o}"),
        'x' => format!("{size:x}"),
        'X' => format!("{size:X}"),
        _ => size.to_string(),
    };
    let base = if verb.letter == 'O' { "0o" } else { "" };
    let sign = format!("{}{base}", verb.sign(value < 0));
    match verb.precision {
        None => verb.pad_number(out, &sign, &digits),
        Some(0) if value == 0 => out.push_str(&" ".repeat(verb.width)),
        Some(least) => {
            let zeros = "0".repeat(least.saturating_sub(digits.len()));
            Verb { zero: false, ..verb.clone() }.pad_number(out, &sign, &format!("{zeros}{digits}"));
        }
    }
}

/// Writes the value of an action.
pub fn printable(out: &mut String, value: &Value<'_>) {
    match value {
        Value::Missing | Value::Nil => out.push_str("<no value>"),
        other => plain(out, other),
    }
}

/// `print`: spaces between operands of which neither is a text.
pub fn print(values: &[Value<'_>]) -> String {
    let mut out = String::new();
    let mut after_text = true;
    for value in values {
        let is_text = matches!(value, Value::Text(_));
        if !is_text && !after_text {
            out.push(' ');
        }
        plain(&mut out, value);
        after_text = is_text;
    }
    out
}

/// `println`: spaces between all operands.
pub fn println(values: &[Value<'_>]) -> String {
    let mut out = String::new();
    for (nth, value) in values.iter().enumerate() {
        out.push_str(if nth == 0 { "" } else { " " });
        plain(&mut out, value);
    }
    out.push('\n');
    out
}

/// What the escaping functions escape.
pub fn joined(values: &[Value<'_>]) -> String {
    let shown: Vec<_> = values
        .iter()
        .map(|value| if value.is_nil() { Value::Text("<no value>".into()) } else { value.clone() })
        .collect();
    print(&shown)
}

/// By `%v`, which every value has.
fn plain(out: &mut String, value: &Value<'_>) {
    let shown = argument(out, value, &Verb::plain('v'));
    debug_assert!(shown.is_ok(), "{shown:?}");
}
