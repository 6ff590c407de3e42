//! Anthropic Messages, at Anthropic and on Vertex AI.

use bytes::Bytes;
use hyper::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, Part, Place, Said, Speaker, Turn, Unreadable, Wire, arguments, cut, named_event, remarks};

/// `POST */messages`, `POST */publishers/anthropic/models/M:rawPredict` and `:streamRawPredict`.
pub(super) struct Anthropic;

#[derive(Deserialize)]
struct Asked {
    model: Option<String>,
    // Read for its presence: the vendor refuses a request without.
    #[serde(rename = "max_tokens")]
    _max_tokens: u64,
    #[serde(default)]
    stream: bool,
    system: Option<Content>,
    messages: Vec<Message>,
    anthropic_version: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    role: Role,
    content: Content,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    User,
    Assistant,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Blocks(Vec<Block>),
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Text {
        text: String,
    },
    ToolResult {
        #[serde(rename = "tool_use_id")]
        _tool_use_id: String,
        content: Option<Content>,
    },
    #[serde(other)]
    Other,
}

impl Content {
    fn parts(self) -> Vec<Part<'static>> {
        let part = |block| match block {
            Block::Text { text } => Part::Text(text.into()),
            Block::ToolResult { content, .. } => Part::ToolResult(content.map(Self::text).unwrap_or_default()),
            Block::Other => Part::Other,
        };
        match self {
            Self::Text(text) => vec![Part::Text(text.into())],
            Self::Blocks(blocks) => blocks.into_iter().map(part).collect(),
        }
    }

    fn text(self) -> String {
        let said = remarks(Speaker::Other, self.parts());
        said.into_iter().map(|said| said.text.into_owned()).collect::<Vec<_>>().join("\n")
    }
}

fn usage(turn: &Turn<'_>, output_tokens: u64, reasoning: u64) -> Value {
    json!({"input_tokens": turn.fresh(), "cache_creation_input_tokens": turn.details.cache_written,
        "cache_read_input_tokens": turn.details.cached,
        "cache_creation": {"ephemeral_5m_input_tokens": turn.details.cache_written, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output_tokens, "output_tokens_details": {"thinking_tokens": reasoning}})
}

fn stop_reason(turn: &Turn<'_>) -> &'static str {
    if turn.calls_tools() { "tool_use" } else { "end_turn" }
}

fn message(turn: &Turn<'_>, content: &[Value], stop_reason: Option<&str>, usage: &Value) -> Value {
    json!({"id": format!("msg_{}", turn.number), "type": "message", "role": "assistant", "model": turn.call.model,
        "content": content, "stop_reason": stop_reason, "stop_sequence": null, "usage": usage})
}

fn tool_use(index: usize, name: &str, input: &Value) -> Value {
    json!({"type": "tool_use", "id": format!("toolu_{index}_{name}"), "name": name, "input": input})
}

/// The vendor's name for a status.
fn error_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        400..=499 => "invalid_request_error",
        _ => "api_error",
    }
}

fn error(kind: &str, text: &str) -> Value {
    json!({"type": "error", "error": {"type": kind, "message": text}, "request_id": null})
}

/// A block of the stream: its start, deltas and stop.
fn block(events: &mut Vec<Bytes>, index: usize, start: &Value, deltas: impl Iterator<Item = Value>) {
    let mut push = |kind: &str, key: &str, value: Value| {
        let mut data = json!({"type": kind, "index": index});
        if !key.is_empty() {
            data[key] = value;
        }
        events.push(named_event(kind, &data));
    };
    push("content_block_start", "content_block", start.clone());
    deltas.for_each(|delta| push("content_block_delta", "delta", delta));
    push("content_block_stop", "", Value::Null);
}

impl Wire for Anthropic {
    fn read<'a>(&self, place: &'a Place, headers: &HeaderMap, body: &'a [u8]) -> Result<Call<'a>, Unreadable> {
        let asked: Asked = serde_json::from_slice(body)?;
        let (model, stream) = match &place.model {
            Some(_) if asked.anthropic_version.is_none() => {
                return Err(Unreadable::Missing("missing field `anthropic_version`"));
            }
            Some(_) if asked.model.is_some() => {
                return Err(Unreadable::Missing("`model` stands in the path, not in the body"));
            }
            Some(model) => (model.clone(), asked.stream || place.stream),
            None if !headers.contains_key("anthropic-version") => {
                return Err(Unreadable::Missing("header anthropic-version is required"));
            }
            None => (asked.model.ok_or(Unreadable::Missing("missing field `model`"))?, asked.stream),
        };
        let system = asked.system.map(|system| Said::new(Speaker::Other, system.text()));
        let said = asked.messages.into_iter().flat_map(|message| {
            let by = match message.role {
                Role::User => Speaker::User,
                Role::Assistant => Speaker::Other,
            };
            remarks(by, message.content.parts())
        });
        Ok(Call::new(model, stream, system.into_iter().chain(said).collect()))
    }

    fn plain(&self, turn: &Turn<'_>) -> Vec<u8> {
        let text = turn.has_text().then(|| json!({"type": "text", "text": turn.answer.text}));
        let calls = turn.answer.tool_calls.iter().enumerate();
        let calls = calls.map(|(index, (name, input))| tool_use(index, name, &arguments(input)));
        let content: Vec<Value> = text.into_iter().chain(calls).collect();
        let usage = usage(turn, turn.completion(), turn.details.reasoning);
        message(turn, &content, Some(stop_reason(turn)), &usage).to_string().into()
    }

    fn streamed(&self, turn: &Turn<'_>) -> Vec<Bytes> {
        let start = message(turn, &[], None, &usage(turn, 1, 0));
        let mut events = vec![named_event("message_start", &json!({"type": "message_start", "message": start}))];
        events.push(named_event("ping", &json!({"type": "ping"})));
        let mut index = 0;
        if turn.has_text() {
            let deltas = turn.text_pieces().into_iter().map(|piece| json!({"type": "text_delta", "text": piece}));
            block(&mut events, index, &json!({"type": "text", "text": ""}), deltas);
            index += 1;
        }
        for (call, (name, input)) in turn.answer.tool_calls.iter().enumerate() {
            // The vendor opens with an empty piece.
            let pieces = std::iter::once("").chain(cut(input, turn.pieces));
            let deltas = pieces.map(|piece| json!({"type": "input_json_delta", "partial_json": piece}));
            block(&mut events, index, &tool_use(call, name, &json!({})), deltas);
            index += 1;
        }
        let end = json!({"type": "message_delta", "delta": {"stop_reason": stop_reason(turn), "stop_sequence": null},
            "usage": usage(turn, turn.completion(), turn.details.reasoning)});
        events.push(named_event("message_delta", &end));
        events.push(named_event("message_stop", &json!({"type": "message_stop"})));
        events
    }

    fn broken(&self) -> Bytes {
        Bytes::from_static(b"event: content_block_delta\ndata: {\"type\": \"content_block_delta\", oops\n\n")
    }

    fn error_events(&self, _: &Turn<'_>, _: usize, text: &str) -> Vec<Bytes> {
        vec![named_event("error", &error("overloaded_error", text))]
    }

    fn error(&self, status: u16, text: &str) -> String {
        error(error_type(status), text).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{events, plain, text_and_call, with_turn};
    use super::*;
    use crate::wire::Answer;

    fn asked() -> Value {
        json!({"model": "m", "max_tokens": 9, "system": [{"type": "text", "text": "abcd"}],
            "messages": [{"role": "user", "content": "abcd"}]})
    }

    #[test]
    fn both_forms_say_the_same() {
        let plain = plain("/v1/messages", &asked(), &text_and_call());
        assert_eq!(plain["content"][1]["input"], json!({"city": "Paris"}));
        assert_eq!((&plain["usage"]["input_tokens"], &plain["usage"]["output_tokens"]), (&json!(2), &json!(10)));
        let events = events("/v1/messages", &asked(), &text_and_call());
        let names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
        let (delta, stop) = ("content_block_delta", "content_block_stop");
        let text = ["content_block_start", delta, delta, delta, stop];
        let call = ["content_block_start", delta, delta, delta, delta, stop];
        let ends = ["message_delta", "message_stop"];
        assert_eq!(names, [&["message_start", "ping"][..], &text, &call, &ends].concat());
        let of = |index: u64, key: &str| -> String {
            let of_block = events.iter().filter(|(_, data)| data["index"] == index);
            of_block.filter_map(|(_, data)| data["delta"][key].as_str()).collect()
        };
        assert_eq!((of(0, "text"), of(1, "partial_json")), ("hello, world".into(), r#"{"city":"Paris"}"#.into()));
        let end = &events[events.len() - 2].1;
        assert_eq!(
            (&end["delta"]["stop_reason"], &end["usage"], &plain["stop_reason"]),
            (&json!("tool_use"), &plain["usage"], &json!("tool_use"))
        );
    }

    #[test]
    fn refuses_what_the_vendor_refuses() {
        let vertex = "/v1/projects/p/locations/l/publishers/anthropic/models/c:rawPredict";
        let readable = |path: &str, headers: &HeaderMap, body: &Value| {
            let place = Place::of(&path.parse().unwrap()).unwrap();
            Anthropic.read(&place, headers, body.to_string().as_bytes()).is_ok()
        };
        assert!(!readable("/v1/messages", &HeaderMap::new(), &asked()));
        assert!(!readable(vertex, &HeaderMap::new(), &asked()));
        let body = json!({"anthropic_version": "vertex-2023-10-16", "max_tokens": 1, "messages": []});
        assert!(readable(vertex, &HeaderMap::new(), &body));
        let system =
            json!({"anthropic_version": "v", "max_tokens": 1, "messages": [{"role": "system", "content": ""}]});
        assert!(!readable(vertex, &HeaderMap::new(), &system));
    }

    #[test]
    fn a_result_is_the_tools() {
        let mut body = asked();
        body["messages"] = json!([{"role": "user", "content": "q"}, {"role": "assistant", "content": [
            {"type": "tool_use", "id": "t", "name": "f", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "42"}]}]);
        with_turn("/v1/messages", &body, &Answer::default(), |_, turn| {
            assert!(turn.call.after_tool());
            assert_eq!(turn.call.user_texts().collect::<Vec<_>>(), ["q"]);
        });
    }
}
