//! Params that all checks which ask a judge have.

use std::fmt;

use arena_guest::Schema;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A text, or a list of points to go through.
#[derive(Debug, PartialEq, Eq)]
pub enum Points {
    /// As it is.
    Text(String),
    /// One a line.
    List(Vec<String>),
}

impl Points {
    /// Nothing to go by.
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Text(text) => text.trim().is_empty(),
            Self::List(points) => points.iter().all(|point| point.trim().is_empty()),
        }
    }

    /// As a judge reads it.
    pub fn lines(&self) -> String {
        match self {
            Self::Text(text) => text.trim().to_owned(),
            Self::List(points) => points.iter().map(|point| format!("- {point}")).collect::<Vec<_>>().join("\n"),
        }
    }
}

impl Schema for Points {
    const KEYWORDS: &'static str = r#""type":["string","array"],"items":{"type":"string"}"#;
}

impl<'de> Deserialize<'de> for Points {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Points;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text or a list of texts")
            }

            fn visit_str<E>(self, text: &str) -> Result<Points, E> {
                Ok(Points::Text(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Points, A::Error> {
                let mut points = Vec::new();
                while let Some(point) = items.next_element()? {
                    points.push(point);
                }
                Ok(Points::List(points))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// Declares the params of a check that asks a judge: the fields given, then those that all such checks have. The type
/// gets a method `inquiry(task, criteria, material)`, in which the user's criteria win over the check's own.
#[macro_export]
macro_rules! judged_params {
    ($(#[$attribute:meta])* $visibility:vis struct $name:ident { $($fields:tt)* }) => {
        $(#[$attribute])*
        $visibility struct $name {
            $($fields)*
            /// What to look for; takes the place of the check's own criteria, where it has some.
            criteria: Option<String>,
            /// A text, or a list of points to go through.
            rubric: Option<$crate::Points>,
            /// Replaces the judge's standing instruction.
            system_prompt: Option<String>,
            /// Name of a judge of the bundle; none for the default judge.
            judge: Option<String>,
        }

        impl $name {
            fn inquiry<'a>(
                &'a self,
                task: &'a str,
                criteria: Option<&'a str>,
                material: Vec<(String, String)>,
            ) -> $crate::Inquiry<'a> {
                let own = self.criteria.as_deref().filter(|text| !text.trim().is_empty());
                $crate::Inquiry {
                    judge: self.judge.as_deref(),
                    system: self.system_prompt.as_deref(),
                    task,
                    criteria: own.or(criteria),
                    rubric: self.rubric.as_ref().filter(|points| !points.is_blank()),
                    material,
                }
            }
        }
    };
}
