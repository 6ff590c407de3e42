//! Plain and streamed answers.

use std::ops::ControlFlow;

use arena_model::{ToolCall, Usage};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::framing::Event;
use crate::wire::draft::said;
use crate::wire::{Count, Draft, NoReply, Said, Stop, Taken, VendorFailure, null_is_none, tool_call};

#[derive(Debug, Deserialize)]
struct Response {
    status: Option<String>,
    #[serde(default)]
    output: Vec<Item>,
    usage: Option<WireUsage>,
    error: Option<Value>,
    incomplete_details: Option<Incomplete>,
}

#[derive(Debug, Deserialize)]
struct Incomplete {
    #[serde(default)]
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Item {
    Message {
        #[serde(default)]
        content: Vec<Part>,
    },
    FunctionCall {
        call_id: String,
        name: String,
        #[serde(default)]
        arguments: String,
    },
    /// Reasoning and calls of the vendor's own tools.
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part {
    OutputText {
        text: String,
    },
    Refusal {
        refusal: String,
    },
    #[serde(other)]
    Other,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct WireUsage {
    input_tokens: Count,
    output_tokens: Count,
    #[serde(deserialize_with = "null_is_none")]
    input_tokens_details: Details,
    #[serde(deserialize_with = "null_is_none")]
    output_tokens_details: Details,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    cached_tokens: Count,
    reasoning_tokens: Count,
}

impl WireUsage {
    /// In our words; none if one of the counts is unknown.
    fn usage(self) -> Option<Usage> {
        Some(Usage {
            input: self.input_tokens.or(0)?,
            output: self.output_tokens.or(0)?,
            cached: self.input_tokens_details.cached_tokens.or(0)?,
            reasoning: self.output_tokens_details.reasoning_tokens.or(0)?,
            cache_write: 0,
        })
    }
}

/// Reads a plain answer.
pub(super) fn read(body: &[u8]) -> Result<Said, NoReply> {
    let value: Value = serde_json::from_slice(body).map_err(|error| NoReply::Bad(error.to_string()))?;
    if value.get("output").is_none() && value.get("error").is_none_or(Value::is_null) {
        return Err(NoReply::Bad("it has no output".to_owned()));
    }
    whole(Response::deserialize(value).map_err(|error| NoReply::Bad(error.to_string()))?)
}

/// A response that has come to its end, good or bad.
fn whole(response: Response) -> Result<Said, NoReply> {
    if let Some(error) = response.error {
        return Err(NoReply::Error(VendorFailure::of_value(&json!({ "error": error })).unwrap_or_default()));
    }
    let status = response.status.as_deref().unwrap_or("completed");
    if !matches!(status, "completed" | "incomplete") {
        return Err(NoReply::Error(VendorFailure::of(format!("the response is {status}"))));
    }
    let (mut text, mut refusal, mut calls) = (String::new(), None::<String>, Vec::<ToolCall>::new());
    for item in response.output {
        match item {
            Item::Message { content } => content.into_iter().for_each(|part| match part {
                Part::OutputText { text: more } => text.push_str(&more),
                Part::Refusal { refusal: more } => refusal.get_or_insert_default().push_str(&more),
                Part::Other => {}
            }),
            Item::FunctionCall { call_id, name, arguments } => calls.push(tool_call(call_id, name, &arguments)),
            Item::Other => {}
        }
    }
    let finish = match response.incomplete_details.map(|details| details.reason).as_deref() {
        Some("content_filter") => "content-filter",
        Some(_) => "length",
        None if status == "incomplete" => "length",
        None if calls.is_empty() => "stop",
        None => "tool-calls",
    };
    Ok(said(text, refusal, calls, response.usage.and_then(WireUsage::usage), Some(finish.to_owned())))
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Piece {
    #[serde(rename = "response.output_text.delta")]
    Text { delta: String },
    #[serde(rename = "response.refusal.delta")]
    Refusal { delta: String },
    #[serde(rename = "response.output_item.added")]
    Added { output_index: u32, item: Item },
    #[serde(rename = "response.function_call_arguments.delta")]
    Arguments { output_index: u32, delta: String },
    #[serde(rename = "response.function_call_arguments.done")]
    ArgumentsDone { output_index: u32, arguments: String },
    #[serde(rename = "response.completed", alias = "response.incomplete", alias = "response.failed")]
    End { response: Response },
    #[serde(rename = "error")]
    Error,
    #[serde(other)]
    Other,
}

/// Takes one event.
pub(super) fn take(event: Event<'_>, draft: &mut Draft) -> Taken {
    let failed = || {
        let text = || VendorFailure::of(String::from_utf8_lossy(event.data));
        let failure = VendorFailure::read(event.data).unwrap_or_else(text);
        ControlFlow::Break(Stop::Failed(NoReply::Error(failure)))
    };
    if event.failed {
        return failed();
    }
    if event.data.trim_ascii() == b"[DONE]" {
        return ControlFlow::Break(Stop::Done);
    }
    match serde_json::from_slice(event.data) {
        Ok(Piece::Text { delta }) => draft.add_text(&delta),
        Ok(Piece::Refusal { delta }) => draft.add_refusal(&delta),
        Ok(Piece::Added { output_index, item: Item::FunctionCall { call_id, name, .. } }) => {
            draft.add_call(output_index, &call_id, &name, "");
        }
        Ok(Piece::Arguments { output_index, delta }) => draft.add_call(output_index, "", "", &delta),
        Ok(Piece::ArgumentsDone { output_index, arguments }) => draft.set_arguments(output_index, &arguments),
        Ok(Piece::End { response }) => {
            return match whole(response) {
                Ok(said) => {
                    (draft.usage, draft.finish) = (said.usage, said.finish);
                    // The last event holds the whole answer; what came in pieces is the same, where it came at all.
                    if draft.text.is_empty() && draft.refusal.is_none() {
                        draft.text = said.text;
                    }
                    if draft.calls() == 0 {
                        for (index, call) in (0..).zip(&said.tool_calls) {
                            let arguments =
                                call.arguments.as_str().map_or_else(|| call.arguments.to_string(), str::to_owned);
                            draft.add_call(index, &call.id, &call.name, &arguments);
                        }
                    }
                    ControlFlow::Break(Stop::Done)
                }
                Err(error) => ControlFlow::Break(Stop::Failed(error)),
            };
        }
        Ok(Piece::Error) => return failed(),
        Ok(Piece::Added { .. } | Piece::Other) => {}
        Err(error) => return ControlFlow::Break(NoReply::unreadable(&error)),
    }
    ControlFlow::Continue(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_plain_answer() {
        let said = read(
            br#"{"status":"completed","error":null,"output":[{"type":"reasoning","summary":[]},
            {"type":"message","role":"assistant","content":[{"type":"output_text","text":"hi","annotations":[]}]},
            {"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":"{\"x\":1}"}],
            "usage":{"input_tokens":9,"output_tokens":5,"input_tokens_details":{"cached_tokens":4},
            "output_tokens_details":{"reasoning_tokens":3}}}"#,
        )
        .unwrap();
        assert_eq!((said.text.as_str(), said.finish.as_deref()), ("hi", Some("tool-calls")));
        assert_eq!((said.tool_calls[0].id.as_str(), &said.tool_calls[0].arguments), ("call_1", &json!({"x": 1})));
        assert_eq!(said.usage, Some(Usage { input: 9, output: 5, cached: 4, reasoning: 3, cache_write: 0 }));
    }

    #[test]
    fn other_ends_have_their_words() {
        let cut = read(br#"{"status":"incomplete","output":[],"incomplete_details":{"reason":"max_output_tokens"}}"#);
        assert_eq!(cut.unwrap().finish.as_deref(), Some("length"));
        let failed = read(br#"{"status":"failed","output":[],"error":{"code":"server_error","message":"boom"}}"#);
        assert!(matches!(failed, Err(NoReply::Error(failure)) if failure.text == "boom"));
        assert!(matches!(read(b"{}"), Err(NoReply::Bad(_))));
    }

    #[test]
    fn null_counts_as_not_said() {
        let answer = json!({"status": "completed", "output": [], "usage":
            {"input_tokens": 2, "output_tokens": null, "input_tokens_details": null, "output_tokens_details": null}});
        let usage = read(answer.to_string().as_bytes()).unwrap().usage;
        assert_eq!(usage, Some(Usage { input: 2, ..Usage::default() }));
    }

    #[test]
    fn joins_a_stream() {
        let mut draft = Draft::default();
        let mut feed = |data: &str| take(Event { name: "", data: data.as_bytes(), failed: false }, &mut draft);
        for data in [
            r#"{"type":"response.created","response":{"status":"in_progress","output":[]}}"#,
            r#"{"type":"response.output_text.delta","output_index":0,"delta":"hi"}"#,
            r#"{"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","call_id":"c","name":"f","arguments":""}}"#,
            r#"{"type":"response.function_call_arguments.delta","output_index":1,"delta":"{}"}"#,
        ] {
            assert!(feed(data).is_continue(), "{data}");
        }
        let end = r#"{"type":"response.completed","response":{"status":"completed","output":[{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}],"usage":{"input_tokens":1,"output_tokens":2}}}"#;
        assert!(matches!(feed(end), ControlFlow::Break(Stop::Done)));
        let said = draft.into_said();
        assert_eq!((said.text.as_str(), said.finish.as_deref(), said.tool_calls.len()), ("hi", Some("tool-calls"), 1));
    }
}
