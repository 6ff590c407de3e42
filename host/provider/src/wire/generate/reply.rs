//! Plain and streamed answers: a stream is a row of whole ones.

use std::ops::ControlFlow;

use arena_model::Usage;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::framing::Event;
use crate::wire::{Count, Draft, NoReply, Said, Stop, Taken, VendorFailure, call_id};

/// Longest signature of a call's thoughts.
const SIGNATURE_BYTES: usize = 64 << 10;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    candidates: Vec<Candidate>,
    usage_metadata: Option<WireUsage>,
    prompt_feedback: Option<Feedback>,
    error: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    content: Option<Content>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    parts: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    text: Option<String>,
    /// The text is what the model thinks, not what it says.
    #[serde(default)]
    thought: bool,
    function_call: Option<FunctionCall>,
    thought_signature: Option<String>,
}

#[derive(Deserialize)]
struct FunctionCall {
    id: Option<String>,
    name: String,
    args: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    block_reason: Option<String>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WireUsage {
    prompt_token_count: Count,
    candidates_token_count: Count,
    cached_content_token_count: Count,
    thoughts_token_count: Count,
    tool_use_prompt_token_count: Count,
}

impl WireUsage {
    /// In our words; none if one of the counts is unknown.
    fn usage(self) -> Option<Usage> {
        let reasoning = self.thoughts_token_count.or(0)?;
        Some(Usage {
            input: self.prompt_token_count.or(0)?.saturating_add(self.tool_use_prompt_token_count.or(0)?),
            // Here thoughts are counted apart from the answer; both are paid for alike.
            output: self.candidates_token_count.or(0)?.saturating_add(reasoning),
            cached: self.cached_content_token_count.or(0)?,
            reasoning,
            cache_write: 0,
        })
    }
}

/// Reads a plain answer.
pub(super) fn read(body: &[u8]) -> Result<Said, NoReply> {
    let mut draft = Draft::default();
    add(body, &mut draft)?;
    if draft.finish.is_none() {
        return Err(NoReply::Bad("it has no candidate that the model has finished".to_owned()));
    }
    Ok(draft.into_said())
}

/// Takes one event.
pub(super) fn take(event: Event<'_>, draft: &mut Draft) -> Taken {
    if event.failed {
        let text = || VendorFailure::of(String::from_utf8_lossy(event.data));
        let failure = VendorFailure::read(event.data).unwrap_or_else(text);
        return ControlFlow::Break(Stop::Failed(NoReply::Error(failure)));
    }
    match add(event.data, draft) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(Stop::Failed(error)),
    }
}

fn add(data: &[u8], draft: &mut Draft) -> Result<(), NoReply> {
    let answer: Answer = serde_json::from_slice(data).map_err(|error| NoReply::Bad(error.to_string()))?;
    if let Some(error) = answer.error {
        return Err(NoReply::Error(VendorFailure::of_value(&json!({ "error": error })).unwrap_or_default()));
    }
    if let Some(usage) = answer.usage_metadata {
        draft.usage = usage.usage();
    }
    if answer.prompt_feedback.is_some_and(|feedback| feedback.block_reason.is_some()) {
        draft.finish = Some("content-filter".to_owned());
    }
    let Some(candidate) = answer.candidates.into_iter().next() else { return Ok(()) };
    for part in candidate.content.map(|content| content.parts).unwrap_or_default() {
        if let Some(text) = part.text.filter(|_| !part.thought) {
            draft.add_text(&text);
        }
        if let Some(FunctionCall { id, name, args }) = part.function_call {
            let index = draft.calls();
            let id = id.unwrap_or_else(|| call_id(index, &name));
            let arguments = args.unwrap_or_else(|| json!({})).to_string();
            draft.add_call(index as u32, &id, &name, &arguments);
            if part.thought_signature.as_ref().is_some_and(|signature| signature.len() > SIGNATURE_BYTES) {
                return Err(NoReply::Bad(format!("a signature of more than {SIGNATURE_BYTES} bytes")));
            }
            draft.sign(index as u32, part.thought_signature);
        }
    }
    if let Some(word @ ("OTHER" | "LANGUAGE" | "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL")) =
        candidate.finish_reason.as_deref()
    {
        return Err(NoReply::Error(VendorFailure::of(format!("the model stopped with {word}"))));
    }
    if let Some(word) = candidate.finish_reason {
        draft.finish = Some(finish(&word, draft.calls()));
    }
    Ok(())
}

/// The vendor's word for why the model stopped, in ours.
fn finish(word: &str, calls: usize) -> String {
    match word {
        "STOP" if calls > 0 => "tool-calls".to_owned(),
        "STOP" => "stop".to_owned(),
        "MAX_TOKENS" => "length".to_owned(),
        "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "IMAGE_SAFETY" => {
            "content-filter".to_owned()
        }
        other => other.to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use arena_model::ToolCall;

    use super::*;

    #[test]
    fn reads_a_plain_answer() {
        let said = read(
            br#"{"candidates":[{"content":{"role":"model","parts":[{"text":"hm","thought":true},{"text":"hi"},
            {"functionCall":{"name":"f","args":{"x":1}},"thoughtSignature":"c2ln"}]},"finishReason":"STOP"}],"usageMetadata":
            {"promptTokenCount":9,"candidatesTokenCount":2,"thoughtsTokenCount":3,"cachedContentTokenCount":4}}"#,
        )
        .unwrap();
        assert_eq!((said.text.as_str(), said.finish.as_deref()), ("hi", Some("tool-calls")));
        let call = ToolCall { signature: Some("c2ln".into()), ..ToolCall::new("call_0_f", "f", json!({"x": 1})) };
        assert_eq!(said.tool_calls, [call]);
        assert_eq!(said.usage, Some(Usage { input: 9, output: 5, cached: 4, reasoning: 3, cache_write: 0 }));
    }

    #[test]
    fn signatures_have_a_limit() {
        let answer = |bytes: usize| {
            let part = json!({"functionCall": {"name": "f"}, "thoughtSignature": "x".repeat(bytes)});
            let body = json!({"candidates": [{"content": {"parts": [part]}, "finishReason": "STOP"}]});
            read(body.to_string().as_bytes())
        };
        assert_eq!(answer(SIGNATURE_BYTES).unwrap().tool_calls[0].signature.as_ref().unwrap().len(), SIGNATURE_BYTES);
        assert!(matches!(answer(SIGNATURE_BYTES + 1), Err(NoReply::Bad(text)) if text.contains("signature")));
    }

    #[test]
    fn what_is_blocked_says_so_and_what_is_nothing_is_no_reply() {
        let blocked = read(br#"{"promptFeedback":{"blockReason":"SAFETY"}}"#).unwrap();
        assert_eq!(blocked.finish.as_deref(), Some("content-filter"));
        assert!(matches!(read(b"{}"), Err(NoReply::Bad(_))));
        assert!(matches!(read(br#"{"error":{"code":500,"message":"x"}}"#), Err(NoReply::Error(_))));
    }

    #[test]
    fn joins_a_stream() {
        let mut draft = Draft::default();
        for data in [
            r#"{"candidates":[{"content":{"parts":[{"text":"h"}]}}]}"#,
            r#"{"candidates":[{"content":{"parts":[{"text":"i"}]},"finishReason":"MAX_TOKENS"}],"usageMetadata":{"promptTokenCount":1}}"#,
        ] {
            assert!(take(Event { name: "", data: data.as_bytes(), failed: false }, &mut draft).is_continue());
        }
        let said = draft.into_said();
        assert_eq!((said.text.as_str(), said.finish.as_deref()), ("hi", Some("length")));
    }
}
