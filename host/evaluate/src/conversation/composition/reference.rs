//! `${step.output.field}`: outputs of earlier steps within what a later one is given.

use std::collections::BTreeMap;

use serde_json::Value;

/// Longest text of a step's input that outputs are put into, bytes.
const INPUT_BYTES: usize = 4 << 20;

/// The value with each `${path}` in its place; a text that is nothing else becomes what stands at the path.
pub(super) fn filled(value: &Value, outputs: &BTreeMap<String, Value>) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => return filled_text(text, outputs),
        Value::Array(items) => Value::Array(items.iter().map(|item| filled(item, outputs)).collect::<Result<_, _>>()?),
        Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| Ok((key.clone(), filled(value, outputs)?)));
            Value::Object(entries.collect::<Result<_, String>>()?)
        }
        other => other.clone(),
    })
}

fn filled_text(text: &str, outputs: &BTreeMap<String, Value>) -> Result<Value, String> {
    let unknown = |path: &str| format!("there is nothing at `${{{path}}}`");
    let whole = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).filter(|path| !path.contains("${"));
    if let Some(path) = whole {
        return at(path, outputs).cloned().ok_or_else(|| unknown(path));
    }
    let (mut done, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("${") {
        let (path, after) = after.split_once('}').ok_or("a `${` is not closed")?;
        let value = at(path, outputs).ok_or_else(|| unknown(path))?;
        done.push_str(before);
        done.push_str(&value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        if done.len() > INPUT_BYTES {
            return Err(format!("the input grows beyond {INPUT_BYTES} bytes"));
        }
        rest = after;
    }
    done.push_str(rest);
    Ok(Value::String(done))
}

/// What stands at `step.output.field`, or `input`.
pub(super) fn at<'a>(path: &str, outputs: &'a BTreeMap<String, Value>) -> Option<&'a Value> {
    let mut parts = path.trim().split('.');
    let mut value = outputs.get(parts.next()?)?;
    for (depth, part) in parts.enumerate() {
        if depth == 0 && part == "output" {
            continue;
        }
        value = match value {
            Value::Array(items) => items.get(part.parse::<usize>().ok()?)?,
            value => value.get(part)?,
        };
    }
    Some(value)
}
