//! The functions that Go's text/template has of its own. A template can define none.

use crate::compare::{equal, less};
use crate::value::Value;
use crate::{escape, printf, show};

/// All that a template may call.
pub const FUNCTIONS: [&str; 19] = [
    "and", "call", "eq", "ge", "gt", "html", "index", "js", "le", "len", "lt", "ne", "not", "or", "print", "printf",
    "println", "slice", "urlquery",
];

/// Whether a function takes so many arguments.
pub fn check_count(name: &str, given: usize) -> Result<(), String> {
    let (least, most) = match name {
        "not" | "len" => (1, 1),
        "ne" | "lt" | "le" | "gt" | "ge" => (2, 2),
        "print" | "println" | "html" | "js" | "urlquery" => (0, usize::MAX),
        _ => (1, usize::MAX),
    };
    match given {
        _ if (least..=most).contains(&given) => Ok(()),
        _ if least == most => Err(format!("wrong number of args for {name}: want {least} got {given}")),
        _ => Err(format!("wrong number of args for {name}: want at least {least} got {given}")),
    }
}

/// Calls the function with arguments whose number [`check_count`] has seen. `and` and `or` get none that decides
/// before the last: that is the caller's, which evaluates no argument in vain.
pub fn call<'a>(name: &str, mut arguments: Vec<Value<'a>>) -> Result<Value<'a>, String> {
    match (name, arguments.as_slice()) {
        ("and" | "or", _) => Ok(arguments.pop().unwrap_or(Value::Missing)),
        ("not", [value]) => Ok(Value::Bool(!value.truth())),
        ("eq", [_]) => Err("missing argument for comparison".to_owned()),
        ("eq", [first, others @ ..]) => {
            for other in others {
                if equal(first, other)? {
                    return Ok(Value::Bool(true));
                }
            }
            Ok(Value::Bool(false))
        }
        ("ne", [a, b]) => equal(a, b).map(|is| Value::Bool(!is)),
        ("lt", [a, b]) => less(a, b).map(Value::Bool),
        ("ge", [a, b]) => less(a, b).map(|is| Value::Bool(!is)),
        ("le", [a, b]) => Ok(Value::Bool(less(a, b)? || equal(a, b)?)),
        ("gt", [a, b]) => Ok(Value::Bool(!(less(a, b)? || equal(a, b)?))),
        ("len", [value]) => length(value).and_then(int),
        ("index", [item, keys @ ..]) => index(item, keys),
        ("slice", [item, bounds @ ..]) => slice(item, bounds),
        ("print", values) => Ok(Value::text(show::print(values))),
        ("println", values) => Ok(Value::text(show::println(values))),
        ("printf", [format, values @ ..]) => match format {
            Value::Text(format) => printf::printf(format, values).map(Value::text),
            other => Err(format!("wrong type for the format; expected string; got {}", other.type_name())),
        },
        ("html", values) => Ok(Value::text(escape::html(&show::joined(values)))),
        ("js", values) => Ok(Value::text(escape::js(&show::joined(values)))),
        ("urlquery", values) => Ok(Value::text(escape::url_query(&show::joined(values)))),
        ("call", [value, ..]) => Err(format!("non-function of type {}: values of JSON are none", value.type_name())),
        _ => Err("is not a function".to_owned()),
    }
}

fn length(value: &Value<'_>) -> Result<usize, String> {
    match value {
        Value::Text(text) => Ok(text.len()),
        Value::List(items) => Ok(items.len()),
        Value::Map(fields) => Ok(fields.len()),
        other => Err(format!("len of type {}", other.type_name())),
    }
}

fn int<'a>(value: usize) -> Result<Value<'a>, String> {
    i64::try_from(value).map(Value::Int).map_err(|_| format!("{value} overflows int"))
}

fn index<'a>(item: &Value<'a>, keys: &[Value<'_>]) -> Result<Value<'a>, String> {
    if item.is_nil() {
        return Err("index of untyped nil".to_owned());
    }
    let mut item = item.clone();
    for key in keys {
        item = match &item {
            Value::Text(text) => text.as_bytes().get(position(key, text.len())?).map(|byte| Value::Byte(*byte)),
            Value::List(items) => items.get(position(key, items.len())?).map(Value::from),
            Value::Map(fields) => match key {
                Value::Text(name) => Some(fields.get(name.as_ref()).map_or(Value::Nil, Value::from)),
                other => return Err(format!("value has type {}; should be string", other.type_name())),
            },
            Value::Missing | Value::Nil => return Err("index of nil".to_owned()),
            other => return Err(format!("can't index item of type {}", other.type_name())),
        }
        .ok_or("index out of range")?;
    }
    Ok(item)
}

/// A list ends with its last element here: what Go has room for beyond it is an accident of decoding.
fn slice<'a>(item: &Value<'a>, bounds: &[Value<'_>]) -> Result<Value<'a>, String> {
    let length = match item {
        Value::Text(_) if bounds.len() == 3 => return Err("cannot 3-index slice a string".to_owned()),
        Value::Text(_) | Value::List(_) => length(item)?,
        other => return Err(format!("can't slice item of type {}", other.type_name())),
    };
    if bounds.len() > 3 {
        return Err(format!("too many slice indexes: {}", bounds.len()));
    }
    let mut ends = [0, length, length];
    for (end, bound) in ends.iter_mut().zip(bounds) {
        *end = position(bound, length)?;
    }
    let [from, to, capacity] = ends;
    if from > to || to > capacity {
        return Err(format!("invalid slice index: {} > {}", from.max(to), to.min(capacity)));
    }
    match item {
        Value::List(items) => Ok(Value::List(&items[from..to])),
        Value::Text(text) => match text.get(from..to) {
            Some(part) => Ok(Value::text(part)),
            None => Err(format!("bytes {from} to {to} cut a character in two")),
        },
        _ => Err("is neither a string nor a list".to_owned()),
    }
}

/// An index from 0 to `most`.
fn position(index: &Value<'_>, most: usize) -> Result<usize, String> {
    let index = match index {
        Value::Int(index) => *index,
        Value::Byte(index) => i64::from(*index),
        other => return Err(format!("cannot index slice/array with type {}", other.type_name())),
    };
    usize::try_from(index).ok().filter(|at| *at <= most).ok_or_else(|| format!("index out of range: {index}"))
}
