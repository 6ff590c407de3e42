//! Plain and streamed answers.

use std::ops::ControlFlow;

use arena_model::{ToolCall, Usage};
use serde::Deserialize;
use serde_json::Value;

use crate::framing::Event;
use crate::wire::{ANSWER, Count, Draft, NoReply, Said, Stop, Taken, VendorFailure};

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Vec<Block>,
    stop_reason: Option<String>,
    usage: Option<WireUsage>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Text {
        text: String,
    },
    ToolUse {
        id: String,
        name: String,
        #[serde(default)]
        input: Value,
    },
    /// Thoughts and whatever else there may be.
    #[serde(other)]
    Other,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct WireUsage {
    input_tokens: Count,
    output_tokens: Count,
    cache_read_input_tokens: Count,
    cache_creation_input_tokens: Count,
}

impl WireUsage {
    /// The later word wins; what it does not mention stays. None if one of the counts is unknown.
    fn over(self, before: Option<Usage>) -> Option<Usage> {
        let before = before.unwrap_or_default();
        let cached = self.cache_read_input_tokens.or(before.cached)?;
        let cache_write = self.cache_creation_input_tokens.or(before.cache_write)?;
        let fresh = before.input.saturating_sub(before.cached).saturating_sub(before.cache_write);
        // Here the input is what was neither read from the cache nor written to it.
        let input = self.input_tokens.or(fresh)?.saturating_add(cached).saturating_add(cache_write);
        Some(Usage { input, output: self.output_tokens.or(before.output)?, cached, cache_write, reasoning: 0 })
    }
}

/// Reads a plain answer.
pub(super) fn read(body: &[u8]) -> Result<Said, NoReply> {
    let value: Value = serde_json::from_slice(body).map_err(|error| NoReply::Bad(error.to_string()))?;
    if value["type"] == "error" {
        return Err(NoReply::Error(VendorFailure::of_value(&value).unwrap_or_default()));
    }
    if !value["content"].is_array() {
        return Err(NoReply::Bad("it has no content".to_owned()));
    }
    let message = Message::deserialize(value).map_err(|error| NoReply::Bad(error.to_string()))?;
    let mut said = Said { usage: message.usage.and_then(|usage| usage.over(None)), ..Said::default() };
    let mut shaped = false;
    for block in message.content {
        match block {
            Block::Text { text } => said.text.push_str(&text),
            Block::ToolUse { name, input, .. } if name == ANSWER => {
                (said.text, shaped) = (input.to_string(), true);
            }
            Block::ToolUse { id, name, input } => said.tool_calls.push(ToolCall::new(id, name, input)),
            Block::Other => {}
        }
    }
    said.finish = message.stop_reason.map(|word| finish(word, shaped));
    Ok(said)
}

/// The vendor's word for why the model stopped, in ours. The call that is a shaped answer is no call.
fn finish(word: String, shaped: bool) -> String {
    let ours = match word.as_str() {
        "end_turn" | "stop_sequence" => "stop",
        "tool_use" if shaped => "stop",
        "tool_use" => "tool-calls",
        "max_tokens" | "model_context_window_exceeded" => "length",
        _ => return word,
    };
    ours.to_owned()
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Piece {
    MessageStart {
        message: Started,
    },
    ContentBlockStart {
        index: u32,
        content_block: Block,
    },
    ContentBlockDelta {
        index: u32,
        delta: Delta,
    },
    MessageDelta {
        delta: Ending,
        usage: Option<WireUsage>,
    },
    MessageStop,
    Error {
        error: Value,
    },
    /// Pings, ends of blocks, and what is yet to come.
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Started {
    usage: Option<WireUsage>,
}

#[derive(Deserialize)]
struct Ending {
    stop_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Delta {
    #[serde(rename = "text_delta")]
    Text { text: String },
    #[serde(rename = "input_json_delta")]
    Input { partial_json: String },
    #[serde(other)]
    Other,
}

/// Takes one event.
pub(super) fn take(event: Event<'_>, draft: &mut Draft) -> Taken {
    let piece = match serde_json::from_slice(event.data) {
        Ok(piece) => piece,
        Err(_) if event.failed => {
            let text = String::from_utf8_lossy(event.data);
            return ControlFlow::Break(Stop::Failed(NoReply::Error(VendorFailure::of(text))));
        }
        Err(error) => return ControlFlow::Break(NoReply::unreadable(&error)),
    };
    match piece {
        Piece::MessageStart { message: Started { usage: Some(usage) } } => draft.count(usage.over(draft.usage)),
        Piece::ContentBlockStart { index, .. } if !draft.open(index) => {
            let text = format!("the stream begins block {index} twice");
            return ControlFlow::Break(Stop::Failed(NoReply::Bad(text)));
        }
        Piece::ContentBlockStart { content_block: Block::Text { text }, .. } => draft.add_text(&text),
        Piece::ContentBlockStart { index, content_block: Block::ToolUse { name, .. } } if name == ANSWER => {
            draft.shape(index);
        }
        Piece::ContentBlockStart { index, content_block: Block::ToolUse { id, name, .. } } => {
            draft.add_call(index, &id, &name, "");
        }
        Piece::ContentBlockDelta { delta: Delta::Text { text }, .. } => draft.add_text(&text),
        Piece::ContentBlockDelta { index, delta: Delta::Input { partial_json } } => {
            if draft.is_shaped(index) {
                draft.add_text(&partial_json);
            } else {
                draft.add_call(index, "", "", &partial_json);
            }
        }
        Piece::MessageDelta { delta, usage } => {
            if let Some(usage) = usage {
                draft.count(usage.over(draft.usage));
            }
            draft.finish = delta.stop_reason.map(|word| finish(word, draft.has_shape())).or(draft.finish.take());
        }
        Piece::MessageStop if draft.is_finished() => return ControlFlow::Break(Stop::Done),
        Piece::MessageStop => {
            let text = "the message ends without a stop_reason".to_owned();
            return ControlFlow::Break(Stop::Failed(NoReply::Bad(text)));
        }
        Piece::Error { error } => {
            let failure = VendorFailure::of_value(&serde_json::json!({ "error": error }));
            return ControlFlow::Break(Stop::Failed(NoReply::Error(failure.unwrap_or_default())));
        }
        _ => {}
    }
    ControlFlow::Continue(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_a_plain_answer() {
        let said = read(
            br#"{"type":"message","content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"hi"},
            {"type":"tool_use","id":"t1","name":"f","input":{"x":1}}],"stop_reason":"tool_use",
            "usage":{"input_tokens":5,"output_tokens":7,"cache_read_input_tokens":10,"cache_creation_input_tokens":2}}"#,
        )
        .unwrap();
        assert_eq!((said.text.as_str(), said.finish.as_deref()), ("hi", Some("tool-calls")));
        assert_eq!(said.tool_calls[0].arguments, json!({"x": 1}));
        let usage = Usage { input: 17, output: 7, cached: 10, cache_write: 2, reasoning: 0 };
        assert_eq!(said.usage, Some(usage));
        assert!(matches!(read(br#"{"type":"error","error":{"message":"no"}}"#), Err(NoReply::Error(_))));
        assert!(matches!(read(b"{}"), Err(NoReply::Bad(_))));
    }

    #[test]
    fn joins_a_stream() {
        let mut draft = Draft::default();
        let mut feed = |data: &str| take(Event { name: "", data: data.as_bytes(), failed: false }, &mut draft);
        for data in [
            r#"{"type":"message_start","message":{"usage":{"input_tokens":5,"cache_read_input_tokens":3,"output_tokens":1}}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"ping"}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi"}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"x\":"}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"1}"}}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":9}}"#,
        ] {
            assert!(feed(data).is_continue(), "{data}");
        }
        assert!(matches!(feed(r#"{"type":"message_stop"}"#), ControlFlow::Break(Stop::Done)));
        let said = draft.into_said();
        assert_eq!((said.text.as_str(), said.finish.as_deref()), ("hi", Some("tool-calls")));
        assert_eq!(said.tool_calls[0].arguments, json!({"x": 1}));
        assert_eq!(said.usage, Some(Usage { input: 8, output: 9, cached: 3, ..Usage::default() }));
    }

    #[test]
    fn two_blocks_in_one_place_are_no_answer() {
        let mut draft = Draft::default();
        let mut feed = |data: &str| take(Event { name: "", data: data.as_bytes(), failed: false }, &mut draft);
        let block = r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}"#;
        assert!(feed(block).is_continue());
        let flow = feed(r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"hi"}}"#);
        assert!(matches!(flow, ControlFlow::Break(Stop::Failed(NoReply::Bad(text))) if text.contains("block 0 twice")));
    }

    #[test]
    fn counts_that_were_unknown_once_stay_so() {
        let mut draft = Draft::default();
        let mut feed = |data: &str| take(Event { name: "", data: data.as_bytes(), failed: false }, &mut draft);
        for data in [
            r#"{"type":"message_start","message":{"usage":{"input_tokens":-5,"output_tokens":1}}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"hi"}}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9.0}}"#,
        ] {
            assert!(feed(data).is_continue(), "{data}");
        }
        let said = draft.into_said();
        assert_eq!((said.text.as_str(), said.usage), ("hi", None));
    }

    #[test]
    fn an_error_event_ends_it() {
        let data = br#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
        let flow = take(Event { name: "error", data, failed: true }, &mut Draft::default());
        assert!(
            matches!(flow, ControlFlow::Break(Stop::Failed(NoReply::Error(failure))) if failure.text == "Overloaded")
        );
    }
}
