//! The request's body.

use arena_model::{Content, Message, Part, Role};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::chat::ChatRequest;
use crate::error::Cause;
use crate::wire::parts::{Media, unsupported};
use crate::wire::turns::tool_of;
use crate::wire::{Parameters, arguments_object, bytes_of, put};

/// The body of a call. A server of this kind streams unless it is told not to.
pub(super) fn body(parameters: &Parameters, request: &ChatRequest<'_>, streamed: bool) -> Result<Bytes, Cause> {
    let mut body = Map::new();
    body.insert("model".into(), parameters.model.as_str().into());
    body.insert("messages".into(), Value::Array(messages(request.messages)?));
    body.insert("stream".into(), streamed.into());
    let function = |tool: &crate::ToolSpec| {
        let function = json!({"name": tool.name, "description": tool.description, "parameters": tool.parameters});
        json!({"type": "function", "function": function})
    };
    let tools: Vec<_> = request.tools.iter().filter(|_| parameters.takes("tools")).map(function).collect();
    put(&mut body, "tools", (!tools.is_empty()).then_some(tools));
    put(&mut body, "format", request.output_schema.cloned());
    let mut options = Map::new();
    put(&mut options, "temperature", parameters.temperature(request));
    put(&mut options, "top_p", parameters.top_p(request));
    put(&mut options, "num_predict", parameters.max_tokens(request).filter(|_| parameters.takes("max_tokens")));
    put(&mut options, "seed", parameters.seed(request).map(|seed| seed & 0x7fff_ffff));
    put(&mut body, "options", (!options.is_empty()).then_some(options));
    parameters.add_extra(&mut body, "keep_alive", "keep_alive");
    parameters.add_extra(&mut body, "think", "think");
    Ok(bytes_of(&body))
}

fn messages(messages: &[Message]) -> Result<Vec<Value>, Cause> {
    let one = |(index, message): (usize, &Message)| {
        let mut out = Map::new();
        out.insert("role".into(), json!(message.role));
        out.insert("content".into(), message.content.text().into());
        if let Content::Parts(parts) = &message.content {
            let images = parts.iter().filter(|part| part.kind != "text" || part.text.is_none()).map(image);
            let images = images.collect::<Result<Vec<_>, _>>()?;
            put(&mut out, "images", (!images.is_empty()).then_some(images));
        }
        if !message.tool_calls.is_empty() {
            let call = |call: &arena_model::ToolCall| json!({"function": {"name": call.name, "arguments": arguments_object(&call.arguments)}});
            out.insert("tool_calls".into(), message.tool_calls.iter().map(call).collect());
        }
        if message.role == Role::Tool {
            put(&mut out, "tool_name", tool_of(messages, index));
        }
        Ok(Value::Object(out))
    };
    messages.iter().enumerate().map(one).collect()
}

fn image(part: &Part) -> Result<Value, Cause> {
    match (part.kind.as_str(), Media::of(part)) {
        ("image", Some(Media::Data { data, .. })) => Ok(data.into()),
        _ => Err(unsupported(part, "text, and images with data")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Instant;

    use arena_model::{Author, ToolCall};

    use super::*;
    use crate::settings::Sampling;

    #[test]
    fn writes_calls_results_and_images() {
        let mut look = Message::text(Role::User, Author::Script, "");
        look.content = Content::Parts(vec![
            Part { kind: "text".into(), text: Some("look".into()), media: None },
            Part { kind: "image".into(), text: None, media: Some(json!({"mime_type": "image/png", "data": "QUJD"})) },
        ]);
        let mut called = Message::text(Role::Assistant, Author::Model, "");
        called.tool_calls = vec![ToolCall::new("a", "f", json!({"x": 1}))];
        let result = Message { tool_call_id: Some("a".into()), ..Message::text(Role::Tool, Author::Tool, "1") };
        let messages = [look, called, result];
        let extra = BTreeMap::from([("keep_alive".to_owned(), json!("5m"))]);
        let parameters = Parameters::new("m", Sampling { max_tokens: Some(9), ..Sampling::default() }, &[], extra);
        let body = body(&parameters, &ChatRequest::new(&messages, Instant::now()), false).unwrap();
        let expected = json!({"model": "m", "stream": false, "keep_alive": "5m", "options": {"num_predict": 9}, "messages": [
            {"role": "user", "content": "look", "images": ["QUJD"]},
            {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"x": 1}}}]},
            {"role": "tool", "content": "1", "tool_name": "f"}]});
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), expected);
    }
}
