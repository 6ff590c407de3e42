//! Params: from JSON to the author's struct, and from the struct to a JSON Schema, the latter at compile time.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::CheckError;

/// A type that can stand in params. Derive [`Params`](derive@crate::Params) to get it for structs and enums.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no JSON Schema",
    note = "params may hold String, bool, integers, f64, Option, Vec, BTreeMap<String, _>, serde_json::Value and types that derive Params"
)]
pub trait Schema {
    /// The schema's keywords without the outer braces: `"type":"string"`.
    const KEYWORDS: &'static str;
}

/// The params of a check: what they look like and whether they make sense.
pub trait Params: Schema + DeserializeOwned {
    /// JSON Schema of the params, an object.
    const SCHEMA: &'static str;

    /// What the schema cannot say, e.g. that a list is not empty. Called before anything is spent and again before
    /// each evaluation. The derive calls the function named in `#[params(validate = path)]`.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    /// What is too dear to repeat before each evaluation, e.g. whether a regular expression compiles. Called before
    /// anything is spent, after [`check`](Self::check); the check itself must report the same error when it gets
    /// there. The derive calls the function named in `#[params(preflight = path)]`.
    fn preflight(&self) -> Result<(), String> {
        Ok(())
    }
}

macro_rules! schema {
    ($($keywords:literal: $($type:ty),+;)+) => {
        $($(impl Schema for $type { const KEYWORDS: &'static str = $keywords; })+)+
    };
}

schema! {
    r#""type":"string""#: String;
    r#""type":"boolean""#: bool;
    r#""type":"integer""#: i8, i16, i32, i64;
    r#""type":"integer","minimum":0"#: u8, u16, u32, u64, usize;
    r#""type":"number""#: f32, f64;
}

impl<V> Schema for BTreeMap<String, V> {
    const KEYWORDS: &'static str = r#""type":"object""#;
}

/// For a check without params. Whatever is given is ignored.
#[derive(Deserialize)]
pub struct NoParams {}

impl Schema for NoParams {
    const KEYWORDS: &'static str = r#""type":"object""#;
}

impl Params for NoParams {
    const SCHEMA: &'static str = r#"{"type":"object"}"#;
}

/// Parses and checks. The error names the parameter and says what is wrong with it.
pub(crate) fn parse<P: Params>(json: &str) -> Result<P, String> {
    if !json.trim_start().starts_with('{') {
        return Err("params must be a JSON object".to_owned());
    }
    let params: P = serde_json::from_str(json).map_err(|error| explain::<P>(json, &error))?;
    params.check()?;
    Ok(params)
}

/// Parses once more, now with an eye on where it goes wrong: the common case does not pay for that.
fn explain<P: Params>(json: &str, error: &serde_json::Error) -> String {
    let mut source = serde_json::Deserializer::from_str(json);
    let place = serde_path_to_error::deserialize::<_, P>(&mut source).err();
    let place = place.map(|error| error.path().to_string()).filter(|path| path != ".");
    // Line and column are of the host's making: the author wrote YAML.
    let text = error.to_string();
    let text = text.rfind(" at line ").map_or(text.as_str(), |end| &text[..end]);
    let text = crate::wording::plain(text);
    place.map_or_else(|| text.clone(), |path| format!("parameter `{path}`: {text}"))
}

/// Parses, checks and runs.
pub(crate) fn call<P: Params, T>(json: &str, run: impl FnOnce(P) -> Result<T, CheckError>) -> Result<T, CheckError> {
    run(parse(json).map_err(CheckError::BadParams)?)
}

/// For a field in which an explicit null differs from an absent key:
/// `#[serde(default, deserialize_with = "arena_guest::nullable")]` on an `Option<Value>`.
pub fn nullable<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}
