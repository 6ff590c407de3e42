//! OpenAI chat completions, also as Azure and compatible servers have them.

use std::borrow::Cow;

use bytes::Bytes;
use hyper::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Call, Part, Place, Said, Speaker, Turn, Unreadable, Wire, cut, remarks};

/// `POST */chat/completions`.
pub(super) struct Chat;

#[derive(Deserialize)]
struct Asked<'a> {
    #[serde(borrow, default)]
    model: Option<Cow<'a, str>>,
    #[serde(default)]
    stream: bool,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
}

#[derive(Default, Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow, default)]
    content: Option<Content<'a>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Parts(Vec<ContentPart>),
}

#[derive(Deserialize)]
struct ContentPart {
    #[serde(default)]
    text: String,
}

impl<'a> Message<'a> {
    fn said(self) -> Said<'a> {
        let by = match self.role.as_ref() {
            "user" => Speaker::User,
            "tool" | "function" => Speaker::Tool,
            _ => Speaker::Other,
        };
        let said = match self.content {
            None => None,
            Some(Content::Text(text)) => Some(Said::new(by, text)),
            Some(Content::Parts(parts)) => {
                remarks(by, parts.into_iter().map(|part| Part::Text(part.text.into()))).pop()
            }
        };
        said.unwrap_or_else(|| Said::new(by, ""))
    }
}

#[derive(Serialize)]
struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptTokens,
    completion_tokens_details: CompletionTokens,
}

#[derive(Serialize)]
struct PromptTokens {
    cached_tokens: u64,
    cache_write_tokens: u64,
}

#[derive(Serialize)]
struct CompletionTokens {
    reasoning_tokens: u64,
}

impl Usage {
    fn of(turn: &Turn<'_>) -> Self {
        let details = turn.details;
        Self {
            prompt_tokens: turn.prompt(),
            completion_tokens: turn.completion(),
            total_tokens: turn.prompt() + turn.completion(),
            prompt_tokens_details: PromptTokens {
                cached_tokens: details.cached,
                cache_write_tokens: details.cache_written,
            },
            completion_tokens_details: CompletionTokens { reasoning_tokens: details.reasoning },
        }
    }
}

#[derive(Serialize)]
struct Completion<'a> {
    id: String,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: [Choice<'a>; 1],
    usage: Usage,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    message: AnswerMessage<'a>,
    logprobs: Option<()>,
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct AnswerMessage<'a> {
    role: &'static str,
    content: &'a str,
    refusal: Option<()>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Value>,
}

fn finish(turn: &Turn<'_>) -> &'static str {
    if turn.calls_tools() { "tool_calls" } else { "stop" }
}

impl Wire for Chat {
    fn read<'a>(&self, place: &'a Place, _: &HeaderMap, body: &'a [u8]) -> Result<Call<'a>, Unreadable> {
        let asked: Asked<'a> = serde_json::from_slice(body)?;
        let model = asked.model.map_or_else(|| place.model().map(Cow::Borrowed), Ok)?;
        let said = asked.messages.into_iter().map(Message::said).collect();
        let include_usage = asked.stream_options.is_some_and(|options| options.include_usage);
        Ok(Call { include_usage, ..Call::new(model, asked.stream, said) })
    }

    fn plain(&self, turn: &Turn<'_>) -> Vec<u8> {
        let function = |(index, (name, arguments)): (usize, &(String, String))| {
            json!({"id": format!("call_{index}_{name}"), "type": "function",
                "function": {"name": name, "arguments": arguments}})
        };
        let message = AnswerMessage {
            role: "assistant",
            content: &turn.answer.text,
            refusal: None,
            tool_calls: turn.answer.tool_calls.iter().enumerate().map(function).collect(),
        };
        let completion = Completion {
            id: format!("chatcmpl-{}", turn.number),
            object: "chat.completion",
            created: 0,
            model: &turn.call.model,
            choices: [Choice { index: 0, message, logprobs: None, finish_reason: finish(turn) }],
            usage: Usage::of(turn),
        };
        // A struct of texts and numbers always has a JSON form.
        serde_json::to_vec(&completion).unwrap_or_default()
    }

    fn streamed(&self, turn: &Turn<'_>) -> Vec<Bytes> {
        let id = format!("chatcmpl-{}", turn.number);
        let event = |choices: Value, usage: Option<Usage>| {
            let chunk = json!({"id": id, "object": "chat.completion.chunk", "created": 0, "model": turn.call.model,
                "choices": choices, "usage": usage});
            Bytes::from(format!("data: {chunk}\n\n"))
        };
        let choice = |delta: Value, finish: Option<&str>| {
            let choice = json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish});
            Value::Array(vec![choice])
        };
        let mut events = vec![event(choice(json!({"role": "assistant", "content": ""}), None), None)];
        for piece in turn.text_pieces() {
            events.push(event(choice(json!({"content": piece}), None), None));
        }
        for (index, (name, arguments)) in turn.answer.tool_calls.iter().enumerate() {
            let head = json!({"tool_calls": [{"index": index, "id": format!("call_{index}_{name}"),
                "type": "function", "function": {"name": name, "arguments": ""}}]});
            events.push(event(choice(head, None), None));
            for piece in cut(arguments, turn.pieces) {
                let delta = json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]});
                events.push(event(choice(delta, None), None));
            }
        }
        events.push(event(choice(json!({}), Some(finish(turn))), None));
        if turn.call.include_usage {
            events.push(event(json!([]), Some(Usage::of(turn))));
        }
        events.push(Bytes::from_static(b"data: [DONE]\n\n"));
        events
    }

    fn error(&self, status: u16, text: &str) -> String {
        json!({"error": {"message": text, "type": "fake_error", "param": null, "code": status.to_string()}}).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{plain, streamed, text_and_call};
    use super::*;

    const PATH: &str = "/v1/chat/completions";

    #[test]
    fn both_forms_say_the_same() {
        let asked = json!({"model": "m", "stream_options": {"include_usage": true},
            "messages": [{"role": "user", "content": "12345678"}]});
        let plain = plain(PATH, &asked, &text_and_call());
        let usage = json!({"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20,
            "prompt_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 3},
            "completion_tokens_details": {"reasoning_tokens": 7}});
        assert_eq!(plain["usage"], usage);
        let events: Vec<String> = streamed(PATH, &asked, &text_and_call())
            .iter()
            .map(|event| String::from_utf8(event.to_vec()).unwrap())
            .collect();
        assert_eq!(events.last().unwrap(), "data: [DONE]\n\n");
        let chunk = |event: &String| {
            let data = event.strip_prefix("data: ").unwrap().strip_suffix("\n\n").unwrap();
            serde_json::from_str::<Value>(data).unwrap()
        };
        let chunks: Vec<Value> = events[..events.len() - 1].iter().map(chunk).collect();
        let text: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
        assert_eq!(text, "hello, world");
        assert_eq!(chunks.last().unwrap()["usage"], usage);
        assert_eq!(chunks[chunks.len() - 2]["choices"][0]["finish_reason"], "tool_calls");
    }
}
