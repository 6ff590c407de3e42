//! Plain and streamed answers.

use std::ops::ControlFlow;

use arena_model::{ToolCall, Usage};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::framing::Event;
use crate::wire::{ANSWER, Count, Draft, NoReply, Said, Stop, Taken, VendorFailure};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    output: Output,
    stop_reason: Option<String>,
    usage: Option<WireUsage>,
}

#[derive(Deserialize)]
struct Output {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Vec<Block>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block {
    text: Option<String>,
    tool_use: Option<ToolUse>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToolUse {
    tool_use_id: String,
    name: String,
    #[serde(default)]
    input: Value,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WireUsage {
    input_tokens: Count,
    output_tokens: Count,
    cache_read_input_tokens: Count,
    cache_write_input_tokens: Count,
}

impl WireUsage {
    /// In our words; none if one of the counts is unknown.
    fn usage(self) -> Option<Usage> {
        let (cached, cache_write) = (self.cache_read_input_tokens.or(0)?, self.cache_write_input_tokens.or(0)?);
        // Here the input is what was neither read from the cache nor written to it.
        let input = self.input_tokens.or(0)?.saturating_add(cached).saturating_add(cache_write);
        Some(Usage { input, output: self.output_tokens.or(0)?, cached, cache_write, reasoning: 0 })
    }
}

/// Reads a plain answer.
pub(super) fn read(body: &[u8]) -> Result<Said, NoReply> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| NoReply::Bad(error.to_string()))?;
    let mut said = Said { usage: answer.usage.and_then(WireUsage::usage), ..Said::default() };
    let mut shaped = false;
    for block in answer.output.message.content {
        said.text.push_str(&block.text.unwrap_or_default());
        match block.tool_use {
            Some(ToolUse { name, input, .. }) if name == ANSWER => (said.text, shaped) = (input.to_string(), true),
            Some(ToolUse { tool_use_id, name, input }) => {
                said.tool_calls.push(ToolCall::new(tool_use_id, name, input));
            }
            None => {}
        }
    }
    said.finish = answer.stop_reason.map(|word| finish(word, shaped));
    Ok(said)
}

/// The vendor's word for why the model stopped, in ours. The call that is a shaped answer is no call.
fn finish(word: String, shaped: bool) -> String {
    let ours = match word.as_str() {
        "end_turn" | "stop_sequence" => "stop",
        "tool_use" if shaped => "stop",
        "tool_use" => "tool-calls",
        "max_tokens" | "model_context_window_exceeded" => "length",
        "guardrail_intervened" | "content_filtered" => "content-filter",
        _ => return word,
    };
    ours.to_owned()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Start {
    content_block_index: u32,
    start: StartOf,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StartOf {
    tool_use: Option<ToolUse>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct More {
    content_block_index: u32,
    delta: Delta,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delta {
    text: Option<String>,
    tool_use: Option<Input>,
}

#[derive(Deserialize)]
struct Input {
    input: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MessageStop {
    stop_reason: String,
}

#[derive(Deserialize)]
struct Metadata {
    usage: Option<WireUsage>,
}

/// Takes one event; its type is the framing's to say.
pub(super) fn take(event: Event<'_>, draft: &mut Draft) -> Taken {
    if event.failed {
        let said = VendorFailure::read(event.data).map(|failure| failure.text);
        let text = said.unwrap_or_else(|| String::from_utf8_lossy(event.data).into_owned());
        let failure = VendorFailure::of(format!("{}: {text}", event.name));
        return ControlFlow::Break(Stop::Failed(NoReply::Error(failure)));
    }
    match event.name {
        "contentBlockStart" => {
            let Start { content_block_index: index, start } = parse(event.data)?;
            match start.tool_use {
                Some(tool) if tool.name == ANSWER => draft.shape(index),
                Some(tool) => draft.add_call(index, &tool.tool_use_id, &tool.name, ""),
                None => {}
            }
        }
        "contentBlockDelta" => {
            let More { content_block_index: index, delta } = parse(event.data)?;
            draft.add_text(&delta.text.unwrap_or_default());
            match delta.tool_use {
                Some(Input { input }) if draft.is_shaped(index) => draft.add_text(&input),
                Some(Input { input }) => draft.add_call(index, "", "", &input),
                None => {}
            }
        }
        "messageStop" => {
            let MessageStop { stop_reason } = parse(event.data)?;
            draft.finish = Some(finish(stop_reason, draft.has_shape()));
        }
        "metadata" => {
            let Metadata { usage } = parse(event.data)?;
            if let Some(usage) = usage {
                draft.usage = usage.usage();
            }
            if draft.is_finished() {
                return ControlFlow::Break(Stop::Done);
            }
        }
        _ => {}
    }
    ControlFlow::Continue(())
}

fn parse<T: DeserializeOwned>(data: &[u8]) -> ControlFlow<Stop, T> {
    match serde_json::from_slice(data) {
        Ok(value) => ControlFlow::Continue(value),
        Err(error) => ControlFlow::Break(NoReply::unreadable(&error)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_a_plain_answer() {
        let said = read(
            br#"{"output":{"message":{"role":"assistant","content":[{"text":"hi"},{"toolUse":{"toolUseId":"t",
            "name":"f","input":{"x":1}}}]}},"stopReason":"tool_use","usage":{"inputTokens":5,"outputTokens":2,
            "totalTokens":7,"cacheReadInputTokens":3}}"#,
        )
        .unwrap();
        assert_eq!((said.text.as_str(), said.finish.as_deref()), ("hi", Some("tool-calls")));
        assert_eq!(said.tool_calls[0].arguments, json!({"x": 1}));
        assert_eq!(said.usage, Some(Usage { input: 8, output: 2, cached: 3, ..Usage::default() }));
        assert!(matches!(read(b"{}"), Err(NoReply::Bad(_))));
    }

    #[test]
    fn joins_a_stream() {
        let mut draft = Draft::default();
        let mut feed = |name: &str, data: &str| take(Event { name, data: data.as_bytes(), failed: false }, &mut draft);
        for (name, data) in [
            ("messageStart", r#"{"role":"assistant"}"#),
            ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"hi"}}"#),
            ("contentBlockStop", r#"{"contentBlockIndex":0}"#),
            ("contentBlockStart", r#"{"contentBlockIndex":1,"start":{"toolUse":{"toolUseId":"t","name":"f"}}}"#),
            ("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"toolUse":{"input":"{\"x\":1}"}}}"#),
            ("messageStop", r#"{"stopReason":"tool_use"}"#),
        ] {
            assert!(feed(name, data).is_continue(), "{name}");
        }
        let end = feed("metadata", r#"{"usage":{"inputTokens":1,"outputTokens":2}}"#);
        assert!(matches!(end, ControlFlow::Break(Stop::Done)));
        let said = draft.into_said();
        assert_eq!((said.text.as_str(), said.finish.as_deref()), ("hi", Some("tool-calls")));
        assert_eq!(said.tool_calls[0].arguments, json!({"x": 1}));
    }

    #[test]
    fn an_exception_ends_it() {
        let event = Event { name: "throttlingException", data: br#"{"message":"slow down"}"#, failed: true };
        let flow = take(event, &mut Draft::default());
        let ControlFlow::Break(Stop::Failed(NoReply::Error(failure))) = flow else { panic!("{flow:?}") };
        assert_eq!(failure.text, "throttlingException: slow down");
    }
}
