//! Gemini `generateContent`, with an API key and on Vertex AI.

use bytes::Bytes;
use hyper::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, Part, Place, Said, Speaker, Turn, Unreadable, Wire, arguments, remarks};

/// What the thoughts behind a call are signed with.
const SIGNATURE: &str = "dGhvdWdodHM=";

/// `POST */models/M:generateContent` and `:streamGenerateContent`.
pub(super) struct Gemini {
    /// The stream is of server-sent events; the vendor's other form, one JSON list, is refused.
    pub(super) framed: bool,
}

#[derive(Deserialize)]
struct Asked {
    #[serde(rename = "systemInstruction", alias = "system_instruction")]
    system: Option<Content>,
    contents: Vec<Content>,
}

/// What is said in one turn.
#[derive(Deserialize)]
pub(super) struct Content {
    role: Option<Role>,
    parts: Vec<ContentPart>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    User,
    Model,
    Function,
    System,
}

#[derive(Deserialize)]
struct ContentPart {
    text: Option<String>,
    #[serde(rename = "functionCall", alias = "function_call")]
    function_call: Option<Value>,
    #[serde(rename = "thoughtSignature", alias = "thought_signature")]
    signature: Option<String>,
    #[serde(rename = "functionResponse", alias = "function_response")]
    function_response: Option<FunctionResponse>,
}

#[derive(Deserialize)]
struct FunctionResponse {
    response: serde_json::Map<String, Value>,
}

impl Content {
    pub(super) fn said(self) -> Vec<Said<'static>> {
        let by = match self.role {
            Some(Role::Model | Role::System) => Speaker::Other,
            Some(Role::User | Role::Function) | None => Speaker::User,
        };
        let part = |part: ContentPart| match (part.text, part.function_response) {
            (_, Some(result)) => Part::ToolResult(Value::Object(result.response).to_string()),
            (Some(text), None) => Part::Text(text.into()),
            (None, None) => Part::Other,
        };
        remarks(by, self.parts.into_iter().map(part))
    }
}

/// Whether the first call of each answer since the user has last spoken has the signature that came with it.
fn is_signed(contents: &[Content]) -> bool {
    let spoke = |content: &Content| {
        !matches!(content.role, Some(Role::Model)) && content.parts.iter().any(|it| it.text.is_some())
    };
    let since = contents.iter().rposition(spoke).map_or(0, |at| at + 1);
    let mut first =
        contents[since..].iter().filter_map(|content| content.parts.iter().find(|it| it.function_call.is_some()));
    first.all(|part| part.signature.as_deref() == Some(SIGNATURE))
}

/// The vendor's name for a status.
fn status_name(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        501 => "UNIMPLEMENTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        400..=499 => "INVALID_ARGUMENT",
        _ => "INTERNAL",
    }
}

fn response(turn: &Turn<'_>, parts: &[Value], last: bool) -> Value {
    let mut candidate = json!({"content": {"role": "model", "parts": parts}, "index": 0});
    let mut usage = json!({"promptTokenCount": turn.prompt(), "totalTokenCount": turn.prompt()});
    if turn.details.cached > 0 {
        usage["cachedContentTokenCount"] = turn.details.cached.into();
    }
    if last {
        candidate["finishReason"] = "STOP".into();
        usage["candidatesTokenCount"] = turn.text().into();
        usage["totalTokenCount"] = (turn.prompt() + turn.completion()).into();
        if turn.details.reasoning > 0 {
            usage["thoughtsTokenCount"] = turn.details.reasoning.into();
        }
    }
    json!({"candidates": [candidate], "usageMetadata": usage, "modelVersion": turn.call.model,
        "responseId": format!("gemini-{}", turn.number)})
}

fn function_calls(turn: &Turn<'_>) -> impl Iterator<Item = Value> {
    let calls = turn.answer.tool_calls.iter().enumerate();
    calls.map(|(at, (name, args))| {
        let mut part = json!({"functionCall": {"name": name, "args": arguments(args)}});
        if at == 0 {
            part["thoughtSignature"] = SIGNATURE.into();
        }
        part
    })
}

impl Wire for Gemini {
    fn read<'a>(&self, place: &'a Place, _: &HeaderMap, body: &'a [u8]) -> Result<Call<'a>, Unreadable> {
        if !self.framed {
            return Err(Unreadable::Missing("without alt=sse the stream would be one JSON list; ask for alt=sse"));
        }
        let asked: Asked = serde_json::from_slice(body)?;
        // Older models do without.
        if place.model()?.starts_with("gemini-3") && !is_signed(&asked.contents) {
            return Err(Unreadable::Missing("Function call is missing a thought_signature in functionCall parts"));
        }
        let system = asked.system.map(|system| Content { role: Some(Role::System), ..system });
        let said = system.into_iter().chain(asked.contents).flat_map(Content::said).collect();
        Ok(Call::new(place.model()?, place.stream, said))
    }

    fn plain(&self, turn: &Turn<'_>) -> Vec<u8> {
        let text = turn.has_text().then(|| json!({"text": turn.answer.text}));
        let parts: Vec<Value> = text.into_iter().chain(function_calls(turn)).collect();
        response(turn, &parts, true).to_string().into()
    }

    fn streamed(&self, turn: &Turn<'_>) -> Vec<Bytes> {
        let texts = turn.text_pieces().into_iter().map(|piece| json!({"text": piece}));
        let mut parts: Vec<Value> = texts.chain(function_calls(turn)).collect();
        if parts.is_empty() {
            parts.push(json!({"text": ""}));
        }
        let last = parts.len() - 1;
        let event = |(at, part): (usize, Value)| format!("data: {}\r\n\r\n", response(turn, &[part], at == last));
        parts.into_iter().enumerate().map(event).map(Bytes::from).collect()
    }

    fn broken(&self) -> Bytes {
        Bytes::from_static(b"data: {\"candidates\": [oops\r\n\r\n")
    }

    fn error(&self, status: u16, text: &str) -> String {
        json!({"error": {"code": status, "message": text, "status": status_name(status)}}).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{plain, streamed, text_and_call, with_turn};
    use super::*;
    use crate::wire::Answer;

    #[test]
    fn both_forms_say_the_same() {
        let asked = json!({"systemInstruction": {"parts": [{"text": "abcd"}]},
            "contents": [{"role": "user", "parts": [{"text": "abcd"}]}]});
        let plain = plain("/v1beta/models/g:generateContent", &asked, &text_and_call());
        assert_eq!(plain["candidates"][0]["content"]["parts"][1]["functionCall"]["args"], json!({"city": "Paris"}));
        let usage = json!({"promptTokenCount": 10, "cachedContentTokenCount": 5, "candidatesTokenCount": 3,
            "thoughtsTokenCount": 7, "totalTokenCount": 20});
        assert_eq!(plain["usageMetadata"], usage);
        let events = streamed("/v1beta/models/g:streamGenerateContent?alt=sse", &asked, &text_and_call());
        let chunk = |event: &Bytes| {
            let data = std::str::from_utf8(event).unwrap().strip_prefix("data: ").unwrap();
            serde_json::from_str::<Value>(data.strip_suffix("\r\n\r\n").unwrap()).unwrap()
        };
        let chunks: Vec<Value> = events.iter().map(chunk).collect();
        let part = |chunk: &Value| chunk["candidates"][0]["content"]["parts"][0].clone();
        let text: String = chunks.iter().filter_map(|chunk| part(chunk)["text"].as_str().map(str::to_owned)).collect();
        let last = chunks.last().unwrap();
        assert_eq!(text, "hello, world");
        assert_eq!(part(last), plain["candidates"][0]["content"]["parts"][1]);
        assert_eq!((&last["candidates"][0]["finishReason"], &last["usageMetadata"]), (&json!("STOP"), &usage));
    }

    #[test]
    fn the_third_generation_wants_its_signatures_back() {
        let asked = |signature: Value| {
            let call = json!({"functionCall": {"name": "f", "args": {}}, "thoughtSignature": signature});
            json!({"contents": [{"role": "user", "parts": [{"text": "q"}]}, {"role": "model", "parts": [call]},
                {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"result": 42}}}]}]})
        };
        let read = |model: &str, asked: Value| {
            let place = Place::of(&format!("/v1beta/models/{model}:generateContent").parse().unwrap()).unwrap();
            place.wire.read(&place, &HeaderMap::new(), asked.to_string().as_bytes()).map(drop)
        };
        assert!(read("gemini-3-pro", asked(json!(SIGNATURE))).is_ok());
        assert!(read("gemini-3-pro", asked(Value::Null)).unwrap_err().to_string().contains("thought_signature"));
        assert!(read("gemini-2.5-pro", asked(Value::Null)).is_ok());
    }

    #[test]
    fn a_response_is_the_tools() {
        let asked = json!({"contents": [{"role": "user", "parts": [{"text": "q"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"result": 42}}}]}]});
        with_turn("/v1beta/models/g:generateContent", &asked, &Answer::default(), |_, turn| {
            assert!(turn.call.after_tool());
            assert_eq!(turn.call.user_texts().collect::<Vec<_>>(), ["q"]);
        });
    }
}
