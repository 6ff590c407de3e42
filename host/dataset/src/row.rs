//! One row: its values by column.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// A row of a table.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its number in the table, from 0.
    pub number: u64,
    /// Its line in the table, from 1; of a Parquet file its number, from 1.
    pub line: u64,
    /// Its id: the value of the declared column, else a digest of its values and, if there were equal ones before it, their
    /// number.
    pub id: String,
    /// Its values, or why it is malformed.
    pub values: Result<Values, String>,
}

/// The values of a row by the names of their columns.
#[derive(Clone, Debug)]
pub struct Values(BTreeMap<String, Box<RawValue>>);

impl Values {
    /// Reads a JSON object. One with a name twice is none.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| {
            // There is but one line, of which the row has another number.
            let text = error.to_string();
            let place = format!(" at line {} column {}", error.line(), error.column());
            match text.strip_suffix(&place) {
                Some(why) if error.is_data() => why.to_owned(),
                Some(why) => format!("no JSON object: {why} at column {}", error.column()),
                None => text,
            }
        })
    }

    /// Columns with their values as they stand in the table.
    pub(crate) fn raw(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, raw)| (name.as_str(), raw.get()))
    }

    /// The names of its columns, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The value as a text: a string as it is, null as nothing, a number as it stands in the table, all else as JSON. None
    /// if the row has no such column.
    pub fn text(&self, name: &str) -> Option<String> {
        let raw = self.0.get(name)?.get();
        Some(match self.value(name)? {
            Value::String(text) => text,
            Value::Null => String::new(),
            Value::Number(_) => raw.to_owned(),
            other => other.to_string(),
        })
    }

    /// The value. None if the row has no such column.
    pub fn value(&self, name: &str) -> Option<Value> {
        let raw = self.0.get(name)?.get();
        // What is nested too deep, or a number that no computer has, stays what it is.
        Some(serde_json::from_str(raw).unwrap_or_else(|_| Value::String(raw.to_owned())))
    }

    /// As [`Values::value`], but a text that is a JSON list is that list: some formats have only texts.
    pub fn list(&self, name: &str) -> Option<Value> {
        let value = self.value(name)?;
        let list = value
            .as_str()
            .map(str::trim)
            .filter(|text| text.starts_with('['))
            .and_then(|text| serde_json::from_str(text).ok());
        Some(list.unwrap_or(value))
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Values;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object with a value for each column")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Values, A::Error> {
                let mut values = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    // Half of a character is no text, which the parser sees only where the text is wanted.
                    if value.get().starts_with('"') && serde_json::from_str::<String>(value.get()).is_err() {
                        return Err(serde::de::Error::custom(format!(
                            "`{name}` is no text: it has a part of a character"
                        )));
                    }
                    if let Some(_first) = values.insert(name.clone(), value) {
                        return Err(serde::de::Error::custom(format!("the row has `{name}` twice")));
                    }
                }
                Ok(Values(values))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_texts_and_json() {
        let row = Values::parse(r#"{"q":"a \"b\"","n":1.50,"none":null,"list":[1, {"a":2}],"big":1e999}"#).unwrap();
        assert_eq!(row.text("q").unwrap(), "a \"b\"");
        assert_eq!(row.text("n").unwrap(), "1.50");
        assert_eq!(row.text("none").unwrap(), "");
        assert_eq!(row.text("list").unwrap(), r#"[1,{"a":2}]"#);
        assert_eq!(row.text("big").unwrap(), "1e999");
        assert_eq!(row.text("absent"), None);
        assert_eq!(row.value("n").unwrap(), serde_json::json!(1.5));
    }

    #[test]
    fn what_is_no_object_says_so() {
        let why = |text| Values::parse(text).unwrap_err();
        assert_eq!(why(r#"{"a":1,"a":2}"#), "the row has `a` twice");
        assert_eq!(why("[1]"), "invalid type: sequence, expected a JSON object with a value for each column");
        assert_eq!(why(r#"{"a":"#), "no JSON object: EOF while parsing a value at column 5");
        assert_eq!(why(r#"{"a":1} x"#), "no JSON object: trailing characters at column 9");
    }
}
