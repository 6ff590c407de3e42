//! JSON Schema.

use arena_guest::prelude::*;
use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;

use crate::{cut, find};

/// Most violations a reason names.
const LISTED: usize = 5;

/// Most memory a compiled `pattern` may take, in bytes. Matching takes time linear in the text.
const PATTERN_LIMIT: usize = 1 << 20;

/// Params of `json_schema`.
#[derive(Deserialize, Params)]
#[params(preflight = JsonSchema::compiles)]
pub struct JsonSchema {
    /// JSON Schema, draft-04 to 2020-12. References to other documents are not followed.
    schema: Value,
    /// Whether the JSON may stand in a code fence.
    #[serde(default)]
    allow_wrapped: bool,
    /// Whether the JSON may stand in other text.
    #[serde(default)]
    extract_json: bool,
}

impl JsonSchema {
    fn compiles(&self) -> Result<(), String> {
        self.compile().map(drop)
    }

    fn compile(&self) -> Result<Validator, String> {
        let mut schema = self.schema.clone();
        if !schema.is_object() && !schema.is_boolean() {
            return Err("parameter `schema`: must be an object".to_owned());
        }
        let patterns = PatternOptions::regex().size_limit(PATTERN_LIMIT).dfa_size_limit(PATTERN_LIMIT);
        let mut options = jsonschema::options().offline().with_pattern_options(patterns);
        match schema.get_mut("$schema") {
            // The early drafts' names begin with http; many write https.
            Some(Value::String(draft)) if draft.starts_with("https://json-schema.org/draft-0") => {
                draft.replace_range(.."https".len(), "http");
            }
            Some(_) => {}
            None => options = options.with_draft(Draft::Draft7),
        }
        options.build(&schema).map_err(|error| {
            let place = error.instance_path().as_str();
            let place = if place.is_empty() { "the schema" } else { place };
            format!("parameter `schema`: not a usable JSON Schema: {} (at {place})", cut(&error.to_string()))
        })
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        let found = match find(subject, self.allow_wrapped, self.extract_json) {
            Ok(found) => found,
            Err(reason) => return Ok(Verdict::fail(reason)),
        };
        let validator = self.compile().map_err(CheckError::BadParams)?;
        let mut errors = validator.iter_errors(&found.value).peekable();
        if errors.peek().is_none() {
            return Ok(found.cite(Verdict::pass("the JSON satisfies the schema"), "satisfies the schema"));
        }
        let mut shown = Vec::new();
        for error in errors.by_ref().take(LISTED) {
            let place = error.instance_path().as_str();
            let place = if place.is_empty() { "/" } else { place };
            shown.push(format!("{} at {}", cut(&error.to_string()), cut(place)));
        }
        let more = if errors.next().is_some() { "; and more" } else { "" };
        let verdict = Verdict::fail(format!("the JSON violates the schema: {}{more}", shown.join("; ")));
        Ok(found.cite(verdict, "violates the schema"))
    }
}
