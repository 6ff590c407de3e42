//! Values of variables, from JSON.

use std::collections::BTreeMap;

use minijinja::Value;
use serde_json::{Map, Value as Json};

/// A mapping as the engine knows it.
pub fn of_map(map: &Map<String, Json>) -> Value {
    Value::from(map.iter().map(|(name, value)| (name.clone(), of(value))).collect::<BTreeMap<_, _>>())
}

fn of(json: &Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(yes) => Value::from(*yes),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => Value::from(whole),
            (_, Some(whole)) => Value::from(whole),
            _ => Value::from(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::from(items.iter().map(of).collect::<Vec<_>>()),
        Json::Object(map) => of_map(map),
    }
}

/// The first part of `user.name` that is not there. None if all of it is, or leads into what is no mapping.
pub fn missing<'n>(path: &'n str, variables: &Map<String, Json>) -> Option<&'n str> {
    let (mut map, mut end) = (variables, 0);
    for part in path.split('.') {
        end += part.len();
        match map.get(part) {
            None => return Some(&path[..end]),
            Some(Json::Object(inner)) => map = inner,
            Some(_) => return None,
        }
        end += ".".len();
    }
    None
}
