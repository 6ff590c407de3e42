//! An error as vendors write it: each in its own way, all of them close enough to be read by one reader.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

/// What a vendor says went wrong.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct VendorFailure {
    pub(crate) text: String,
    /// Words a program reads: `code`, `type`, `status` and `reason`, as far as they are texts.
    codes: Vec<String>,
    /// The wait it asks for in its body, as Google does.
    pub(crate) retry_after: Option<Duration>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields {
    message: Option<String>,
    #[serde(rename = "Message")]
    upper: Option<String>,
    code: Option<Value>,
    r#type: Option<Value>,
    status: Option<Value>,
    details: Option<Value>,
}

impl VendorFailure {
    /// From text alone.
    pub(crate) fn of(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Reads `{"error": {...}}`, `{"error": "text"}` and `{"message": "text"}`; none for anything else.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        Self::of_value(&serde_json::from_slice(body).ok()?)
    }

    /// The same of what is parsed already.
    pub(crate) fn of_value(body: &Value) -> Option<Self> {
        let body = match body {
            // Google's streams of JSON are lists.
            Value::Array(items) => items.first()?,
            other => other,
        };
        match body.get("error").unwrap_or(body) {
            Value::String(text) => Some(Self::of(text.as_str())),
            Value::Object(fields) if !fields.is_empty() => {
                let fields = Fields::deserialize(body.get("error").unwrap_or(body)).ok()?;
                Self::of_fields(fields, body.get("error").is_some())
            }
            _ => None,
        }
    }

    fn of_fields(fields: Fields, named: bool) -> Option<Self> {
        let text = fields.message.or(fields.upper);
        if text.is_none() && !named {
            return None;
        }
        let details = fields.details.as_ref().and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let reasons = details.iter().filter_map(|detail| detail.get("reason"));
        let codes = [&fields.code, &fields.r#type, &fields.status].into_iter().flatten().chain(reasons);
        let codes = codes.filter_map(Value::as_str).map(str::to_owned).collect();
        let delay = details.iter().find_map(|detail| detail.get("retryDelay")?.as_str()?.strip_suffix('s'));
        let retry_after = delay.and_then(|seconds| Duration::try_from_secs_f64(seconds.parse().ok()?).ok());
        Some(Self { text: text.unwrap_or_default(), codes, retry_after })
    }

    pub(crate) fn has_code(&self, wanted: &str) -> bool {
        self.codes.iter().any(|code| code == wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_vendors_write() {
        for (body, text, code) in [
            (
                r#"{"error":{"message":"used up","type":"x","code":"insufficient_quota"}}"#,
                "used up",
                "insufficient_quota",
            ),
            (
                r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
                "Overloaded",
                "overloaded_error",
            ),
            (
                r#"{"error":{"code":400,"message":"API key not valid","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}"#,
                "API key not valid",
                "API_KEY_INVALID",
            ),
            (r#"[{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}]"#, "busy", "UNAVAILABLE"),
        ] {
            let failure = VendorFailure::read(body.as_bytes()).unwrap();
            assert_eq!(failure.text, text);
            assert!(failure.has_code(code), "{failure:?}");
        }
        assert_eq!(VendorFailure::read(br#"{"error":"model not found"}"#).unwrap().text, "model not found");
        assert_eq!(VendorFailure::read(br#"{"message":"Too many tokens"}"#).unwrap().text, "Too many tokens");
        assert_eq!(VendorFailure::read(br#"{"Message":"denied"}"#).unwrap().text, "denied");
        for other in ["<html>", "{}", "[]", r#"{"choices":[]}"#, "7"] {
            assert_eq!(VendorFailure::read(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn reads_googles_wait() {
        let body = br#"{"error":{"code":429,"message":"slow down","details":[{"retryDelay":"17.5s"}]}}"#;
        assert_eq!(VendorFailure::read(body).unwrap().retry_after, Some(Duration::from_millis(17_500)));
    }
}
