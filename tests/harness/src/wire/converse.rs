//! Bedrock Converse.

use bytes::Bytes;
use hyper::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::event_stream::frame;
use super::{Call, Part, Place, Said, Speaker, Turn, Unreadable, Wire, arguments, cut, remarks};

/// `POST /model/ID/converse` and `/model/ID/converse-stream`.
pub(super) struct Converse;

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    system: Vec<Block>,
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    role: Role,
    content: Vec<Block>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    User,
    Assistant,
}

#[derive(Deserialize)]
struct Block {
    text: Option<String>,
    #[serde(rename = "toolResult")]
    tool_result: Option<ToolResult>,
}

#[derive(Deserialize)]
struct ToolResult {
    content: Vec<ResultBlock>,
}

#[derive(Deserialize)]
struct ResultBlock {
    text: Option<String>,
    json: Option<Value>,
}

impl ToolResult {
    fn text(self) -> String {
        let texts = self.content.into_iter().filter_map(|block| block.text.or(block.json.map(|json| json.to_string())));
        texts.collect::<Vec<_>>().join("\n")
    }
}

fn said(by: Speaker, blocks: Vec<Block>) -> Vec<Said<'static>> {
    let part = |block: Block| match (block.text, block.tool_result) {
        (_, Some(result)) => Part::ToolResult(result.text()),
        (Some(text), None) => Part::Text(text.into()),
        (None, None) => Part::Other,
    };
    remarks(by, blocks.into_iter().map(part))
}

/// The vendor's name for a status.
fn exception(status: u16) -> &'static str {
    match status {
        401 => "UnrecognizedClientException",
        403 => "AccessDeniedException",
        404 => "ResourceNotFoundException",
        408 => "ModelTimeoutException",
        424 => "ModelErrorException",
        429 => "ThrottlingException",
        503 => "ServiceUnavailableException",
        400..=499 => "ValidationException",
        _ => "InternalServerException",
    }
}

fn stop_reason(turn: &Turn<'_>) -> &'static str {
    if turn.calls_tools() { "tool_use" } else { "end_turn" }
}

fn usage(turn: &Turn<'_>) -> Value {
    json!({"inputTokens": turn.fresh(), "outputTokens": turn.completion(),
        "cacheReadInputTokens": turn.details.cached, "cacheWriteInputTokens": turn.details.cache_written,
        "totalTokens": turn.prompt() + turn.completion()})
}

fn id(index: usize, name: &str) -> String {
    format!("tooluse_{index}_{name}")
}

fn event(kind: &str, mut payload: Value) -> Bytes {
    // Padding that hides the length of the pieces, as the vendor sends it.
    payload["p"] = "abcdefghijkl".into();
    let headers = [(":event-type", kind), (":content-type", "application/json"), (":message-type", "event")];
    frame(&headers, payload.to_string().as_bytes())
}

impl Wire for Converse {
    fn read<'a>(&self, place: &'a Place, _: &HeaderMap, body: &'a [u8]) -> Result<Call<'a>, Unreadable> {
        let asked: Asked = serde_json::from_slice(body)?;
        let messages = asked.messages.into_iter().flat_map(|message| {
            let by = match message.role {
                Role::User => Speaker::User,
                Role::Assistant => Speaker::Other,
            };
            said(by, message.content)
        });
        let all = said(Speaker::Other, asked.system).into_iter().chain(messages).collect();
        Ok(Call::new(place.model()?, place.stream, all))
    }

    fn plain(&self, turn: &Turn<'_>) -> Vec<u8> {
        let text = turn.has_text().then(|| json!({"text": turn.answer.text}));
        let calls = turn.answer.tool_calls.iter().enumerate();
        let calls = calls.map(|(index, (name, input))| {
            json!({"toolUse": {"toolUseId": id(index, name), "name": name, "input": arguments(input)}})
        });
        let content: Vec<Value> = text.into_iter().chain(calls).collect();
        let response = json!({"output": {"message": {"role": "assistant", "content": content}},
            "stopReason": stop_reason(turn), "usage": usage(turn), "metrics": {"latencyMs": 1}});
        response.to_string().into()
    }

    fn streamed(&self, turn: &Turn<'_>) -> Vec<Bytes> {
        let mut events = vec![event("messageStart", json!({"role": "assistant"}))];
        let delta =
            |at: usize, delta: Value| event("contentBlockDelta", json!({"contentBlockIndex": at, "delta": delta}));
        let stop = |at: usize| event("contentBlockStop", json!({"contentBlockIndex": at}));
        let mut at = 0;
        if turn.has_text() {
            // The vendor announces tool calls only, never texts.
            events.extend(turn.text_pieces().into_iter().map(|piece| delta(at, json!({"text": piece}))));
            events.push(stop(at));
            at += 1;
        }
        for (index, (name, input)) in turn.answer.tool_calls.iter().enumerate() {
            let start = json!({"toolUse": {"toolUseId": id(index, name), "name": name}});
            events.push(event("contentBlockStart", json!({"contentBlockIndex": at, "start": start})));
            let pieces = cut(input, turn.pieces).into_iter();
            events.extend(pieces.map(|piece| delta(at, json!({"toolUse": {"input": piece}}))));
            events.push(stop(at));
            at += 1;
        }
        events.push(event("messageStop", json!({"stopReason": stop_reason(turn)})));
        events.push(event("metadata", json!({"usage": usage(turn), "metrics": {"latencyMs": 1}})));
        events
    }

    fn stream_type(&self) -> &'static str {
        "application/vnd.amazon.eventstream"
    }

    fn broken(&self) -> Bytes {
        let headers =
            [(":event-type", "contentBlockDelta"), (":content-type", "application/json"), (":message-type", "event")];
        frame(&headers, b"{\"contentBlockIndex\": oops")
    }

    fn error_events(&self, _: &Turn<'_>, _: usize, text: &str) -> Vec<Bytes> {
        let headers = [
            (":exception-type", "internalServerException"),
            (":content-type", "application/json"),
            (":message-type", "exception"),
        ];
        vec![frame(&headers, self.error(500, text).as_bytes())]
    }

    fn error(&self, _: u16, text: &str) -> String {
        json!({"message": text}).to_string()
    }

    fn error_header(&self, status: u16) -> Option<(&'static str, &'static str)> {
        Some(("x-amzn-errortype", exception(status)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::event_stream::tests::read;
    use super::super::tests::{plain, streamed, text_and_call, with_turn};
    use super::*;
    use crate::wire::Answer;

    #[test]
    fn both_forms_say_the_same() {
        let asked =
            json!({"system": [{"text": "abcd"}], "messages": [{"role": "user", "content": [{"text": "abcd"}]}]});
        let plain = plain("/model/m/converse", &asked, &text_and_call());
        assert_eq!(plain["output"]["message"]["content"][1]["toolUse"]["input"], json!({"city": "Paris"}));
        let usage = json!({"inputTokens": 2, "outputTokens": 10, "cacheReadInputTokens": 5,
            "cacheWriteInputTokens": 3, "totalTokens": 20});
        assert_eq!(plain["usage"], usage);
        let events = streamed("/model/m/converse-stream", &asked, &text_and_call());
        let parsed = |frame: Bytes| {
            let (headers, payload) = read(frame);
            assert_eq!(headers[":message-type"], "event");
            (headers[":event-type"].clone(), serde_json::from_slice::<Value>(&payload).unwrap())
        };
        let events: Vec<(String, Value)> = events.into_iter().map(parsed).collect();
        let names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
        let (start, delta, stop) = ("contentBlockStart", "contentBlockDelta", "contentBlockStop");
        let expected =
            ["messageStart", delta, delta, delta, stop, start, delta, delta, delta, stop, "messageStop", "metadata"];
        assert_eq!(names, expected);
        let input: String = events.iter().filter_map(|(_, data)| data["delta"]["toolUse"]["input"].as_str()).collect();
        assert_eq!(input, r#"{"city":"Paris"}"#);
        assert_eq!((&events[10].1["stopReason"], &events[11].1["usage"]), (&json!("tool_use"), &usage));
    }

    #[test]
    fn a_result_is_the_tools() {
        let asked = json!({"messages": [{"role": "user", "content": [{"text": "q"}]},
            {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t", "name": "f", "input": {}}}]},
            {"role": "user", "content": [{"toolResult": {"toolUseId": "t", "content": [{"json": {"a": 1}}]}}]}]});
        with_turn("/model/m/converse", &asked, &Answer::default(), |wire, turn| {
            assert!(turn.call.after_tool());
            assert_eq!(turn.call.user_texts().collect::<Vec<_>>(), ["q"]);
            let (headers, payload) = read(wire.error_events(turn, 0, "no").remove(0));
            assert_eq!((headers[":message-type"].as_str(), &payload[..]), ("exception", &br#"{"message":"no"}"#[..]));
        });
    }
}
