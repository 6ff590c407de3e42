//! A plain answer, and the pieces plain and streamed answers share.

use arena_model::{ToolCall, Usage};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::secret::Redactor;

/// What the model said, vendor's wrapping taken off.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Said {
    pub(super) text: String,
    pub(super) tool_calls: Vec<ToolCall>,
    pub(super) usage: Option<WireUsage>,
    pub(super) finish: Option<String>,
}

impl Said {
    /// Cuts credentials out of everything that is kept.
    pub(super) fn redact(&mut self, redactor: &Redactor) {
        redactor.text(&mut self.text);
        self.finish.iter_mut().for_each(|word| redactor.text(word));
        for call in &mut self.tool_calls {
            redactor.text(&mut call.id);
            redactor.text(&mut call.name);
            redactor.json(&mut call.arguments);
        }
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub(super) struct WireUsage {
    prompt_tokens: u64,
    completion_tokens: u64,
    prompt_tokens_details: Option<PromptDetails>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
struct PromptDetails {
    cached_tokens: Option<u64>,
}

impl From<WireUsage> for Usage {
    fn from(wire: WireUsage) -> Self {
        let cached = wire.prompt_tokens_details.and_then(|details| details.cached_tokens).unwrap_or_default();
        Self { input: wire.prompt_tokens, output: wire.completion_tokens, cached }
    }
}

#[derive(Deserialize)]
struct Completion {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<WireUsage>,
    error: Option<WireError>,
}

#[derive(Deserialize)]
struct Choice {
    message: WireMessage,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct WireMessage {
    content: Option<String>,
    refusal: Option<String>,
    tool_calls: Option<Vec<WireCall>>,
}

#[derive(Deserialize)]
struct WireCall {
    #[serde(default)]
    id: String,
    function: WireFunction,
}

#[derive(Deserialize)]
struct WireFunction {
    name: String,
    #[serde(default)]
    arguments: String,
}

/// An error object; some vendors write a bare text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum WireError {
    Object { message: Option<String>, code: Option<Value> },
    Text(String),
}

impl WireError {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Object { message, .. } => message.as_deref().unwrap_or_default(),
            Self::Text(text) => text,
        }
    }

    pub(super) fn has_code(&self, wanted: &str) -> bool {
        matches!(self, Self::Object { code: Some(Value::String(code)), .. } if code == wanted)
    }
}

/// The body of an answer whose status is an error.
#[derive(Deserialize)]
pub(super) struct ErrorBody {
    pub(super) error: WireError,
}

/// Why an answer is none.
#[derive(Debug)]
pub(super) enum NoReply {
    /// It is not in the format.
    Bad(String),
    /// The vendor reports an error in it.
    Error(WireError),
}

/// Reads a plain answer.
pub(super) fn read(body: &[u8]) -> Result<Said, NoReply> {
    let completion: Completion = serde_json::from_slice(body).map_err(|error| NoReply::Bad(error.to_string()))?;
    if let Some(error) = completion.error {
        return Err(NoReply::Error(error));
    }
    let choice = completion.choices.into_iter().next();
    let choice = choice.ok_or_else(|| NoReply::Bad("it has no choices".to_owned()))?;
    let calls = choice.message.tool_calls.unwrap_or_default().into_iter();
    let calls = calls.map(|call| tool_call(call.id, call.function.name, &call.function.arguments));
    let tool_calls = calls.collect();
    let finish = choice.finish_reason.map(finish);
    Ok(said(choice.message.content.unwrap_or_default(), choice.message.refusal, tool_calls, completion.usage, finish))
}

/// Puts a reply together. A refusal takes the place of a missing text and is the reason why the model stopped.
pub(super) fn said(
    text: String,
    refusal: Option<String>,
    tool_calls: Vec<ToolCall>,
    usage: Option<WireUsage>,
    finish: Option<String>,
) -> Said {
    match refusal {
        Some(refusal) if text.is_empty() && !refusal.is_empty() => {
            Said { text: refusal, tool_calls, usage, finish: Some("refusal".to_owned()) }
        }
        _ => Said { text, tool_calls, usage, finish },
    }
}

/// The arguments as JSON. What is no JSON stays a text: it is the model's mistake, to be judged like any other.
pub(super) fn tool_call(id: String, name: String, arguments: &str) -> ToolCall {
    let arguments = match arguments.trim() {
        "" => json!({}),
        text => serde_json::from_str(text).unwrap_or_else(|_| Value::String(arguments.to_owned())),
    };
    ToolCall { id, name, arguments }
}

/// The vendor's word for why the model stopped, in ours.
pub(super) fn finish(word: String) -> String {
    match word.as_str() {
        "tool_calls" | "function_call" => "tool-calls".to_owned(),
        "content_filter" => "content-filter".to_owned(),
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_text_usage_and_finish() {
        let body = br#"{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"hi","refusal":null},
            "finish_reason":"length"}],"usage":{"prompt_tokens":12,"completion_tokens":5,"total_tokens":17,
            "prompt_tokens_details":{"cached_tokens":8}}}"#;
        let said = read(body).unwrap();
        assert_eq!((said.text.as_str(), said.finish.as_deref()), ("hi", Some("length")));
        assert_eq!(said.usage.map(Usage::from), Some(Usage { input: 12, output: 5, cached: 8 }));
    }

    #[test]
    fn reads_tool_calls() {
        let body = br#"{"choices":[{"message":{"content":null,"tool_calls":[
            {"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},
            {"id":"b","type":"function","function":{"name":"g","arguments":""}},
            {"id":"c","type":"function","function":{"name":"h","arguments":"{oops"}}]},"finish_reason":"tool_calls"}]}"#;
        let said = read(body).unwrap();
        let arguments: Vec<_> = said.tool_calls.iter().map(|call| call.arguments.clone()).collect();
        assert_eq!(arguments, [json!({"x": 1}), json!({}), json!("{oops")]);
        assert_eq!((said.finish.as_deref(), said.usage), (Some("tool-calls"), None));
    }

    #[test]
    fn a_refusal_is_a_reply() {
        let said =
            read(br#"{"choices":[{"message":{"content":null,"refusal":"no"},"finish_reason":"stop"}]}"#).unwrap();
        assert_eq!((said.text.as_str(), said.finish.as_deref()), ("no", Some("refusal")));
    }

    #[test]
    fn other_bodies_are_no_reply() {
        assert!(matches!(read(b"<html>"), Err(NoReply::Bad(_))));
        assert!(matches!(read(br#"{"choices":[]}"#), Err(NoReply::Bad(_))));
        let error = read(br#"{"error":{"message":"boom","code":500}}"#);
        assert!(matches!(error, Err(NoReply::Error(error)) if error.text() == "boom"));
        assert!(matches!(read(br#"{"error":"boom"}"#), Err(NoReply::Error(error)) if error.text() == "boom"));
    }
}
