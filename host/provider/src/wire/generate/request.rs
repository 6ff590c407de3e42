//! The request's body.

use arena_model::{Content, Message, Part, Role};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::chat::ChatRequest;
use crate::error::Cause;
use crate::wire::parts::{Media, unsupported};
use crate::wire::turns::{system, tool_of, turns};
use crate::wire::{Parameters, arguments_object, bytes_of, put};

/// The body of a call.
pub(super) fn body(parameters: &Parameters, request: &ChatRequest<'_>) -> Result<Bytes, Cause> {
    let mut body = Map::new();
    let system: Vec<_> = system(request.messages).into_iter().map(|text| json!({ "text": text })).collect();
    put(&mut body, "systemInstruction", (!system.is_empty()).then(|| json!({ "parts": system })));
    let messages = request.messages;
    let turns = turns(messages, "model", |index, message| match message.role {
        Role::Tool => Ok(vec![result(tool_of(messages, index).unwrap_or_default(), message)]),
        _ => parts(message),
    })?;
    body.insert(
        "contents".into(),
        turns.into_iter().map(|(role, parts)| json!({"role": role, "parts": parts})).collect(),
    );
    let declare = |tool: &crate::ToolSpec| json!({"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters});
    let tools: Vec<_> = request.tools.iter().filter(|_| parameters.takes("tools")).map(declare).collect();
    if !tools.is_empty() {
        body.insert("tools".into(), json!([{ "functionDeclarations": tools }]));
        let must = request.must_call && parameters.takes("tool_choice");
        put(&mut body, "toolConfig", must.then(|| json!({"functionCallingConfig": {"mode": "ANY"}})));
    }
    let mut config = Map::new();
    put(&mut config, "temperature", parameters.temperature(request));
    put(&mut config, "topP", parameters.top_p(request));
    put(&mut config, "maxOutputTokens", parameters.max_tokens(request).filter(|_| parameters.takes("max_tokens")));
    // The interface has 32 bits for it.
    put(&mut config, "seed", parameters.seed(request).map(|seed| seed & 0x7fff_ffff));
    if let Some(schema) = request.output_schema {
        config.insert("responseMimeType".into(), "application/json".into());
        config.insert("responseJsonSchema".into(), schema.clone());
    }
    let mut thinking = Map::new();
    parameters.add_extra(&mut thinking, "thinking_budget", "thinkingBudget");
    parameters.add_extra(&mut thinking, "include_thoughts", "includeThoughts");
    put(&mut config, "thinkingConfig", (!thinking.is_empty()).then_some(thinking));
    put(&mut body, "generationConfig", (!config.is_empty()).then_some(config));
    Ok(bytes_of(&body))
}

/// A result goes by the name of its tool here.
fn result(name: &str, message: &Message) -> Value {
    let text = message.content.text();
    let response = match serde_json::from_str::<Value>(&text) {
        Ok(Value::Object(fields)) => Value::Object(fields),
        Ok(other) => json!({ "result": other }),
        Err(_) => json!({ "result": text }),
    };
    json!({"functionResponse": {"name": name, "response": response}})
}

fn parts(message: &Message) -> Result<Vec<Value>, Cause> {
    let mut parts = match &message.content {
        Content::Text(text) if text.is_empty() => Vec::new(),
        Content::Text(text) => vec![json!({ "text": text })],
        Content::Parts(parts) => parts.iter().map(part).collect::<Result<_, _>>()?,
    };
    let call = |call: &arena_model::ToolCall| {
        let mut part = Map::new();
        part.insert("functionCall".into(), json!({"name": call.name, "args": arguments_object(&call.arguments)}));
        // A model that thinks wants to see its thoughts again with the results of its calls.
        put(&mut part, "thoughtSignature", call.signature.as_deref());
        Value::Object(part)
    };
    parts.extend(message.tool_calls.iter().map(call));
    Ok(parts)
}

fn part(part: &Part) -> Result<Value, Cause> {
    let refused = || unsupported(part, "text, and media with data, or with url and mime_type");
    match (part.kind.as_str(), &part.text, Media::of(part)) {
        ("text", Some(text), _) => Ok(json!({ "text": text })),
        (_, _, Some(Media::Data { data, mime })) => Ok(json!({"inlineData": {"mimeType": mime, "data": data}})),
        (_, _, Some(Media::Url { url, mime: Some(mime) })) => {
            Ok(json!({"fileData": {"mimeType": mime, "fileUri": url}}))
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
    fn results_go_by_the_names_of_their_tools() {
        let mut called = Message::text(Role::Assistant, Author::Model, "");
        called.tool_calls = vec![
            ToolCall { signature: Some("c2ln".into()), ..ToolCall::new("a", "f", json!({"x": 1})) },
            ToolCall::new("b", "g", json!({})),
        ];
        let result = |id: &str, text: &str| Message {
            tool_call_id: Some(id.into()),
            ..Message::text(Role::Tool, Author::Tool, text)
        };
        let messages = [
            Message::text(Role::System, Author::Script, "be brief"),
            Message::text(Role::User, Author::Script, "hi"),
            called,
            result("a", r#"{"t": 3}"#),
            result("b", "sunny"),
        ];
        let parameters = Parameters::new("m", Sampling { seed: Some(7), ..Sampling::default() }, &[], BTreeMap::new());
        let body = body(&parameters, &ChatRequest::new(&messages, Instant::now())).unwrap();
        let expected = json!({"systemInstruction": {"parts": [{"text": "be brief"}]},
            "generationConfig": {"seed": 7},
            "contents": [
                {"role": "user", "parts": [{"text": "hi"}]},
                {"role": "model", "parts": [
                    {"functionCall": {"name": "f", "args": {"x": 1}}, "thoughtSignature": "c2ln"}, {"functionCall": {"name": "g", "args": {}}}]},
                {"role": "user", "parts": [
                    {"functionResponse": {"name": "f", "response": {"t": 3}}},
                    {"functionResponse": {"name": "g", "response": {"result": "sunny"}}}]}]});
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), expected);
    }
}
