//! Plain and streamed answers: a stream is a row of them, a line each.

use std::ops::ControlFlow;

use arena_model::Usage;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::framing::Event;
use crate::wire::{Count, Draft, NoReply, Said, Stop, Taken, VendorFailure, call_id, null_is_none};

#[derive(Deserialize)]
struct Answer {
    message: Option<Message>,
    #[serde(default)]
    done: bool,
    done_reason: Option<String>,
    #[serde(default)]
    prompt_eval_count: Count,
    #[serde(default)]
    eval_count: Count,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default, deserialize_with = "null_is_none")]
    content: String,
    #[serde(default, deserialize_with = "null_is_none")]
    tool_calls: Vec<Call>,
}

#[derive(Deserialize)]
struct Call {
    function: Function,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    arguments: Option<Value>,
}

/// Reads a plain answer.
pub(super) fn read(body: &[u8]) -> Result<Said, NoReply> {
    let mut draft = Draft::default();
    if add(body, &mut draft)? {
        return Ok(draft.into_said());
    }
    Err(NoReply::Bad("it is not done".to_owned()))
}

/// Takes one event.
pub(super) fn take(event: Event<'_>, draft: &mut Draft) -> Taken {
    match add(event.data, draft) {
        Ok(false) => ControlFlow::Continue(()),
        Ok(true) => ControlFlow::Break(Stop::Done),
        Err(error) => ControlFlow::Break(Stop::Failed(error)),
    }
}

/// Adds an answer; true if it is the last.
fn add(data: &[u8], draft: &mut Draft) -> Result<bool, NoReply> {
    let answer: Answer = serde_json::from_slice(data).map_err(|error| NoReply::Bad(error.to_string()))?;
    if let Some(error) = answer.error {
        return Err(NoReply::Error(VendorFailure::of_value(&json!({ "error": error })).unwrap_or_default()));
    }
    let Some(message) = answer.message else { return Err(NoReply::Bad("it has no message".to_owned())) };
    draft.add_text(&message.content);
    for Call { function: Function { name, arguments } } in message.tool_calls {
        let index = draft.calls();
        let arguments = arguments.unwrap_or_else(|| json!({})).to_string();
        draft.add_call(index as u32, &call_id(index, &name), &name, &arguments);
    }
    if !answer.done {
        return Ok(false);
    }
    let tokens = match (answer.prompt_eval_count, answer.eval_count) {
        (Count::Unsaid, Count::Unsaid) => None,
        // A prompt that is in the server's memory already is not counted.
        (input, output) => input.or(0).zip(output.or(0)),
    };
    draft.usage = tokens.map(|(input, output)| Usage { input, output, ..Usage::default() });
    let word = answer.done_reason.unwrap_or_else(|| "stop".to_owned());
    draft.finish = Some(if word == "stop" && draft.calls() > 0 { "tool-calls".to_owned() } else { word });
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_plain_answer() {
        let said = read(
            br#"{"model":"m","message":{"role":"assistant","content":"hi","tool_calls":[{"function":{"name":"f",
            "arguments":{"x":1}}}]},"done":true,"done_reason":"stop","prompt_eval_count":9,"eval_count":2}"#,
        )
        .unwrap();
        assert_eq!((said.text.as_str(), said.finish.as_deref()), ("hi", Some("tool-calls")));
        assert_eq!((said.tool_calls[0].id.as_str(), &said.tool_calls[0].arguments), ("call_0_f", &json!({"x": 1})));
        assert_eq!(said.usage, Some(Usage { input: 9, output: 2, ..Usage::default() }));
        assert!(matches!(read(br#"{"error":"model not found"}"#), Err(NoReply::Error(_))));
        assert!(matches!(read(br#"{"message":{"content":"h"},"done":false}"#), Err(NoReply::Bad(_))));
    }

    #[test]
    fn null_counts_as_not_said() {
        let said = read(br#"{"message":{"content":null,"tool_calls":null},"done":true,"done_reason":"stop"}"#).unwrap();
        assert_eq!((said.text.as_str(), said.tool_calls.len(), said.usage), ("", 0, None));
    }

    #[test]
    fn joins_a_stream() {
        let mut draft = Draft::default();
        let mut feed = |data: &str| take(Event { name: "", data: data.as_bytes(), failed: false }, &mut draft);
        assert!(feed(r#"{"message":{"role":"assistant","content":"h"},"done":false}"#).is_continue());
        assert!(feed(r#"{"message":{"role":"assistant","content":"i"},"done":false}"#).is_continue());
        let end = r#"{"message":{"role":"assistant","content":""},"done":true,"done_reason":"length"}"#;
        assert!(matches!(feed(end), ControlFlow::Break(Stop::Done)));
        let said = draft.into_said();
        assert_eq!((said.text.as_str(), said.finish.as_deref(), said.usage), ("hi", Some("length"), None));
    }
}
