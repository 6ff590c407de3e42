//! Checks on JSON in the last reply: takes a conversation and a schema or query, gives verdicts that name the place.
//! Never fetches a schema, never repairs JSON.
//!
//! Names, params and quirks are PromptArena's: paths are JMESPath, numbers compare as 64-bit floats, `allow_wrapped`
//! unwraps the first code fence, `extract_json` takes the first object out of prose, else the first array.

mod extract;
mod path;
mod schema;

use arena_guest::prelude::*;

use extract::find;
use path::JsonPath;
use schema::JsonSchema;

/// Longest stretch of a value, message or expression that is shown in a reason, in characters.
const SHOWN: usize = 120;

/// Params of `json_valid`.
#[derive(Deserialize, Params)]
struct JsonValid {
    /// Whether the JSON may stand in a code fence.
    #[serde(default)]
    allow_wrapped: bool,
    /// Whether the JSON may stand in other text.
    #[serde(default)]
    extract_json: bool,
}

/// Checks on JSON in the reply: syntax, schema, queries.
#[evaluator(name = "json")]
mod checks {
    use super::*;

    /// Passes when the last reply is JSON.
    #[check(name = "json_valid", aliases = ["is_valid_json", "valid_json"], input = "reply")]
    fn json_valid(subject: &Subject<'_>, params: JsonValid) -> Result<Verdict, CheckError> {
        Ok(match find(subject, params.allow_wrapped, params.extract_json) {
            Ok(found) => found.cite(Verdict::pass("the reply is JSON"), "the JSON"),
            Err(reason) => Verdict::fail(reason),
        })
    }

    /// Passes when the JSON of the last reply satisfies the JSON Schema (draft-07 unless `$schema` says otherwise).
    #[check(name = "json_schema", input = "reply")]
    fn json_schema(subject: &Subject<'_>, params: JsonSchema) -> Result<Verdict, CheckError> {
        params.judge(subject)
    }

    /// Passes when a JMESPath query on the JSON of the last reply gives what is asked for.
    #[check(name = "json_path", input = "reply")]
    fn json_path(subject: &Subject<'_>, params: JsonPath) -> Result<Verdict, CheckError> {
        params.judge(subject)
    }
}

/// `text`, cut to what a reason can show.
fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
