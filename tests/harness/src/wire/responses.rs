//! OpenAI Responses.

use bytes::Bytes;
use hyper::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::chat::Chat;
use super::{Call, Part, Place, Said, Speaker, Turn, Unreadable, Wire, cut, named_event, remarks};

/// `POST */responses`.
pub(super) struct Responses;

#[derive(Deserialize)]
struct Asked {
    model: String,
    #[serde(default)]
    stream: bool,
    instructions: Option<String>,
    input: Input,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Input {
    Text(String),
    Items(Vec<Item>),
}

/// A message without a type, or an item with one.
#[derive(Deserialize)]
struct Item {
    r#type: Option<String>,
    role: Option<String>,
    content: Option<Content>,
    output: Option<Content>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<ContentPart>),
}

#[derive(Deserialize)]
struct ContentPart {
    text: Option<String>,
}

impl Content {
    fn said(self, by: Speaker) -> Option<Said<'static>> {
        let part = |part: ContentPart| part.text.map_or(Part::Other, |text| Part::Text(text.into()));
        match self {
            Self::Text(text) => Some(Said::new(by, text)),
            Self::Parts(parts) => remarks(by, parts.into_iter().map(part)).pop(),
        }
    }
}

impl Item {
    fn said(self) -> Result<Said<'static>, Unreadable> {
        let (by, content) = match self.r#type.as_deref() {
            None | Some("message") => {
                let role = self.role.ok_or(Unreadable::Missing("a message of `input` has no `role`"))?;
                (if role == "user" { Speaker::User } else { Speaker::Other }, self.content)
            }
            Some("function_call_output") => {
                let output = self.output.ok_or(Unreadable::Missing("a function_call_output has no `output`"))?;
                (Speaker::Tool, Some(output))
            }
            Some(_) => (Speaker::Other, None),
        };
        Ok(content.and_then(|content| content.said(by)).unwrap_or_else(|| Said::new(by, "")))
    }
}

fn usage(turn: &Turn<'_>) -> Value {
    json!({"input_tokens": turn.prompt(), "output_tokens": turn.completion(),
        "input_tokens_details": {"cached_tokens": turn.details.cached,
            "cache_write_tokens": turn.details.cache_written},
        "output_tokens_details": {"reasoning_tokens": turn.details.reasoning},
        "total_tokens": turn.prompt() + turn.completion()})
}

fn response(turn: &Turn<'_>, status: &str, output: &[Value]) -> Value {
    json!({"id": format!("resp_{}", turn.number), "object": "response", "created_at": 0, "status": status,
        "error": null, "incomplete_details": null, "instructions": null, "metadata": {}, "model": turn.call.model,
        "output": output, "parallel_tool_calls": true, "previous_response_id": null, "store": false,
        "temperature": 1.0, "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [], "top_p": 1.0,
        "truncation": "disabled", "usage": if status == "completed" { usage(turn) } else { Value::Null }})
}

fn output_text(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

fn message(turn: &Turn<'_>, status: &str, content: &[Value]) -> Value {
    json!({"type": "message", "id": format!("msg_{}", turn.number), "status": status, "role": "assistant",
        "content": content})
}

fn function_call(turn: &Turn<'_>, index: usize, status: &str, arguments: &str) -> Value {
    let name = turn.answer.tool_calls.get(index).map_or("", |(name, _)| name.as_str());
    json!({"type": "function_call", "id": format!("fc_{}_{index}", turn.number), "status": status,
        "call_id": format!("call_{index}_{name}"), "name": name, "arguments": arguments})
}

fn output(turn: &Turn<'_>) -> Vec<Value> {
    let text = turn.has_text().then(|| message(turn, "completed", &[output_text(&turn.answer.text)]));
    let calls = turn.answer.tool_calls.iter().enumerate();
    let calls = calls.map(|(index, (_, arguments))| function_call(turn, index, "completed", arguments));
    text.into_iter().chain(calls).collect()
}

/// The events so far; each gets its number.
struct Events(Vec<Bytes>);

impl Events {
    fn push(&mut self, kind: &str, mut data: Value) {
        data["type"] = kind.into();
        data["sequence_number"] = self.0.len().into();
        self.0.push(named_event(kind, &data));
    }

    fn text(&mut self, turn: &Turn<'_>, at: usize) {
        let id = format!("msg_{}", turn.number);
        let here = |key: &str, value: Value| {
            let mut data = json!({"item_id": id, "output_index": at, "content_index": 0});
            data[key] = value;
            if key != "part" {
                data["logprobs"] = json!([]);
            }
            data
        };
        let added = json!({"output_index": at, "item": message(turn, "in_progress", &[])});
        self.push("response.output_item.added", added);
        self.push("response.content_part.added", here("part", output_text("")));
        for piece in turn.text_pieces() {
            self.push("response.output_text.delta", here("delta", piece.into()));
        }
        let text = &turn.answer.text;
        self.push("response.output_text.done", here("text", text.as_str().into()));
        self.push("response.content_part.done", here("part", output_text(text)));
        let done = json!({"output_index": at, "item": message(turn, "completed", &[output_text(text)])});
        self.push("response.output_item.done", done);
    }

    fn call(&mut self, turn: &Turn<'_>, index: usize, arguments: &str, at: usize) {
        let id = format!("fc_{}_{index}", turn.number);
        let added = json!({"output_index": at, "item": function_call(turn, index, "in_progress", "")});
        self.push("response.output_item.added", added);
        for piece in cut(arguments, turn.pieces) {
            let delta = json!({"item_id": id, "output_index": at, "delta": piece});
            self.push("response.function_call_arguments.delta", delta);
        }
        let done = json!({"item_id": id, "output_index": at, "arguments": arguments});
        self.push("response.function_call_arguments.done", done);
        let done = json!({"output_index": at, "item": function_call(turn, index, "completed", arguments)});
        self.push("response.output_item.done", done);
    }
}

impl Wire for Responses {
    fn read<'a>(&self, _: &'a Place, _: &HeaderMap, body: &'a [u8]) -> Result<Call<'a>, Unreadable> {
        let asked: Asked = serde_json::from_slice(body)?;
        let mut said: Vec<_> = asked.instructions.map(|text| Said::new(Speaker::Other, text)).into_iter().collect();
        match asked.input {
            Input::Text(text) => said.push(Said::new(Speaker::User, text)),
            Input::Items(items) => {
                for item in items {
                    said.push(item.said()?);
                }
            }
        }
        Ok(Call::new(asked.model, asked.stream, said))
    }

    fn plain(&self, turn: &Turn<'_>) -> Vec<u8> {
        response(turn, "completed", &output(turn)).to_string().into()
    }

    fn streamed(&self, turn: &Turn<'_>) -> Vec<Bytes> {
        let mut events = Events(Vec::new());
        for kind in ["response.created", "response.in_progress"] {
            events.push(kind, json!({"response": response(turn, "in_progress", &[])}));
        }
        let mut at = 0;
        if turn.has_text() {
            events.text(turn, at);
            at += 1;
        }
        for (index, (_, arguments)) in turn.answer.tool_calls.iter().enumerate() {
            events.call(turn, index, arguments, at);
            at += 1;
        }
        events.push("response.completed", json!({"response": response(turn, "completed", &output(turn))}));
        events.0
    }

    fn broken(&self) -> Bytes {
        Bytes::from_static(b"event: response.output_text.delta\ndata: {\"type\": oops\n\n")
    }

    fn error_events(&self, turn: &Turn<'_>, before: usize, text: &str) -> Vec<Bytes> {
        let error = json!({"type": "error", "code": "server_error", "message": text, "param": null,
            "sequence_number": before});
        let mut failed = response(turn, "failed", &[]);
        failed["error"] = json!({"code": "server_error", "message": text});
        let failed = json!({"type": "response.failed", "sequence_number": before + 1, "response": failed});
        vec![named_event("error", &error), named_event("response.failed", &failed)]
    }

    fn error(&self, status: u16, text: &str) -> String {
        Chat.error(status, text)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{events, plain, text_and_call, with_turn};
    use super::*;
    use crate::wire::Answer;

    #[test]
    fn both_forms_say_the_same() {
        let asked = json!({"model": "m", "input": "12345678"});
        let plain = plain("/v1/responses", &asked, &text_and_call());
        assert_eq!(plain["output"][1]["arguments"], r#"{"city":"Paris"}"#);
        assert_eq!((&plain["usage"]["input_tokens"], &plain["usage"]["output_tokens"]), (&json!(10), &json!(10)));
        let events = events("/v1/responses", &asked, &text_and_call());
        for (number, (_, data)) in events.iter().enumerate() {
            assert_eq!(data["sequence_number"], number);
        }
        let text: String = events
            .iter()
            .filter(|(name, _)| name == "response.output_text.delta")
            .filter_map(|(_, data)| data["delta"].as_str())
            .collect();
        assert_eq!(text, "hello, world");
        let (name, last) = events.last().unwrap();
        assert_eq!((name.as_str(), &last["response"]), ("response.completed", &plain));
        let done: Vec<_> = events
            .iter()
            .filter(|(name, _)| name == "response.output_item.done")
            .map(|(_, data)| data["item"].clone())
            .collect();
        assert_eq!(json!(done), plain["output"]);
    }

    #[test]
    fn an_output_is_the_tools() {
        let input = json!([{"role": "user", "content": [{"type": "input_text", "text": "q"}]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "42"}]);
        let asked = json!({"model": "m", "input": input, "stream": true});
        with_turn("/v1/responses", &asked, &Answer::default(), |_, turn| {
            assert!(turn.call.after_tool() && turn.call.stream);
            assert_eq!(turn.call.user_texts().collect::<Vec<_>>(), ["q"]);
        });
    }
}
