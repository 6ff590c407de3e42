//! The request's body.

use arena_model::{Content, Message, Part, Role, ToolCall};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::chat::ChatRequest;
use crate::error::Cause;
use crate::wire::parts::{Media, unsupported};
use crate::wire::{ANSWER, Parameters, bytes_of, put};

/// The body of a call. Nothing is stored with the vendor: the conversation is sent whole each time.
pub(super) fn body(parameters: &Parameters, request: &ChatRequest<'_>, streamed: bool) -> Result<Bytes, Cause> {
    let takes = |name| parameters.takes(name);
    let mut body = Map::new();
    body.insert("model".into(), parameters.model.as_str().into());
    body.insert("input".into(), Value::Array(items(request.messages)?));
    put(&mut body, "store", takes("store").then_some(false));
    put(&mut body, "temperature", parameters.temperature(request));
    put(&mut body, "top_p", parameters.top_p(request));
    put(&mut body, "max_output_tokens", parameters.max_tokens(request).filter(|_| takes("max_output_tokens")));
    let tools = request.tools.iter().filter(|_| takes("tools")).map(|tool| {
        json!({"type": "function", "name": tool.name, "description": tool.description, "parameters": tool.parameters,
            "strict": false})
    });
    let tools: Vec<_> = tools.collect();
    if !tools.is_empty() {
        put(&mut body, "tool_choice", (request.must_call && takes("tool_choice")).then_some("required"));
        body.insert("tools".into(), Value::Array(tools));
    }
    let mut reasoning = Map::new();
    put(&mut reasoning, "effort", parameters.extra.get("reasoning_effort").cloned());
    put(&mut reasoning, "summary", parameters.extra.get("reasoning_summary").cloned());
    put(&mut body, "reasoning", (!reasoning.is_empty()).then_some(reasoning));
    if let Some(schema) = request.output_schema {
        let format = json!({"type": "json_schema", "name": ANSWER, "schema": schema, "strict": false});
        body.insert("text".into(), json!({ "format": format }));
    }
    put(&mut body, "stream", streamed.then_some(true));
    Ok(bytes_of(&body))
}

fn items(messages: &[Message]) -> Result<Vec<Value>, Cause> {
    let mut items = Vec::new();
    for message in messages {
        if message.role == Role::Tool {
            let (id, output) = (message.tool_call_id.as_deref(), message.content.text());
            items.push(json!({"type": "function_call_output", "call_id": id, "output": output}));
            continue;
        }
        let content = match &message.content {
            Content::Text(text) if text.is_empty() && !message.tool_calls.is_empty() => None,
            Content::Text(text) => Some(Value::String(text.clone())),
            Content::Parts(parts) => {
                Some(Value::Array(parts.iter().map(|it| part(it, message.role)).collect::<Result<_, _>>()?))
            }
        };
        if let Some(content) = content {
            items.push(json!({"role": message.role, "content": content}));
        }
        items.extend(message.tool_calls.iter().map(call));
    }
    Ok(items)
}

fn call(call: &ToolCall) -> Value {
    // Arguments that are a text are what a model wrote that was no JSON; it gets them back as it wrote them.
    let arguments = call.arguments.as_str().map_or_else(|| call.arguments.to_string(), str::to_owned);
    json!({"type": "function_call", "call_id": call.id, "name": call.name, "arguments": arguments})
}

fn part(part: &Part, role: Role) -> Result<Value, Cause> {
    let refused = || unsupported(part, "text, images with url or data and documents with data");
    let data_url = |data: &str, mime: &str| format!("data:{mime};base64,{data}");
    match (part.kind.as_str(), &part.text, Media::of(part)) {
        ("text", Some(text), _) => {
            let kind = if role == Role::Assistant { "output_text" } else { "input_text" };
            Ok(json!({"type": kind, "text": text}))
        }
        ("image", _, Some(Media::Url { url, .. })) => Ok(json!({"type": "input_image", "image_url": url})),
        ("image", _, Some(Media::Data { data, mime })) => {
            Ok(json!({"type": "input_image", "image_url": data_url(data, mime)}))
        }
        ("document", _, Some(Media::Data { data, mime })) => {
            Ok(json!({"type": "input_file", "filename": "document.pdf", "file_data": data_url(data, mime)}))
        }
        _ => Err(refused()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Instant;

    use arena_model::Author;

    use super::*;
    use crate::settings::Sampling;

    #[test]
    fn calls_and_results_are_items() {
        let mut called = Message::text(Role::Assistant, Author::Model, "");
        called.tool_calls = vec![ToolCall::new("c", "f", json!({"x": 1}))];
        let result = Message { tool_call_id: Some("c".into()), ..Message::text(Role::Tool, Author::Tool, "1") };
        let messages = [Message::text(Role::User, Author::Script, "hi"), called, result];
        let extra = BTreeMap::from([("reasoning_effort".to_owned(), json!("low"))]);
        let parameters = Parameters::new("m", Sampling { max_tokens: Some(9), ..Sampling::default() }, &[], extra);
        let body = body(&parameters, &ChatRequest::new(&messages, Instant::now()), true).unwrap();
        let expected = json!({"model": "m", "store": false, "stream": true, "max_output_tokens": 9,
            "reasoning": {"effort": "low"}, "input": [
                {"role": "user", "content": "hi"},
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{\"x\":1}"},
                {"type": "function_call_output", "call_id": "c", "output": "1"}]});
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), expected);
    }
}
