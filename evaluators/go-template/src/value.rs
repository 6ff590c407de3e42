//! Values of a running template: those that Go has after decoding JSON, and those that its functions make.

use std::borrow::Cow;

use serde_json::{Map, Value as Json};

use crate::shown;

/// A value. Lists and objects stay where they are, in the JSON that was given.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// Of a field that is not there. Its fields are missing too.
    Missing,
    /// JSON null. It has no fields.
    Nil,
    Bool(bool),
    /// A constant, a length or an index: Go's `int`.
    Int(i64),
    /// A byte of a text: Go's `uint8`.
    Byte(u8),
    /// Every number of the JSON.
    Float(f64),
    Text(Cow<'a, str>),
    List(&'a [Json]),
    Map(&'a Map<String, Json>),
}

impl<'a> From<&'a Json> for Value<'a> {
    fn from(json: &'a Json) -> Self {
        match json {
            Json::Null => Value::Nil,
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => Value::Float(number.as_f64().unwrap_or_default()),
            Json::String(text) => Value::Text(Cow::Borrowed(text)),
            Json::Array(items) => Value::List(items),
            Json::Object(fields) => Value::Map(fields),
        }
    }
}

impl<'a> Value<'a> {
    /// A text of its own.
    pub fn text(text: impl Into<String>) -> Self {
        Value::Text(Cow::Owned(text.into()))
    }

    /// What `if` makes of it.
    pub fn truth(&self) -> bool {
        match self {
            Value::Missing | Value::Nil => false,
            Value::Bool(value) => *value,
            Value::Int(value) => *value != 0,
            Value::Byte(value) => *value != 0,
            Value::Float(value) => *value != 0.0,
            Value::Text(text) => !text.is_empty(),
            Value::List(items) => !items.is_empty(),
            Value::Map(fields) => !fields.is_empty(),
        }
    }

    /// Null or not there.
    pub fn is_nil(&self) -> bool {
        matches!(self, Value::Missing | Value::Nil)
    }

    /// Go's name of its type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Missing | Value::Nil => "nil",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Byte(_) => "uint8",
            Value::Float(_) => "float64",
            Value::Text(_) => "string",
            Value::List(_) => "[]interface {}",
            Value::Map(_) => "map[string]interface {}",
        }
    }

    /// The value of a pipeline: there Go looks through null and finds nothing.
    pub fn piped(self) -> Self {
        if let Value::Nil = self { Value::Missing } else { self }
    }

    /// `.name`; `given` says that arguments follow, which a field cannot take.
    pub fn field(&self, name: &str, given: bool) -> Result<Value<'a>, String> {
        match self {
            Value::Missing => Ok(Value::Missing),
            Value::Nil => Err(format!("null has no field {}", shown(name))),
            Value::Map(_) if given => Err(format!("field {} is not a function but has arguments", shown(name))),
            Value::Map(fields) => Ok(fields.get(name).map_or(Value::Missing, Value::from)),
            other => Err(format!("can't evaluate field {} in type {}", shown(name), other.type_name())),
        }
    }

    /// `.a.b.c`
    pub fn fields(self, names: &[&str], given: bool) -> Result<Value<'a>, String> {
        let Some((last, first)) = names.split_last() else { return Ok(self) };
        first.iter().try_fold(self, |value, name| value.field(name, false))?.field(last, given)
    }
}

/// Names and values of an object in Go's order: that of the names' bytes.
pub fn sorted(fields: &Map<String, Json>) -> Vec<(&String, &Json)> {
    let mut pairs: Vec<_> = fields.iter().collect();
    pairs.sort_unstable_by_key(|(name, _)| *name);
    pairs
}
