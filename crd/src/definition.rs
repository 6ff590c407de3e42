//! The CustomResourceDefinitions, as they are installed.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube_core::CustomResourceExt;
use serde_json::{Value, json};

use crate::{ArenaConfig, ArenaJob, ArenaSource, Provider};

/// All of them, by kind.
///
/// # Errors
/// If a schema is no JSON, which a test rules out.
pub fn definitions() -> Result<Vec<Value>, serde_json::Error> {
    [ArenaConfig::crd(), ArenaJob::crd(), ArenaSource::crd(), Provider::crd()].iter().map(definition).collect()
}

/// A derived definition in the form we install: descriptions in one line for each paragraph, no null, no format that
/// the API server does not know, and a status that says from the start that nobody has looked at the object yet.
///
/// # Errors
/// If the definition is no JSON.
pub fn definition(derived: &CustomResourceDefinition) -> Result<Value, serde_json::Error> {
    let mut value = serde_json::to_value(derived)?;
    let versions = value.pointer_mut("/spec/versions").and_then(Value::as_array_mut);
    for version in versions.into_iter().flatten() {
        if let Some(schema) = version.pointer_mut("/schema/openAPIV3Schema") {
            tidy(schema);
            // Without this, kstatus takes an object that nobody has looked at for a finished one.
            if let Some(status) = schema.pointer_mut("/properties/status").and_then(Value::as_object_mut) {
                status.insert("default".to_owned(), json!({"observedGeneration": -1}));
            }
        }
    }
    Ok(value)
}

fn tidy(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else { return };
    object.remove("nullable");
    object.remove("title");
    if object.get("format").and_then(Value::as_str).is_some_and(|format| format.starts_with("uint")) {
        object.remove("format");
    }
    if let Some(Value::String(text)) = object.get_mut("description") {
        *text = unwrapped(text);
    }
    if let Some(values) = object.get_mut("enum").and_then(Value::as_array_mut) {
        values.retain(|value| !value.is_null());
    }
    for key in ["minimum", "maximum"] {
        if let Some(bound) = object.get_mut(key) {
            *bound = whole(bound);
        }
    }
    match object.get_mut("default") {
        // An object's fields have defaults of their own, so that a later version can add one.
        Some(Value::Object(fields)) => fields.clear(),
        Some(Value::Array(_) | Value::Null) => drop(object.remove("default")),
        _ => {}
    }
    if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(tidy);
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = object.get_mut(key) {
            tidy(inner);
        }
    }
}

/// A whole number without the fraction that the derived type gives it.
fn whole(bound: &Value) -> Value {
    match bound.as_f64() {
        Some(number) if number.fract() == 0.0 && number.abs() < 1e15 => json!(number as i64),
        _ => bound.clone(),
    }
}

/// Lines of one paragraph joined.
fn unwrapped(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
    paragraphs.collect::<Vec<_>>().join("\n\n")
}
