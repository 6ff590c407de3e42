//! Changes single values of a stored record and leaves the bytes of all others as they are: a number that is read and
//! written again may come out as another text.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// An object of JSON whose values are texts, in their order.
pub(crate) struct Fields(Vec<(String, Box<RawValue>)>);

impl Fields {
    /// Puts `value` in the place of what stands under `key`, if anything does.
    pub(crate) fn put(&mut self, key: &str, value: &impl Serialize) -> serde_json::Result<()> {
        if let Some((_, old)) = self.0.iter_mut().find(|(known, _)| known == key) {
            *old = serde_json::value::to_raw_value(value)?;
        }
        Ok(())
    }

    /// What stands under `key`.
    pub(crate) fn get<'a, T: Deserialize<'a>>(&'a self, key: &str) -> serde_json::Result<Option<T>> {
        let found = self.0.iter().find(|(known, _)| known == key);
        found.map(|(_, value)| serde_json::from_str(value.get())).transpose()
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Fields, M::Error> {
                let mut fields = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    fields.push(pair);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_changed_keeps_its_bytes() {
        let text = r#"{"z":0.95238095238095233,"a":[1e2,{"b":1.10}],"m":null}"#;
        let mut fields: Fields = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&fields).unwrap(), text);
        fields.put("m", &"new").unwrap();
        fields.put("none", &1).unwrap();
        assert_eq!(serde_json::to_string(&fields).unwrap(), text.replace("null", "\"new\""));
        assert_eq!(fields.get::<f64>("none").unwrap(), None);
    }
}
