//! Ollama's own chat.

use bytes::Bytes;
use hyper::HeaderMap;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Call, Place, Said, Speaker, Turn, Unreadable, Wire, arguments};

/// `POST */api/chat`.
pub(super) struct Ollama;

#[derive(Deserialize)]
struct Asked {
    model: String,
    /// A stream unless told otherwise.
    stream: Option<bool>,
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    role: String,
    #[serde(default)]
    content: String,
    // Read for its form: the vendor takes arguments as an object, never as a text.
    #[serde(default, rename = "tool_calls")]
    _tool_calls: Option<Vec<ToolCall>>,
}

#[derive(Deserialize)]
struct ToolCall {
    #[serde(rename = "function")]
    _function: Function,
}

#[derive(Deserialize)]
struct Function {
    #[serde(rename = "name")]
    _name: String,
    #[serde(rename = "arguments")]
    _arguments: Map<String, Value>,
}

impl Message {
    fn said(self) -> Said<'static> {
        let by = match self.role.as_str() {
            "user" => Speaker::User,
            "tool" => Speaker::Tool,
            _ => Speaker::Other,
        };
        Said::new(by, self.content)
    }
}

/// One object of the answer; the last also says why it ended and what it took. Durations in ns.
fn response(turn: &Turn<'_>, message: &Value, last: bool) -> Value {
    let mut response = json!({"model": turn.call.model, "created_at": "1970-01-01T00:00:00Z", "message": message,
        "done": last});
    if last {
        let ends = json!({"done_reason": "stop", "total_duration": 6_000_000, "load_duration": 1_000_000,
            "prompt_eval_count": turn.prompt(), "prompt_eval_duration": 2_000_000, "eval_count": turn.completion(),
            "eval_duration": 3_000_000});
        if let (Some(response), Value::Object(ends)) = (response.as_object_mut(), ends) {
            response.extend(ends);
        }
    }
    response
}

fn message(turn: &Turn<'_>, text: &str, calls: bool) -> Value {
    let mut message = json!({"role": "assistant", "content": text});
    if calls {
        let call = |(name, args): &(String, String)| json!({"function": {"name": name, "arguments": arguments(args)}});
        message["tool_calls"] = turn.answer.tool_calls.iter().map(call).collect();
    }
    message
}

impl Wire for Ollama {
    fn read<'a>(&self, _: &'a Place, _: &HeaderMap, body: &'a [u8]) -> Result<Call<'a>, Unreadable> {
        let asked: Asked = serde_json::from_slice(body)?;
        let said = asked.messages.into_iter().map(Message::said).collect();
        Ok(Call::new(asked.model, asked.stream.unwrap_or(true), said))
    }

    fn plain(&self, turn: &Turn<'_>) -> Vec<u8> {
        response(turn, &message(turn, &turn.answer.text, turn.calls_tools()), true).to_string().into()
    }

    fn streamed(&self, turn: &Turn<'_>) -> Vec<Bytes> {
        let mut messages: Vec<_> =
            turn.text_pieces().into_iter().map(|piece| (message(turn, piece, false), false)).collect();
        if turn.calls_tools() {
            messages.push((message(turn, "", true), false));
        }
        messages.push((message(turn, "", false), true));
        let line = |(message, last): &(Value, bool)| format!("{}\n", response(turn, message, *last));
        messages.iter().map(line).map(Bytes::from).collect()
    }

    fn stream_type(&self) -> &'static str {
        "application/x-ndjson"
    }

    fn broken(&self) -> Bytes {
        Bytes::from_static(b"{\"model\": oops\n")
    }

    fn error_events(&self, _: &Turn<'_>, _: usize, text: &str) -> Vec<Bytes> {
        vec![format!("{}\n", self.error(500, text)).into()]
    }

    fn error(&self, _: u16, text: &str) -> String {
        json!({"error": text}).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{plain, streamed, text_and_call, with_turn};
    use super::*;
    use crate::wire::Answer;

    fn asked() -> Value {
        json!({"model": "m", "messages": [{"role": "user", "content": "12345678"}]})
    }

    #[test]
    fn both_forms_say_the_same() {
        let plain = plain("/api/chat", &asked(), &text_and_call());
        assert_eq!(plain["message"]["tool_calls"][0]["function"]["arguments"], json!({"city": "Paris"}));
        assert_eq!((&plain["prompt_eval_count"], &plain["eval_count"]), (&json!(10), &json!(10)));
        let lines = streamed("/api/chat", &asked(), &text_and_call());
        let read = |line: &Bytes| serde_json::from_slice::<Value>(line.strip_suffix(b"\n").unwrap()).unwrap();
        let lines: Vec<Value> = lines.iter().map(read).collect();
        let text: String = lines.iter().filter_map(|line| line["message"]["content"].as_str()).collect();
        assert_eq!(text, "hello, world");
        assert_eq!(lines[3]["message"]["tool_calls"], plain["message"]["tool_calls"]);
        let mut last = lines[4].clone();
        last["message"] = plain["message"].clone();
        assert_eq!(last, plain);
    }

    #[test]
    fn streams_unless_told_otherwise() {
        for (told, streams) in [(json!(null), true), (json!(true), true), (json!(false), false)] {
            let mut asked = asked();
            asked["stream"] = told;
            with_turn("/api/chat", &asked, &Answer::default(), |_, turn| assert_eq!(turn.call.stream, streams));
        }
    }

    #[test]
    fn arguments_are_an_object() {
        let place = Place::of(&"/api/chat".parse().unwrap()).unwrap();
        let readable = |arguments: Value| {
            let mut asked = asked();
            asked["messages"][0]["tool_calls"] = json!([{"function": {"name": "f", "arguments": arguments}}]);
            Ollama.read(&place, &HeaderMap::new(), asked.to_string().as_bytes()).is_ok()
        };
        assert!(readable(json!({"a": 1})) && !readable(json!("{}")));
    }
}
