//! An object held against the schema of its kind where there is no API server.

use serde_json::Value;

/// Fields that every object has, beside those of its schema.
const EVERY: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// The first thing that a definition's schema does not allow in an object, as `spec.trials: 0 is under 1`. Unknown
/// fields, types, numbers, lengths and choices are looked at; patterns and rules are the API server's alone.
pub fn refusal(definition: &Value, object: &Value) -> Option<String> {
    let schema = definition.pointer("/spec/versions/0/schema/openAPIV3Schema")?;
    let known = |name: &str| EVERY.contains(&name) || schema["properties"].get(name).is_some();
    let fields = object.as_object().into_iter().flatten();
    fields.filter(|(name, _)| !EVERY.contains(&name.as_str())).find_map(|(name, value)| match known(name) {
        true => against(&schema["properties"][name], value, name),
        false => Some(format!("unknown field {name}")),
    })
}

fn against(schema: &Value, value: &Value, path: &str) -> Option<String> {
    let wrong = |what: &str| Some(format!("{path}: {what}"));
    match (schema["type"].as_str().unwrap_or_default(), value) {
        // As if it were left out.
        (_, Value::Null) => None,
        ("object", Value::Object(fields)) => {
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            if let Some(missing) = required.into_iter().find(|name| !fields.contains_key(*name)) {
                return Some(format!("{path}.{missing} is required"));
            }
            fields.iter().find_map(|(name, value)| {
                let path = format!("{path}.{name}");
                match (schema["properties"].get(name), schema.get("additionalProperties")) {
                    (Some(schema), _) | (None, Some(schema)) => against(schema, value, &path),
                    (None, None) => Some(format!("unknown field {path}")),
                }
            })
        }
        ("array", Value::Array(items)) => {
            size(schema, "Items", items.len()).and_then(|what| wrong(&what)).or_else(|| {
                let mut each = items.iter().enumerate();
                each.find_map(|(at, item)| against(&schema["items"], item, &format!("{path}[{at}]")))
            })
        }
        ("string", Value::String(text)) => {
            if let Some(choices) = schema["enum"].as_array().filter(|choices| !choices.contains(value)) {
                let choices: Vec<&str> = choices.iter().filter_map(Value::as_str).collect();
                return wrong(&format!("{text:?} is none of {}", choices.join(", ")));
            }
            size(schema, "Length", text.chars().count()).and_then(|what| wrong(&what))
        }
        (kind @ ("integer" | "number"), Value::Number(number)) => {
            let actual = number.as_f64().unwrap_or(f64::NAN);
            if kind == "integer" && actual.fract() != 0.0 {
                return wrong(&format!("{number} is no whole number"));
            }
            let under = schema["minimum"].as_f64().filter(|least| actual < *least).map(|least| ("under", least));
            let over = schema["maximum"].as_f64().filter(|most| actual > *most).map(|most| ("over", most));
            under.or(over).and_then(|(side, bound)| wrong(&format!("{number} is {side} {bound}")))
        }
        ("boolean", Value::Bool(_)) | ("", _) => None,
        (kind, value) => wrong(&format!("{value} is no {kind}")),
    }
}

/// Whether a list or a text is too short or too long.
fn size(schema: &Value, what: &str, actual: usize) -> Option<String> {
    let bound = |side: &str| schema[format!("{side}{what}")].as_u64().and_then(|bound| usize::try_from(bound).ok());
    let under = bound("min").filter(|least| actual < *least).map(|least| format!("it has {actual}, at least {least}"));
    under.or_else(|| bound("max").filter(|most| actual > *most).map(|most| format!("it has {actual}, at most {most}")))
}

#[cfg(test)]
mod tests {
    use kube_core::CustomResourceExt as _;
    use serde_json::json;

    use super::*;
    use crate::{ArenaConfig, definition};

    #[test]
    fn bounds_types_and_names_are_those_of_the_definition() {
        let definition = definition(&ArenaConfig::crd()).unwrap();
        let said =
            |spec: Value| refusal(&definition, &json!({"kind": "ArenaConfig", "spec": spec})).unwrap_or_default();
        let good = json!({"sourceRef": {"name": "s"}, "trials": 3, "timeout": "5m", "workers": 2,
            "evaluation": {"concurrency": 4}, "scenarios": {"include": ["a"]}});
        assert_eq!(said(good), "");
        for (key, value, expected) in [
            ("trials", json!(0), "spec.trials: 0 is under 1"),
            ("trials", json!(1001), "spec.trials: 1001 is over 1000"),
            ("trials", json!(1.5), "spec.trials: 1.5 is no whole number"),
            ("trials", json!("1"), "spec.trials: \"1\" is no integer"),
            ("evaluation", json!({"concurrency": 0}), "spec.evaluation.concurrency: 0 is under 1"),
            ("evaluation", json!({"concurency": 1}), "unknown field spec.evaluation.concurency"),
            (
                "gates",
                json!([{"metric": "rate", "operator": ">", "value": 1}]),
                "spec.gates[0].metric: \"rate\" is none of",
            ),
            ("gates", json!([{"metric": "failed", "operator": ">"}]), "spec.gates[0].value is required"),
            ("providers", json!([]), "spec.providers: it has 0, at least 1"),
        ] {
            let mut spec = json!({"sourceRef": {"name": "s"}});
            spec[key] = value;
            let found = said(spec);
            assert!(found.starts_with(expected), "{found}, not {expected}");
        }
        assert_eq!(refusal(&definition, &json!({"spec": {}})).unwrap(), "spec.sourceRef is required");
        assert_eq!(refusal(&definition, &json!({"spek": {}})).unwrap(), "unknown field spek");
    }
}
