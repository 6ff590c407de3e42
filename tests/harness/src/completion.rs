//! Chat completions on the wire: what is read of a request, and the bytes of an answer.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::json;

/// What matters of a request.
#[derive(Deserialize)]
pub(crate) struct Call<'a> {
    #[serde(borrow)]
    pub(crate) model: Cow<'a, str>,
    #[serde(default)]
    pub(crate) stream: bool,
    #[serde(default)]
    stream_options: StreamOptions,
    #[serde(borrow)]
    pub(crate) messages: Vec<CallMessage<'a>>,
}

#[derive(Default, Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

#[derive(Deserialize)]
pub(crate) struct CallMessage<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow, default)]
    content: Option<CallContent<'a>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum CallContent<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Parts(Vec<CallPart>),
}

#[derive(Deserialize)]
struct CallPart {
    #[serde(default)]
    text: String,
}

impl CallContent<'_> {
    fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Parts(parts) => parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join("\n").into(),
        }
    }
}

impl Call<'_> {
    /// Texts of the user messages, newest first.
    pub(crate) fn user_texts(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.messages.iter().rev().filter(|message| message.role == "user").map(CallMessage::text)
    }

    fn prompt_tokens(&self) -> usize {
        self.messages.iter().map(|message| message.text().len() / 4).sum::<usize>().max(1)
    }
}

impl CallMessage<'_> {
    fn text(&self) -> Cow<'_, str> {
        self.content.as_ref().map_or("".into(), CallContent::text)
    }
}

/// What the model says.
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) tool_calls: Vec<(String, String)>,
}

#[derive(Serialize)]
struct Usage {
    prompt_tokens: usize,
    completion_tokens: usize,
    total_tokens: usize,
}

impl Usage {
    fn of(call: &Call<'_>, answer: &Answer) -> Self {
        let (prompt_tokens, completion_tokens) = (call.prompt_tokens(), (answer.text.len() / 4).max(1));
        Self { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens }
    }
}

#[derive(Serialize)]
struct Completion<'a> {
    id: &'a str,
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
    tool_calls: Vec<serde_json::Value>,
}

fn finish(answer: &Answer) -> &'static str {
    if answer.tool_calls.is_empty() { "stop" } else { "tool_calls" }
}

/// The body of a plain answer.
pub(crate) fn plain(id: &str, call: &Call<'_>, answer: &Answer) -> Vec<u8> {
    let function = |(index, (name, arguments)): (usize, &(String, String))| json!({"id": format!("call_{index}_{name}"), "type": "function", "function": {"name": name, "arguments": arguments}});
    let message = AnswerMessage {
        role: "assistant",
        content: &answer.text,
        refusal: None,
        tool_calls: answer.tool_calls.iter().enumerate().map(function).collect(),
    };
    let completion = Completion {
        id,
        object: "chat.completion",
        created: 0,
        model: &call.model,
        choices: [Choice { index: 0, message, logprobs: None, finish_reason: finish(answer) }],
        usage: Usage::of(call, answer),
    };
    // A struct of texts and numbers always has a JSON form.
    serde_json::to_vec(&completion).unwrap_or_default()
}

/// The events of a streamed answer, each a whole `data:` line with its blank line; the last is `[DONE]`.
pub(crate) fn streamed(id: &str, call: &Call<'_>, answer: &Answer, pieces: usize) -> Vec<String> {
    let event = |choices: serde_json::Value, usage: Option<Usage>| {
        let chunk = json!({"id": id, "object": "chat.completion.chunk", "created": 0, "model": call.model,
            "choices": choices, "usage": usage});
        format!("data: {chunk}\n\n")
    };
    let choice = |delta: serde_json::Value, finish: Option<&str>| json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]);
    let mut events = vec![event(choice(json!({"role": "assistant", "content": ""}), None), None)];
    for piece in cut(&answer.text, pieces) {
        events.push(event(choice(json!({"content": piece}), None), None));
    }
    for (index, (name, arguments)) in answer.tool_calls.iter().enumerate() {
        let head = json!({"tool_calls": [{"index": index, "id": format!("call_{index}_{name}"), "type": "function",
            "function": {"name": name, "arguments": ""}}]});
        events.push(event(choice(head, None), None));
        for piece in cut(arguments, pieces) {
            let delta = json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]});
            events.push(event(choice(delta, None), None));
        }
    }
    events.push(event(choice(json!({}), Some(finish(answer))), None));
    if call.stream_options.include_usage {
        events.push(event(json!([]), Some(Usage::of(call, answer))));
    }
    events.push("data: [DONE]\n\n".to_owned());
    events
}

/// Cuts a text into about `pieces` pieces, never inside a character.
fn cut(text: &str, pieces: usize) -> Vec<&str> {
    let size = text.len().div_ceil(pieces.max(1)).max(1);
    let (mut rest, mut out) = (text, Vec::new());
    while !rest.is_empty() {
        let (head, tail) = rest.split_at(rest.ceil_char_boundary(size));
        out.push(head);
        rest = tail;
    }
    out
}

/// The body of an error.
pub(crate) fn error(status: u16, text: &str) -> String {
    json!({"error": {"message": text, "type": "fake_error", "param": null, "code": status.to_string()}}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_between_characters() {
        assert_eq!(cut("héé", 5), ["h", "é", "é"]);
        assert_eq!(cut("", 5), Vec::<&str>::new());
        assert_eq!(cut("abcdef", 2), ["abc", "def"]);
    }
}
