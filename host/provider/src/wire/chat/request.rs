//! The request's body, written straight from the conversation.

use std::borrow::Cow;
use std::collections::BTreeMap;

use arena_model::{Content, Message, Part, Role, ToolCall};
use bytes::Bytes;
use serde::Serialize;
use serde::ser::{SerializeSeq as _, Serializer};
use serde_json::{Value, json};

use crate::chat::{ChatRequest, ToolSpec};
use crate::error::Cause;
use crate::wire::parts::{Media, unsupported};
use crate::wire::{ANSWER, Parameters, bytes_of};

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<WireMessage<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<WireTool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<Value>,
    #[serde(flatten)]
    extra: BTreeMap<&'a str, &'a Value>,
}

#[derive(Serialize)]
struct WireTool<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    function: WireSignature<'a>,
}

#[derive(Serialize)]
struct WireSignature<'a> {
    name: &'a str,
    description: &'a str,
    parameters: &'a Value,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
struct WireMessage<'a> {
    role: Role,
    content: WireContent<'a>,
    #[serde(skip_serializing_if = "<[_]>::is_empty", serialize_with = "tool_calls")]
    tool_calls: &'a [ToolCall],
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum WireContent<'a> {
    Nothing(()),
    Text(&'a str),
    Parts(Vec<WirePart<'a>>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum WirePart<'a> {
    Text { text: &'a str },
    ImageUrl { image_url: ImageUrl<'a> },
    InputAudio { input_audio: InputAudio<'a> },
    File { file: File<'a> },
}

#[derive(Serialize)]
struct InputAudio<'a> {
    data: &'a str,
    format: &'a str,
}

#[derive(Serialize)]
struct File<'a> {
    filename: &'static str,
    file_data: Cow<'a, str>,
}

#[derive(Serialize)]
struct ImageUrl<'a> {
    url: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

#[derive(Serialize)]
struct WireCall<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    function: WireFunction<'a>,
}

#[derive(Serialize)]
struct WireFunction<'a> {
    name: &'a str,
    /// JSON in a text, as this interface wants it.
    arguments: Cow<'a, str>,
}

fn tool_calls<S: Serializer>(calls: &[ToolCall], serializer: S) -> Result<S::Ok, S::Error> {
    let mut list = serializer.serialize_seq(Some(calls.len()))?;
    for call in calls {
        // Arguments that are a text are what a model wrote that was no JSON; it gets them back as it wrote them.
        let arguments = match &call.arguments {
            Value::String(text) => Cow::Borrowed(text.as_str()),
            json => Cow::Owned(json.to_string()),
        };
        let function = WireFunction { name: &call.name, arguments };
        list.serialize_element(&WireCall { id: &call.id, kind: "function", function })?;
    }
    list.end()
}

fn wire_tool(tool: &ToolSpec) -> WireTool<'_> {
    let ToolSpec { name, description, parameters } = tool;
    WireTool { kind: "function", function: WireSignature { name, description, parameters } }
}

fn wire_message(message: &Message) -> Result<WireMessage<'_>, Cause> {
    let content = match &message.content {
        Content::Text(text) if text.is_empty() && !message.tool_calls.is_empty() => WireContent::Nothing(()),
        Content::Text(text) => WireContent::Text(text),
        Content::Parts(parts) => WireContent::Parts(parts.iter().map(wire_part).collect::<Result<_, _>>()?),
    };
    let (tool_calls, tool_call_id) = (message.tool_calls.as_slice(), message.tool_call_id.as_deref());
    Ok(WireMessage { role: message.role, content, tool_calls, tool_call_id })
}

fn wire_part(part: &Part) -> Result<WirePart<'_>, Cause> {
    const TAKES: &str = "text, images with url or data, audio (wav or mp3) and documents with data";
    let refused = || unsupported(part, TAKES);
    let data_url = |data: &str, mime: &str| Cow::Owned(format!("data:{mime};base64,{data}"));
    match (part.kind.as_str(), &part.text, Media::of(part)) {
        ("text", Some(text), _) => Ok(WirePart::Text { text }),
        ("image", _, Some(media)) => {
            let url = match media {
                Media::Url { url, .. } => Cow::Borrowed(url),
                Media::Data { data, mime } => data_url(data, mime),
            };
            let detail = part.media.as_ref().and_then(|media| media.get("detail")).and_then(Value::as_str);
            Ok(WirePart::ImageUrl { image_url: ImageUrl { url, detail } })
        }
        ("audio", _, Some(Media::Data { data, mime })) => {
            let format = Media::format(mime);
            Ok(WirePart::InputAudio { input_audio: InputAudio { data, format } })
        }
        ("document", _, Some(Media::Data { data, mime })) => {
            Ok(WirePart::File { file: File { filename: "document.pdf", file_data: data_url(data, mime) } })
        }
        _ => Err(refused()),
    }
}

/// Keys of the settings that go into the body as they are.
const EXTRA: [&str; 7] = [
    "reasoning_effort",
    "guided_json",
    "guided_regex",
    "guided_choice",
    "use_beam_search",
    "ignore_eos",
    "frequency_penalty",
];

/// The body of a call.
pub(super) fn body(parameters: &Parameters, request: &ChatRequest<'_>, stream: bool) -> Result<Bytes, Cause> {
    let takes = |name| parameters.takes(name);
    let messages = request.messages.iter().map(wire_message).collect::<Result<Vec<_>, _>>()?;
    let most = parameters.max_tokens(request);
    let tools: Vec<_> = request.tools.iter().filter(|_| takes("tools")).map(wire_tool).collect();
    let must_call = request.must_call && takes("tool_choice") && !tools.is_empty();
    let shape = request.output_schema.filter(|_| takes("response_format"));
    let extra = EXTRA.iter().filter(|name| takes(name));
    let extra = extra.filter_map(|name| Some((*name, parameters.extra.get(*name)?))).collect();
    Ok(bytes_of(&Body {
        model: &parameters.model,
        messages,
        temperature: parameters.temperature(request),
        top_p: parameters.top_p(request),
        max_completion_tokens: most.filter(|_| takes("max_completion_tokens")),
        max_tokens: most.filter(|_| !takes("max_completion_tokens") && takes("max_tokens")),
        seed: parameters.seed(request),
        tools,
        tool_choice: must_call.then_some("required"),
        stream: stream.then_some(true),
        stream_options: (stream && takes("stream_options")).then_some(StreamOptions { include_usage: true }),
        response_format: shape
            .map(|schema| json!({"type": "json_schema", "json_schema": {"name": ANSWER, "schema": schema}})),
        extra,
    }))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::settings::Sampling;
    use arena_model::Author;
    use serde_json::json;

    fn request(messages: &[Message], stream: bool) -> ChatRequest<'_> {
        ChatRequest {
            temperature: Some(0.5),
            max_tokens: Some(9),
            seed: Some(7),
            stream,
            ..ChatRequest::new(messages, Instant::now())
        }
    }

    fn sent(request: &ChatRequest<'_>, unsupported: &[&str]) -> Result<Value, Cause> {
        let defaults = Sampling { temperature: Some(1.0), top_p: Some(0.9), ..Sampling::default() };
        let unsupported: Vec<_> = unsupported.iter().map(|param| (*param).to_owned()).collect();
        let parameters = Parameters::new("m", defaults, &unsupported, BTreeMap::new());
        let body = body(&parameters, request, request.stream && parameters.takes("stream"))?;
        Ok(serde_json::from_slice(&body).unwrap())
    }

    fn json_of(messages: &[Message], stream: bool, unsupported: &[&str]) -> Result<Value, Cause> {
        sent(&request(messages, stream), unsupported)
    }

    #[test]
    fn writes_all_kinds_of_messages() {
        let mut call = Message::text(Role::Assistant, Author::Model, "");
        let tool_call = |id: &str, arguments| ToolCall::new(id, "f", arguments);
        call.tool_calls = vec![tool_call("c1", json!({"a": 1})), tool_call("c2", json!("{oops"))];
        let mut result = Message::text(Role::Tool, Author::Tool, "found");
        result.tool_call_id = Some("c1".into());
        let image = |media| Part { kind: "image".into(), text: None, media: Some(media) };
        let mut look = Message::text(Role::User, Author::Script, "");
        look.content = Content::Parts(vec![
            Part { kind: "text".into(), text: Some("look".into()), media: None },
            image(json!({"url": "https://x/y.png", "detail": "low"})),
            image(json!({"mime_type": "image/png", "data": "QUJD"})),
        ]);
        let messages = [Message::text(Role::System, Author::Script, "be brief"), call, result, look];
        let function = |id: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": arguments}});
        let expected = json!({
            "model": "m", "temperature": 0.5, "top_p": 0.9, "max_completion_tokens": 9, "seed": 7,
            "messages": [
                {"role": "system", "content": "be brief"},
                {"role": "assistant", "content": null,
                    "tool_calls": [function("c1", "{\"a\":1}"), function("c2", "{oops")]},
                {"role": "tool", "content": "found", "tool_call_id": "c1"},
                {"role": "user", "content": [
                    {"type": "text", "text": "look"},
                    {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}]},
            ],
        });
        assert_eq!(json_of(&messages, false, &[]).unwrap(), expected);
    }

    #[test]
    fn leaves_out_what_is_not_supported() {
        let expected = json!({"model": "m", "messages": [], "top_p": 0.9, "max_tokens": 9, "stream": true});
        let unsupported = ["temperature", "seed", "max_completion_tokens", "stream_options"];
        assert_eq!(json_of(&[], true, &unsupported).unwrap(), expected);
        let all = json_of(&[], true, &[]).unwrap();
        assert_eq!(all["stream_options"], json!({"include_usage": true}));
        let none = json_of(&[], true, &["max_tokens", "max_completion_tokens", "stream"]).unwrap();
        assert_eq!((none.get("max_tokens"), none.get("max_completion_tokens"), none.get("stream")), (None, None, None));
    }

    #[test]
    fn a_call_is_demanded_only_where_there_is_something_to_call() {
        let tool = ToolSpec { name: "f".into(), description: "d".into(), parameters: json!({}) };
        let choice = |must_call: bool, tools: &[ToolSpec], unsupported: &[&str]| {
            let request = ChatRequest { must_call, tools, ..request(&[], false) };
            sent(&request, unsupported).unwrap().get("tool_choice").cloned()
        };
        let tools = [tool];
        assert_eq!(choice(true, &tools, &[]), Some(json!("required")));
        assert_eq!(choice(false, &tools, &[]), None);
        assert_eq!(choice(true, &[], &[]), None);
        assert_eq!(choice(true, &tools, &["tool_choice"]), None);
        assert_eq!(choice(true, &tools, &["tools"]), None);
    }

    #[test]
    fn refuses_parts_it_cannot_send() {
        for (kind, media) in [("video", json!({"url": "x"})), ("image", json!({"file_path": "x.png"}))] {
            let mut message = Message::text(Role::User, Author::Script, "");
            message.content = Content::Parts(vec![Part { kind: kind.into(), text: None, media: Some(media) }]);
            let refused = json_of(&[message], false, &[]).unwrap_err();
            assert!(matches!(refused, Cause::PartUnsupported { kind: found, .. } if found == kind));
        }
    }
}
