//! A parameter that is on or off.

use std::fmt;

use arena_guest::Schema;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

/// `true` or `false`, in quotes or not: what a template or a variable filled in is always a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switch(pub bool);

impl Schema for Switch {
    const KEYWORDS: &'static str = r#""enum":[true,false,"true","false"]"#;
}

impl<'de> Deserialize<'de> for Switch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl Visitor<'_> for Either {
            type Value = Switch;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("true or false")
            }

            fn visit_bool<E>(self, on: bool) -> Result<Switch, E> {
                Ok(Switch(on))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Switch, E> {
                text.parse().map(Switch).map_err(|_| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_any(Either)
    }
}
