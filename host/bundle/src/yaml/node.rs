//! The located tree.

use serde_json::{Map, Number, Value};

/// One value with its place in the document.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value.
    pub data: Data,
    /// One-based.
    pub line: u32,
    /// One-based, in characters.
    pub column: u32,
}

/// A value by the YAML 1.2 core rules.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// Whole or not, always finite.
    Number(Number),
    /// Anything else that is one piece.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Keys in the order of the document, each once.
    Mapping(Vec<Entry>),
}

/// One key of a mapping with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key as text, whatever type it looks like.
    pub key: String,
    /// One-based line of the key.
    pub line: u32,
    /// One-based column of the key.
    pub column: u32,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The value as JSON: no places, keys sorted.
    pub fn to_json(&self) -> Value {
        match &self.data {
            Data::Null => Value::Null,
            Data::Bool(value) => Value::Bool(*value),
            Data::Number(value) => Value::Number(value.clone()),
            Data::Text(value) => Value::String(value.clone()),
            Data::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Data::Mapping(entries) => Value::Object(
                entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect::<Map<_, _>>(),
            ),
        }
    }

    /// The value of a key; none if there is no such key or this is no mapping.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The entries of a mapping; empty for anything else.
    pub fn entries(&self) -> &[Entry] {
        if let Data::Mapping(entries) = &self.data { entries } else { &[] }
    }

    /// The items of a list; empty for anything else.
    pub fn items(&self) -> &[Self] {
        if let Data::List(items) = &self.data { items } else { &[] }
    }

    /// The text of a text; none for anything else.
    pub fn as_text(&self) -> Option<&str> {
        if let Data::Text(text) = &self.data { Some(text) } else { None }
    }

    /// Nothing, or a list or mapping without anything in it.
    pub(crate) fn is_empty(&self) -> bool {
        match &self.data {
            Data::Null => true,
            Data::List(items) => items.is_empty(),
            Data::Mapping(entries) => entries.is_empty(),
            _ => false,
        }
    }

    /// What this is, for messages.
    pub(crate) fn noun(&self) -> &'static str {
        match &self.data {
            Data::Null => "nothing",
            Data::Bool(_) => "true or false",
            Data::Number(_) => "a number",
            Data::Text(_) => "text",
            Data::List(_) => "a list",
            Data::Mapping(_) => "a mapping",
        }
    }
}
