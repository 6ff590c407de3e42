//! The request's body.

use arena_model::{Content, Message, Part, Role};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::chat::ChatRequest;
use crate::error::Cause;
use crate::wire::parts::{Media, unsupported};
use crate::wire::turns::{system, turns};
use crate::wire::{ANSWER, Parameters, arguments_object, bytes_of, put};

/// The body of a call.
pub(super) fn body(parameters: &Parameters, request: &ChatRequest<'_>) -> Result<Bytes, Cause> {
    let mut body = Map::new();
    let system: Vec<_> = system(request.messages).into_iter().map(|text| json!({ "text": text })).collect();
    put(&mut body, "system", (!system.is_empty()).then_some(system));
    let turns = turns(request.messages, "assistant", blocks)?;
    body.insert(
        "messages".into(),
        turns.into_iter().map(|(role, content)| json!({"role": role, "content": content})).collect(),
    );
    let mut config = Map::new();
    put(&mut config, "temperature", parameters.temperature(request));
    put(&mut config, "topP", parameters.top_p(request));
    put(&mut config, "maxTokens", parameters.max_tokens(request).filter(|_| parameters.takes("max_tokens")));
    put(&mut body, "inferenceConfig", (!config.is_empty()).then_some(config));
    let declare = |name: &str, description: &str, schema: &Value| json!({"toolSpec": {"name": name, "description": description, "inputSchema": {"json": schema}}});
    let tools = request.tools.iter().filter(|_| parameters.takes("tools"));
    let mut tools: Vec<_> = tools.map(|tool| declare(&tool.name, &tool.description, &tool.parameters)).collect();
    let mut choice = (request.must_call && !tools.is_empty()).then(|| json!({"any": {}}));
    if let Some(schema) = request.output_schema.filter(|_| tools.is_empty()) {
        // An answer of a given shape is the arguments of a call.
        tools.push(declare(ANSWER, "Gives the answer.", schema));
        choice = Some(json!({"tool": {"name": ANSWER}}));
    }
    if !tools.is_empty() {
        let mut config = Map::new();
        config.insert("tools".into(), Value::Array(tools));
        put(&mut config, "toolChoice", choice.filter(|_| parameters.takes("tool_choice")));
        body.insert("toolConfig".into(), Value::Object(config));
    }
    Ok(bytes_of(&body))
}

fn blocks(index: usize, message: &Message) -> Result<Vec<Value>, Cause> {
    let mut blocks = match &message.content {
        Content::Text(text) if text.is_empty() => Vec::new(),
        Content::Text(text) => vec![json!({ "text": text })],
        Content::Parts(parts) => {
            parts.iter().enumerate().map(|(at, part)| block(part, index, at)).collect::<Result<_, _>>()?
        }
    };
    if message.role == Role::Tool {
        return Ok(vec![json!({"toolResult": {"toolUseId": message.tool_call_id, "content": blocks}})]);
    }
    let call = |call: &arena_model::ToolCall| {
        let input = arguments_object(&call.arguments);
        json!({"toolUse": {"toolUseId": call.id, "name": call.name, "input": input}})
    };
    blocks.extend(message.tool_calls.iter().map(call));
    Ok(blocks)
}

fn block(part: &Part, message: usize, at: usize) -> Result<Value, Cause> {
    let refused = || unsupported(part, "text, and images, videos and documents with data");
    match (part.kind.as_str(), &part.text, Media::of(part)) {
        ("text", Some(text), _) => Ok(json!({ "text": text })),
        (kind @ ("image" | "video" | "document"), _, Some(Media::Data { data, mime })) => {
            let mut media = json!({"format": Media::format(mime), "source": {"bytes": data}});
            if kind == "document" {
                // No two may have one name.
                media["name"] = format!("document {message} {at}").into();
            }
            Ok(json!({ kind: media }))
        }
        _ => Err(refused()),
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
    fn sides_take_turns() {
        let mut called = Message::text(Role::Assistant, Author::Model, "");
        called.tool_calls = vec![ToolCall::new("a", "f", json!({"x": 1}))];
        let result = Message { tool_call_id: Some("a".into()), ..Message::text(Role::Tool, Author::Tool, "1") };
        let messages = [
            Message::text(Role::System, Author::Script, "be brief"),
            Message::text(Role::User, Author::Script, "hi"),
            called,
            result,
        ];
        let parameters =
            Parameters::new("m", Sampling { temperature: Some(0.5), ..Sampling::default() }, &[], BTreeMap::new());
        let body = body(&parameters, &ChatRequest::new(&messages, Instant::now())).unwrap();
        let expected = json!({"system": [{"text": "be brief"}], "inferenceConfig": {"temperature": 0.5}, "messages": [
            {"role": "user", "content": [{"text": "hi"}]},
            {"role": "assistant", "content": [{"toolUse": {"toolUseId": "a", "name": "f", "input": {"x": 1}}}]},
            {"role": "user", "content": [{"toolResult": {"toolUseId": "a", "content": [{"text": "1"}]}}]}]});
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), expected);
    }
}
