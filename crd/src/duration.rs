//! Durations as Kubernetes users write them.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

/// A duration such as `90s`, `5m` or `1h30m`, kept as it was written.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct GoDuration {
    text: String,
    #[serde(skip)]
    value: Duration,
}

/// What the API server accepts. Four parts of five digits cannot overflow.
const PATTERN: &str = "^([0-9]{1,5}(ms|s|m|h)){1,4}$";

/// Most digits of one part.
const DIGITS: usize = 10;

impl GoDuration {
    /// Whole seconds, written as such.
    pub fn from_secs(seconds: u32) -> Self {
        Self { text: format!("{seconds}s"), value: Duration::from_secs(seconds.into()) }
    }

    /// Reads the text; none if it is no such duration.
    pub fn parse(text: &str) -> Option<Self> {
        // The library panics over signs within, and over numbers that no duration can hold.
        let plain = text.chars().all(|c| c.is_ascii_digit() || "hms".contains(c));
        if !plain || text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() > DIGITS) {
            return None;
        }
        let value: kube_core::Duration = text.parse().ok()?;
        (!text.is_empty() && !value.is_negative()).then(|| Self { text: text.to_owned(), value: value.into() })
    }

    /// How long it is.
    pub fn get(&self) -> Duration {
        self.value
    }
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom(format!("{text:?} is no duration; write it as 90s or 5m")))
    }
}

impl JsonSchema for GoDuration {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "GoDuration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "maxLength": 32, "pattern": PATTERN})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_users_write_and_keeps_it() {
        for (text, seconds) in [("5m", 300), ("90s", 90), ("1h30m", 5400), ("1500ms", 1)] {
            let duration = GoDuration::parse(text).unwrap();
            assert_eq!((duration.get().as_secs(), duration.to_string().as_str()), (seconds, text));
        }
        for text in ["", "5", "5 minutes", "-5m", "m"] {
            assert_eq!(GoDuration::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_longest_the_pattern_allows_is_read() {
        let longest = "99999h".repeat(4);
        assert_eq!(GoDuration::parse(&longest).unwrap().get().as_secs(), 4 * 99_999 * 3600);
    }
}
