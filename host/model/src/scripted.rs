//! Results that are written down for the calls of a tool, by turn, by number of the call, by arguments. Read from a
//! mock file and from a tool in one way, so that an entry may be moved from one to the other.

use serde_json::{Map, Value};

const KEYS: [&str; 5] = ["call_args", "turn", "call", "result", "error"];

/// A call of a tool.
#[derive(Clone, Copy, Debug)]
pub struct ScriptedCall<'a> {
    /// Scenario id.
    pub scenario: &'a str,
    /// Name of the tool.
    pub tool: &'a str,
    /// A JSON object, if the model keeps to the form.
    pub arguments: &'a Value,
    /// How often the user has spoken in the conversation.
    pub turn: u32,
    /// Number of this call among those of the tool in the conversation, from 1.
    pub call: u32,
}

/// What a tool answers; the first entry that fits a call counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScriptedResults(Vec<ScriptedResult>);

#[derive(Clone, Debug, PartialEq)]
struct ScriptedResult {
    arguments: Map<String, Value>,
    turn: Option<u32>,
    call: Option<u32>,
    answer: Result<Value, String>,
}

impl ScriptedResults {
    /// Reads one more entry. The error says what is wrong, for a caller who knows the place.
    pub fn push(&mut self, entry: &Value) -> Result<(), String> {
        if self.0.last().is_some_and(ScriptedResult::always) {
            return Err("never answers: the entry before it fits every call".to_owned());
        }
        let map = entry.as_object().ok_or("must be a mapping")?;
        if let Some(key) = map.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(format!("unknown key `{key}`; known keys: {}", KEYS.join(", ")));
        }
        let arguments = match map.get("call_args") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(arguments)) => arguments.clone(),
            Some(_) => return Err("`call_args` must be a mapping of arguments to values".to_owned()),
        };
        let number = |key: &str| match map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                let number = value.as_u64().and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0);
                number.map(Some).ok_or_else(|| format!("`{key}` must be a number from 1"))
            }
        };
        let answer = match (map.get("result"), map.get("error").filter(|error| !error.is_null())) {
            (Some(result), None) => Ok(result.clone()),
            (None, Some(error)) => Err(failure(error)?),
            (Some(_), Some(_)) => return Err("has both `result` and `error`".to_owned()),
            (None, None) => return Err("needs `result` or `error`".to_owned()),
        };
        self.0.push(ScriptedResult { arguments, turn: number("turn")?, call: number("call")?, answer });
        Ok(())
    }

    /// The answer to a call: a result, or why the call fails. None if no entry fits.
    pub fn answer(&self, call: &ScriptedCall<'_>) -> Option<&Result<Value, String>> {
        self.0.iter().find(|entry| entry.fits(call)).map(|entry| &entry.answer)
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl ScriptedResult {
    fn always(&self) -> bool {
        self.arguments.is_empty() && self.turn.is_none() && self.call.is_none()
    }

    /// Whether all that the entry says of a call is so. A call may have more arguments.
    fn fits(&self, call: &ScriptedCall<'_>) -> bool {
        let argument = |(name, value): (&String, &Value)| call.arguments.get(name).is_some_and(|it| equal(it, value));
        self.turn.is_none_or(|turn| turn == call.turn)
            && self.call.is_none_or(|number| number == call.call)
            && self.arguments.iter().all(argument)
    }
}

/// `{type, message}` in one sentence.
fn failure(error: &Value) -> Result<String, String> {
    let wrong = || "`error` must be a mapping of `type` and `message`, texts".to_owned();
    let map = error.as_object().ok_or_else(wrong)?;
    if let Some(key) = map.keys().find(|key| !["type", "message"].contains(&key.as_str())) {
        return Err(format!("`error`: unknown key `{key}`; known keys: type, message"));
    }
    let text = |key: &str| map.get(key).and_then(Value::as_str);
    match (text("type"), text("message")) {
        (Some(kind), Some(message)) => Ok(format!("{kind}: {message}")),
        (None, Some(message)) if !map.contains_key("type") => Ok(message.to_owned()),
        _ => Err(wrong()),
    }
}

/// Equal as JSON has it: 5 is 5.0.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|other| equal(value, other)))
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn results(entries: Value) -> Result<ScriptedResults, String> {
        let mut results = ScriptedResults::default();
        entries.as_array().unwrap().iter().try_for_each(|entry| results.push(entry))?;
        Ok(results)
    }

    #[test]
    fn the_first_entry_that_fits_in_all_it_says_answers() {
        let results = results(json!([
            {"call_args": {"id": 1, "in": {"a": [2]}}, "result": "by arguments"},
            {"turn": 2, "call": 3, "result": "by both"},
            {"turn": 2, "result": null},
            {"call": 2, "error": {"type": "Busy", "message": "come again"}},
            {"call": 4, "error": {"message": "gone"}},
        ]))
        .unwrap();
        let answer = |arguments: Value, turn, call| {
            results.answer(&ScriptedCall { scenario: "s", tool: "t", arguments: &arguments, turn, call }).cloned()
        };
        assert_eq!(answer(json!({"id": 1.0, "in": {"a": [2]}, "more": 1}), 2, 3), Some(Ok(json!("by arguments"))));
        assert_eq!(answer(json!({"id": 1, "in": {"a": [2, 3]}}), 2, 3), Some(Ok(json!("by both"))));
        assert_eq!(answer(json!({}), 2, 1), Some(Ok(Value::Null)));
        assert_eq!(answer(Value::Null, 1, 2), Some(Err("Busy: come again".to_owned())));
        assert_eq!(answer(json!({}), 1, 4), Some(Err("gone".to_owned())));
        assert_eq!(answer(json!({}), 1, 1), None);
    }

    #[test]
    fn an_entry_that_is_wrong_or_never_answers_is_refused() {
        for (entries, part) in [
            (json!([1]), "must be a mapping"),
            (json!([{"trun": 1, "result": 1}]), "unknown key `trun`"),
            (json!([{"call_args": [], "result": 1}]), "`call_args` must be"),
            (json!([{"turn": 0, "result": 1}]), "`turn` must be a number from 1"),
            (json!([{"call": "1", "result": 1}]), "`call` must be a number from 1"),
            (json!([{"turn": 1}]), "needs `result` or `error`"),
            (json!([{"result": 1, "error": {"message": "x"}}]), "both"),
            (json!([{"error": {"type": 1, "message": "x"}}]), "texts"),
            (json!([{"error": {"mesage": "x"}}]), "unknown key `mesage`"),
            (json!([{"result": 1}, {"turn": 2, "result": 2}]), "never answers"),
        ] {
            let error = results(entries).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
