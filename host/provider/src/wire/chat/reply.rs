//! A plain answer, and the pieces plain and streamed answers share.

use arena_model::Usage;
use serde::Deserialize;
use serde_json::Value;

use crate::wire::draft::said;
use crate::wire::{Count, NoReply, Said, VendorFailure, null_is_none, tool_call};

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub(super) struct WireUsage {
    prompt_tokens: Count,
    completion_tokens: Count,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
struct PromptDetails {
    cached_tokens: Count,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
struct CompletionDetails {
    reasoning_tokens: Count,
}

impl WireUsage {
    /// In our words; none if one of the counts is unknown.
    pub(super) fn usage(self) -> Option<Usage> {
        let cached = self.prompt_tokens_details.unwrap_or_default().cached_tokens.or(0)?;
        let reasoning = self.completion_tokens_details.unwrap_or_default().reasoning_tokens.or(0)?;
        if self.prompt_tokens == Count::default() && self.completion_tokens == Count::default() {
            return None;
        }
        let (input, output) = (self.prompt_tokens.or(0)?, self.completion_tokens.or(0)?);
        Some(Usage { input, output, cached, reasoning, cache_write: 0 })
    }
}

#[derive(Deserialize)]
struct Completion {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<WireUsage>,
    error: Option<Value>,
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
    #[serde(default, deserialize_with = "null_is_none")]
    id: String,
    function: WireFunction,
}

#[derive(Deserialize)]
struct WireFunction {
    name: String,
    #[serde(default, deserialize_with = "null_is_none")]
    arguments: String,
}

/// What gateways say of an answer that they could not bring to its end.
pub(super) const FAILED: &str = "error";

/// Reads a plain answer.
pub(super) fn read(body: &[u8]) -> Result<Said, NoReply> {
    let completion: Completion = serde_json::from_slice(body).map_err(|error| NoReply::Bad(error.to_string()))?;
    if let Some(error) = completion.error {
        return Err(NoReply::Error(failure(error)));
    }
    let choice = completion.choices.into_iter().next();
    let choice = choice.ok_or_else(|| NoReply::Bad("it has no choices".to_owned()))?;
    if choice.finish_reason.as_deref() == Some(FAILED) {
        return Err(NoReply::Error(VendorFailure::of("the model stopped with an error")));
    }
    let calls = choice.message.tool_calls.unwrap_or_default().into_iter();
    let calls = calls.map(|call| tool_call(call.id, call.function.name, &call.function.arguments));
    let tool_calls = calls.collect();
    let finish = choice.finish_reason.filter(|word| !word.is_empty()).map(finish);
    Ok(said(
        choice.message.content.unwrap_or_default(),
        choice.message.refusal,
        tool_calls,
        completion.usage.and_then(WireUsage::usage),
        finish,
    ))
}

/// The error that an answer holds.
pub(super) fn failure(error: Value) -> VendorFailure {
    VendorFailure::of_value(&serde_json::json!({ "error": error })).unwrap_or_default()
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
    use serde_json::json;

    #[test]
    fn reads_text_usage_and_finish() {
        let body = br#"{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"hi","refusal":null},
            "finish_reason":"length"}],"usage":{"prompt_tokens":12,"completion_tokens":5,"total_tokens":17,
            "prompt_tokens_details":{"cached_tokens":8}}}"#;
        let said = read(body).unwrap();
        assert_eq!((said.text.as_str(), said.finish.as_deref()), ("hi", Some("length")));
        assert_eq!(said.usage, Some(Usage { input: 12, output: 5, cached: 8, ..Usage::default() }));
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
    fn what_a_gateway_leaves_out_or_writes_as_null_does_not_spoil_an_answer() {
        let call = json!({"id": null, "type": "function", "function": {"name": "f", "arguments": null}});
        let other = json!({"function": {"name": "g", "arguments": "{\"x\":1}"}});
        let usage = json!({"prompt_tokens": 3, "completion_tokens": null, "prompt_tokens_details": null});
        let message = json!({"content": null, "tool_calls": [call, other]});
        let body = json!({"choices": [{"message": message, "finish_reason": "tool_calls"}], "usage": usage});
        let said = read(body.to_string().as_bytes()).unwrap();
        let calls: Vec<(&str, Value)> =
            said.tool_calls.iter().map(|it| (it.id.as_str(), it.arguments.clone())).collect();
        assert_eq!(calls, [("call_0_f", json!({})), ("call_1_g", json!({"x": 1}))]);
        assert_eq!(said.usage, Some(Usage { input: 3, ..Usage::default() }));
    }

    #[test]
    fn a_count_that_is_none_spoils_the_usage_and_not_the_answer() {
        let message = json!({"content": "hi"});
        let usage = |usage: Value| {
            let body = json!({"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage});
            let said = read(body.to_string().as_bytes()).unwrap();
            assert_eq!(said.text, "hi");
            said.usage
        };
        let counted = usage(json!({"prompt_tokens": 3.0, "completion_tokens": 2}));
        assert_eq!(counted, Some(Usage { input: 3, output: 2, ..Usage::default() }));
        assert_eq!(usage(json!({"prompt_tokens": 3.5, "completion_tokens": 2})), None);
        assert_eq!(usage(json!({"prompt_tokens": 3, "completion_tokens": -2})), None);
        assert_eq!(usage(json!({"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": -1}})), None);
    }

    #[test]
    fn other_bodies_are_no_reply() {
        assert!(matches!(read(b"<html>"), Err(NoReply::Bad(_))));
        assert!(matches!(read(br#"{"choices":[]}"#), Err(NoReply::Bad(_))));
        let error = read(br#"{"error":{"message":"boom","code":500}}"#);
        assert!(matches!(error, Err(NoReply::Error(error)) if error.text == "boom"));
        assert!(matches!(read(br#"{"error":"boom"}"#), Err(NoReply::Error(error)) if error.text == "boom"));
    }
}
