//! Numbers of tokens, as servers write them.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Beyond it a float holds no whole number exactly.
const MOST: f64 = 9_007_199_254_740_992.0;

/// A number of tokens. Some servers write it with a point; what is no count makes the usage unknown, and no answer
/// unreadable.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Count {
    #[default]
    Unsaid,
    Of(u64),
    Unknown,
}

impl Count {
    /// The number, or `unsaid` where nothing is said; none if it is unknown.
    pub(crate) fn or(self, unsaid: u64) -> Option<u64> {
        match self {
            Self::Unsaid => Some(unsaid),
            Self::Of(count) => Some(count),
            Self::Unknown => None,
        }
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(from)?;
        let whole = |float: &f64| float.fract() == 0.0 && (0.0..MOST).contains(float);
        let count = value.as_u64().or_else(|| value.as_f64().filter(whole).map(|float| float as u64));
        Ok(match (value, count) {
            (Value::Null, _) => Self::Unsaid,
            (_, Some(count)) => Self::Of(count),
            (_, None) => Self::Unknown,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_floats_are_counts_and_nothing_is_unreadable() {
        for (text, count) in [
            ("12", Count::Of(12)),
            ("12.0", Count::Of(12)),
            ("1.2e1", Count::Of(12)),
            ("null", Count::Unsaid),
            ("12.5", Count::Unknown),
            ("-1", Count::Unknown),
            ("-1.0", Count::Unknown),
            ("1e300", Count::Unknown),
            ("\"12\"", Count::Unknown),
            ("{\"a\": [1]}", Count::Unknown),
        ] {
            assert_eq!(serde_json::from_str::<Count>(text).unwrap(), count, "{text}");
        }
        assert_eq!([Count::Unsaid.or(3), Count::Of(4).or(3), Count::Unknown.or(3)], [Some(3), Some(4), None]);
    }
}
