//! The request's body, written straight from the conversation.

use std::borrow::Cow;

use arena_model::{Content, Message, Part, Role, ToolCall};
use serde::Serialize;
use serde::ser::{SerializeSeq as _, Serializer};
use serde_json::Value;

use crate::chat::{ChatRequest, ToolSpec};
use crate::error::Cause;
use crate::settings::Sampling;

/// Which parameters a model takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dialect {
    temperature: bool,
    top_p: bool,
    seed: bool,
    max_completion_tokens: bool,
    max_tokens: bool,
    stream_options: bool,
    tools: bool,
    tool_choice: bool,
    pub(super) stream: bool,
}

impl Dialect {
    pub(super) fn new(unsupported: &[String]) -> Self {
        let takes = |name: &str| !unsupported.iter().any(|param| param == name);
        Self {
            temperature: takes("temperature"),
            top_p: takes("top_p"),
            seed: takes("seed"),
            max_completion_tokens: takes("max_completion_tokens"),
            max_tokens: takes("max_tokens"),
            stream_options: takes("stream_options"),
            tools: takes("tools"),
            tool_choice: takes("tool_choice"),
            stream: takes("stream"),
        }
    }
}

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
    let media = |key: &str| part.media.as_ref().and_then(|media| media.get(key)).and_then(Value::as_str);
    let unsupported = || Cause::PartUnsupported { kind: part.kind.clone() };
    match (part.kind.as_str(), &part.text) {
        ("text", Some(text)) => Ok(WirePart::Text { text }),
        ("image", _) => {
            let url = match (media("url"), media("data")) {
                (Some(url), _) => Cow::Borrowed(url),
                (None, Some(data)) => {
                    let mime = media("mime_type").ok_or_else(unsupported)?;
                    Cow::Owned(format!("data:{mime};base64,{data}"))
                }
                (None, None) => return Err(unsupported()),
            };
            Ok(WirePart::ImageUrl { image_url: ImageUrl { url, detail: media("detail") } })
        }
        _ => Err(unsupported()),
    }
}

/// The body of a call.
pub(super) fn body(
    model: &str,
    request: &ChatRequest<'_>,
    defaults: Sampling,
    dialect: &Dialect,
) -> Result<bytes::Bytes, Cause> {
    let messages = request.messages.iter().map(wire_message).collect::<Result<Vec<_>, _>>()?;
    let most = request.max_tokens.or(defaults.max_tokens);
    let stream = request.stream && dialect.stream;
    let tools: Vec<_> = request.tools.iter().filter(|_| dialect.tools).map(wire_tool).collect();
    let must_call = request.must_call && dialect.tool_choice && !tools.is_empty();
    let body = Body {
        model,
        messages,
        temperature: request.temperature.or(defaults.temperature).filter(|_| dialect.temperature),
        top_p: request.top_p.or(defaults.top_p).filter(|_| dialect.top_p),
        max_completion_tokens: most.filter(|_| dialect.max_completion_tokens),
        max_tokens: most.filter(|_| !dialect.max_completion_tokens && dialect.max_tokens),
        seed: request.seed.or(defaults.seed).filter(|_| dialect.seed),
        tools,
        tool_choice: must_call.then_some("required"),
        stream: stream.then_some(true),
        stream_options: (stream && dialect.stream_options).then_some(StreamOptions { include_usage: true }),
    };
    // Texts, numbers and finite depth always have a JSON form; floats that have none become null, which vendors refuse.
    Ok(serde_json::to_vec(&body).unwrap_or_default().into())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::chat::MockContext;
    use arena_model::Author;
    use serde_json::json;

    fn request(messages: &[Message], stream: bool) -> ChatRequest<'_> {
        ChatRequest {
            messages,
            tools: &[],
            must_call: false,
            temperature: Some(0.5),
            top_p: None,
            max_tokens: Some(9),
            seed: Some(7),
            stream,
            context: MockContext::default(),
            watch: None,
            deadline: Instant::now(),
        }
    }

    fn sent(request: &ChatRequest<'_>, unsupported: &[&str]) -> Result<Value, Cause> {
        let defaults = Sampling { temperature: Some(1.0), top_p: Some(0.9), ..Sampling::default() };
        let unsupported: Vec<_> = unsupported.iter().map(|param| (*param).to_owned()).collect();
        let body = body("m", request, defaults, &Dialect::new(&unsupported))?;
        Ok(serde_json::from_slice(&body).unwrap())
    }

    fn json_of(messages: &[Message], stream: bool, unsupported: &[&str]) -> Result<Value, Cause> {
        sent(&request(messages, stream), unsupported)
    }

    #[test]
    fn writes_all_kinds_of_messages() {
        let mut call = Message::text(Role::Assistant, Author::Model, "");
        let tool_call = |id: &str, arguments| ToolCall { id: id.into(), name: "f".into(), arguments };
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
        for (kind, media) in [("audio", json!({"url": "x"})), ("image", json!({"file_path": "x.png"}))] {
            let mut message = Message::text(Role::User, Author::Script, "");
            message.content = Content::Parts(vec![Part { kind: kind.into(), text: None, media: Some(media) }]);
            assert_eq!(json_of(&[message], false, &[]), Err(Cause::PartUnsupported { kind: kind.into() }));
        }
    }
}
