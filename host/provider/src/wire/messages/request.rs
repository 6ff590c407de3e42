//! The request's body.

use arena_model::{Content, Message, Part, Role};
use serde_json::{Map, Value, json};

use crate::chat::ChatRequest;
use crate::error::Cause;
use crate::wire::parts::{Media, unsupported};
use crate::wire::turns::{system, turns};
use crate::wire::{ANSWER, Parameters, arguments_object, put};

/// The most tokens asked for where nobody says how many: this interface needs a number.
const MAX_TOKENS: u32 = 4096;

/// The body of a call.
pub(super) fn body(
    parameters: &Parameters,
    request: &ChatRequest<'_>,
    streamed: bool,
) -> Result<Map<String, Value>, Cause> {
    let mut body = Map::new();
    body.insert("model".into(), parameters.model.as_str().into());
    let thinking = parameters.extra.get("thinking_budget").and_then(Value::as_u64).filter(|budget| *budget > 0);
    // The thoughts that came with a call would have to go back with its result, and nobody keeps them.
    let thinking = thinking.filter(|_| !in_a_loop(request.messages));
    let most = u64::from(parameters.max_tokens(request).unwrap_or(MAX_TOKENS));
    // What is thought counts against the limit: the answer keeps all that it was given.
    body.insert("max_tokens".into(), most.saturating_add(thinking.unwrap_or(0)).into());
    let system = system(request.messages).join("\n\n");
    if !system.is_empty() {
        let cached = parameters.extra.get("prompt_caching").and_then(Value::as_bool).unwrap_or(true);
        let system = match cached {
            true => json!([{"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}]),
            false => Value::String(system),
        };
        body.insert("system".into(), system);
    }
    let turns = turns(request.messages, "assistant", |_, message| blocks(message))?;
    body.insert(
        "messages".into(),
        turns.into_iter().map(|(role, content)| json!({"role": role, "content": content})).collect(),
    );
    if let Some(budget) = thinking {
        // A model that thinks takes neither of the two.
        body.insert("thinking".into(), json!({"type": "enabled", "budget_tokens": budget}));
    } else {
        put(&mut body, "temperature", parameters.temperature(request));
        put(&mut body, "top_p", parameters.top_p(request));
    }
    let mut tools: Vec<_> = request
        .tools
        .iter()
        .filter(|_| parameters.takes("tools"))
        .map(|tool| json!({"name": tool.name, "description": tool.description, "input_schema": tool.parameters}))
        .collect();
    // A model that thinks cannot be made to call.
    let must_call = request.must_call && !tools.is_empty() && thinking.is_none();
    let mut choice = must_call.then(|| json!({"type": "any"}));
    if let Some(schema) = request.output_schema.filter(|_| tools.is_empty() && thinking.is_none()) {
        // An answer of a given shape is the arguments of a call: every model of the vendor can do that.
        tools.push(json!({"name": ANSWER, "description": "Gives the answer.", "input_schema": schema}));
        choice = Some(json!({"type": "tool", "name": ANSWER}));
    }
    if !tools.is_empty() {
        body.insert("tools".into(), Value::Array(tools));
        put(&mut body, "tool_choice", choice.filter(|_| parameters.takes("tool_choice")));
    }
    put(&mut body, "stream", streamed.then_some(true));
    Ok(body)
}

/// Whether the model is at its tools: it has called since the user spoke.
fn in_a_loop(messages: &[Message]) -> bool {
    messages.iter().rev().take_while(|message| message.role != Role::User).any(|message| message.role == Role::Tool)
}

fn blocks(message: &Message) -> Result<Vec<Value>, Cause> {
    if message.role == Role::Tool {
        let content = contents(&message.content)?;
        return Ok(vec![json!({"type": "tool_result", "tool_use_id": message.tool_call_id, "content": content})]);
    }
    let mut blocks = contents(&message.content)?;
    let call = |call: &arena_model::ToolCall| json!({"type": "tool_use", "id": call.id, "name": call.name, "input": arguments_object(&call.arguments)});
    blocks.extend(message.tool_calls.iter().map(call));
    Ok(blocks)
}

/// Empty texts are left out: the interface refuses them.
fn contents(content: &Content) -> Result<Vec<Value>, Cause> {
    match content {
        Content::Text(text) if text.is_empty() => Ok(Vec::new()),
        Content::Text(text) => Ok(vec![json!({"type": "text", "text": text})]),
        Content::Parts(parts) => parts.iter().map(block).collect(),
    }
}

fn block(part: &Part) -> Result<Value, Cause> {
    let refused = || unsupported(part, "text, images and documents with url or data");
    let kind = part.kind.as_str();
    match (kind, &part.text, Media::of(part)) {
        ("text", Some(text), _) => Ok(json!({"type": "text", "text": text})),
        ("image" | "document", _, Some(Media::Url { url, .. })) => {
            Ok(json!({"type": kind, "source": {"type": "url", "url": url}}))
        }
        ("image" | "document", _, Some(Media::Data { data, mime })) => {
            Ok(json!({"type": kind, "source": {"type": "base64", "media_type": mime, "data": data}}))
        }
        _ => Err(refused()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Instant;

    use super::*;
    use crate::settings::Sampling;
    use arena_model::{Author, ToolCall};

    fn sent(request: &ChatRequest<'_>, extra: &[(&str, Value)]) -> Value {
        let extra: BTreeMap<_, _> = extra.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        let parameters = Parameters::new("m", Sampling::default(), &[], extra);
        Value::Object(body(&parameters, request, false).unwrap())
    }

    #[test]
    fn sides_take_turns_and_the_system_stands_apart() {
        let mut call = Message::text(Role::Assistant, Author::Model, "");
        call.tool_calls = ["a", "b"].map(|id| ToolCall::new(id, "f", json!({"x": 1}))).to_vec();
        let result =
            |id: &str| Message { tool_call_id: Some(id.into()), ..Message::text(Role::Tool, Author::Tool, "1") };
        let messages = [
            Message::text(Role::System, Author::Script, "be brief"),
            Message::text(Role::User, Author::Script, "hi"),
            call,
            result("a"),
            result("b"),
            Message::text(Role::User, Author::Script, "and?"),
        ];
        let use_of = |id: &str| json!({"type": "tool_use", "id": id, "name": "f", "input": {"x": 1}});
        let result_of =
            |id: &str| json!({"type": "tool_result", "tool_use_id": id, "content": [{"type": "text", "text": "1"}]});
        let system = json!([{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}]);
        let expected = json!({"model": "m", "max_tokens": 4096, "system": system, "messages": [
            {"role": "user", "content": [{"type": "text", "text": "hi"}]},
            {"role": "assistant", "content": [use_of("a"), use_of("b")]},
            {"role": "user", "content": [result_of("a"), result_of("b"), {"type": "text", "text": "and?"}]},
        ]});
        assert_eq!(sent(&ChatRequest::new(&messages, Instant::now()), &[]), expected);
    }

    #[test]
    fn thinking_has_tokens_of_its_own_and_no_temperature() {
        let messages = [Message::text(Role::User, Author::Script, "hi")];
        let request = ChatRequest {
            temperature: Some(0.5),
            max_tokens: Some(100),
            ..ChatRequest::new(&messages, Instant::now())
        };
        let body = sent(&request, &[("thinking_budget", json!(2000))]);
        assert_eq!((&body["max_tokens"], body.get("temperature")), (&json!(2100), None));
        assert_eq!(body["thinking"], json!({"type": "enabled", "budget_tokens": 2000}));
        assert_eq!(sent(&request, &[])["temperature"], 0.5);
        let looped = [messages[0].clone(), Message::text(Role::Tool, Author::Tool, "1")];
        let request = ChatRequest { messages: &looped, ..request };
        assert_eq!(sent(&request, &[("thinking_budget", json!(2000))]).get("thinking"), None);
    }

    #[test]
    fn a_shaped_answer_is_a_call() {
        let messages = [Message::text(Role::User, Author::Script, "hi")];
        let schema = json!({"type": "object"});
        let request = ChatRequest { output_schema: Some(&schema), ..ChatRequest::new(&messages, Instant::now()) };
        let body = sent(&request, &[]);
        assert_eq!(body["tool_choice"], json!({"type": "tool", "name": "arena__answer"}));
        assert_eq!(body["tools"][0]["input_schema"], schema);
    }
}
