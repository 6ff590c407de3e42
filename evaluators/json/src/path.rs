//! JMESPath queries.

use arena_guest::prelude::*;
use serde_json::Value;

use crate::{SHOWN, cut, find};

/// Params of `json_path`.
#[derive(Deserialize, Params)]
#[params(preflight = JsonPath::compiles)]
pub struct JsonPath {
    /// JMESPath expression. Without any of the constraints below it is enough that the query runs.
    #[serde(alias = "jmespath_expression")]
    expression: String,
    /// What the result must equal; a number is not its text.
    #[serde(default, deserialize_with = "arena_guest::nullable")]
    expected: Option<Value>,
    /// Elements a resulting list must hold, or texts a resulting text must contain.
    contains: Option<Vec<Value>>,
    /// Least number the result may be.
    min: Option<f64>,
    /// Greatest number the result may be.
    max: Option<f64>,
    /// Fewest elements a resulting list may have.
    min_results: Option<usize>,
    /// Most elements a resulting list may have.
    max_results: Option<usize>,
    /// Whether the JSON may stand in a code fence.
    #[serde(default)]
    allow_wrapped: bool,
    /// Whether the JSON may stand in other text.
    #[serde(default)]
    extract_json: bool,
}

impl JsonPath {
    fn compiles(&self) -> Result<(), String> {
        self.compile().map(drop)
    }

    fn compile(&self) -> Result<jmespath::Expression<'static>, String> {
        if self.expression.trim().is_empty() {
            return Err("parameter `expression`: give a JMESPath expression".to_owned());
        }
        jmespath::compile(&self.expression).map_err(|error| {
            let shown = excerpt(&self.expression, SHOWN);
            let text = error.to_string();
            let text = text.lines().next().unwrap_or_default();
            let hint = if self.expression.starts_with('$') { "; JMESPath has no $ in front" } else { "" };
            format!("parameter `expression`: {shown} is not JMESPath: {}{hint}", cut(text))
        })
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        let found = match find(subject, self.allow_wrapped, self.extract_json) {
            Ok(found) => found,
            Err(reason) => return Ok(Verdict::fail(reason)),
        };
        let expression = self.compile().map_err(CheckError::BadParams)?;
        let shown = excerpt(&self.expression, SHOWN);
        let result = match expression.search(&found.value) {
            Ok(result) => serde_json::to_value(&*result).map_err(|error| CheckError::Other(error.to_string()))?,
            Err(error) => {
                let text = error.to_string();
                let reason =
                    format!("{shown} cannot be asked of this JSON: {}", cut(text.lines().next().unwrap_or("")));
                return Ok(found.cite(Verdict::fail(reason), "queried"));
            }
        };
        let verdict = match self.complaint(&result) {
            None => Verdict::pass(format!("{shown} gives {}", cut(&result.to_string()))),
            Some(complaint) => Verdict::fail(format!("{shown} gives {}, {complaint}", cut(&result.to_string()))),
        };
        Ok(found.cite(verdict, "queried"))
    }

    /// The first constraint that `result` does not keep, in words.
    fn complaint(&self, result: &Value) -> Option<String> {
        if let Some(expected) = self.expected.as_ref().filter(|expected| !equal(result, expected)) {
            return Some(format!("not {}", cut(&expected.to_string())));
        }
        if let Some(missing) = self.contains.iter().flatten().find(|wanted| !holds(result, wanted)) {
            return Some(format!("which does not contain {}", cut(&missing.to_string())));
        }
        let number = result.as_f64();
        if let Some(bound) = self.min.filter(|min| number.is_none_or(|number| number < *min)) {
            return Some(format!("not a number of at least {bound}"));
        }
        if let Some(bound) = self.max.filter(|max| number.is_none_or(|number| number > *max)) {
            return Some(format!("not a number of at most {bound}"));
        }
        let results = result.as_array().map(Vec::len);
        if let Some(bound) = self.min_results.filter(|min| results.is_none_or(|count| count < *min)) {
            return Some(format!("not a list of at least {bound}"));
        }
        let bound = self.max_results.filter(|max| results.is_none_or(|count| count > *max))?;
        Some(format!("not a list of at most {bound}"))
    }
}

fn holds(result: &Value, wanted: &Value) -> bool {
    match (result, wanted) {
        (Value::Array(items), _) => items.iter().any(|item| equal(item, wanted)),
        (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
        _ => false,
    }
}

/// Equality with numbers as 64-bit floats: 28 is 28.0.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left == right || left.as_f64() == right.as_f64(),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| equal(value, other)))
        }
        _ => left == right,
    }
}
