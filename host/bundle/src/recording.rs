//! Conversations that were held elsewhere, in the forms in which others write them down.

use arena_model::{Author, Content, Message, Part, Role, ToolCall, Usage};
use serde_json::{Value, json};

use crate::Problem;
use crate::yaml::{self, YamlLimits};

/// A conversation as it was recorded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    /// In order.
    pub messages: Vec<Message>,
    /// How long each of them took to come; none if the recording does not say.
    pub latency_ms: Vec<Option<u64>>,
}

/// Roles that messages may have.
const ROLES: [&str; 4] = ["system", "user", "assistant", "tool"];
/// `finish` of a tool's message whose call failed, as in conversations that are held here.
const FAILED: &str = "error";
/// One document a line.
const LINES: &str = ".jsonl";
/// Millionths of a dollar that a dollar has, and the most of them that an amount may have.
const MICRO: f64 = 1e6;
const MOST_MICRO: f64 = 9_007_199_254_740_991.0;

/// What the runtime of the original runner calls the keys of a message in its sessions.
const SESSION_KEYS: [(&str, &str); 5] = [
    ("role", "Role"),
    ("content", "Content"),
    ("parts", "Parts"),
    ("tool_calls", "ToolCalls"),
    ("tool_result", "ToolResult"),
];

static NOTHING: Value = Value::Null;

impl Recording {
    /// Sessions (`events`, or one event a line), results of the original runner (`messages` or `Messages`), and
    /// transcripts (`turns`). What was no part of the conversation to the original runner either is told by `left_out`.
    pub(crate) fn parse(
        file: &str,
        bytes: &[u8],
        limits: &YamlLimits,
        left_out: &mut Vec<String>,
    ) -> Result<Self, Problem> {
        let invalid = |message: &str| {
            Problem::of_file(file, "RecordingInvalid", message).hint("it holds a list `events`, `messages` or `turns`")
        };
        let said = if file.ends_with(LINES) { lines(file, bytes, limits)? } else { whole(file, bytes, limits)? };
        let said = said.ok_or_else(|| invalid("there is no conversation in the recording"))?;
        Self::of_messages(&said, left_out).map_err(|why| invalid(&why))
    }

    /// The conversation of these messages, each an object with `role` and `content` as vendors have them.
    ///
    /// # Errors
    /// A message that cannot be read, and a conversation in which nobody asks or nobody answers.
    pub fn of_messages(said: &[Value], left_out: &mut Vec<String>) -> Result<Self, String> {
        let mut recording = Self::default();
        for (at, value) in said.iter().enumerate() {
            let unreadable = |why: String| format!("message {at}: {why}");
            let Some(message) = message(value).map_err(unreadable)? else {
                let role = field(value, "role").as_str().unwrap_or_default();
                left_out.push(format!("message {at} is left out: its role {role:?} is none of {}", ROLES.join(", ")));
                continue;
            };
            let took = amount(value, "latency_ms").map_err(unreadable)?;
            recording.messages.push(message);
            recording.latency_ms.push(took.map(|took| took.round() as u64));
        }
        let spoke = |role| recording.messages.iter().any(|message| message.role == role);
        match (spoke(Role::User), spoke(Role::Assistant)) {
            (true, true) => Ok(recording),
            (false, _) => Err("no user says anything in the recording, so it has no turn".to_owned()),
            (true, false) => Err("nobody answers in the recording".to_owned()),
        }
    }
}

/// The messages of one document; none if it has no list of them.
fn whole(file: &str, bytes: &[u8], limits: &YamlLimits) -> Result<Option<Vec<Value>>, Problem> {
    let mut root = yaml::parse(file, bytes, limits)?.to_json();
    let mut list = |key: &str| match root.get_mut(key).map(Value::take) {
        Some(Value::Array(items)) => Some(items),
        _ => None,
    };
    if let Some(events) = list("events") {
        return Ok(Some(events.into_iter().filter_map(of_event).collect()));
    }
    Ok(list("messages").or_else(|| list("Messages")).or_else(|| list("turns")))
}

/// The messages of a session with one document a line: an event, or what holds one under `event`.
fn lines(file: &str, bytes: &[u8], limits: &YamlLimits) -> Result<Option<Vec<Value>>, Problem> {
    let mut messages = Vec::new();
    for (number, line) in (1u32..).zip(bytes.split(|byte| *byte == b'\n')) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let node = yaml::parse(file, line, limits);
        let node = node.map_err(|problem| Problem { line: number, ..problem })?;
        let mut value = node.to_json();
        let held = value.get_mut("event").filter(|event| event.is_object()).map(Value::take);
        messages.extend(of_event(held.unwrap_or(value)));
    }
    Ok(Some(messages).filter(|messages| !messages.is_empty()))
}

/// What an event of a session says, in the forms that sessions have had.
fn of_event(mut event: Value) -> Option<Value> {
    match event["type"].as_str() {
        Some("message.created") => event.get_mut("data").map(Value::take),
        None | Some("message") => match event.get_mut("message") {
            Some(message) => Some(message.take()),
            None => event.get("role").is_some().then_some(event),
        },
        Some(_) => None,
    }
}

/// The value of one of [`SESSION_KEYS`] by either name.
fn field<'v>(value: &'v Value, key: &str) -> &'v Value {
    let other = SESSION_KEYS.iter().find(|(name, _)| *name == key).map(|(_, other)| *other);
    value.get(key).or_else(|| value.get(other?)).unwrap_or(&NOTHING)
}

/// One message, none if nobody knows its role; what cannot be read of it would not be judged, and is an error.
fn message(value: &Value) -> Result<Option<Message>, String> {
    let (role, by) = match field(value, "role").as_str().ok_or("it has no `role`")? {
        "system" => (Role::System, Author::Script),
        "user" => (Role::User, Author::Script),
        "assistant" => (Role::Assistant, Author::Model),
        "tool" => (Role::Tool, Author::Tool),
        _ => return Ok(None),
    };
    let mut message = Message::text(role, by, "");
    message.content = either(content(field(value, "content"))?, content(field(value, "parts"))?);
    message.tool_calls = tool_calls(field(value, "tool_calls"))?;
    if message.tool_calls.is_empty() && !value["function_call"].is_null() {
        message.tool_calls = tool_calls(&json!([value["function_call"]]))?;
    }
    let result = field(value, "tool_result");
    let answered = value.get("tool_call_id").or_else(|| result.get("id"));
    message.tool_call_id = answered.and_then(Value::as_str).map(str::to_owned);
    if role == Role::Tool {
        if is_empty(&message.content) {
            message.content = either(content(&result["content"])?, content(&result["parts"])?);
        }
        if let Some(why) = failure(&result["error"]) {
            message.finish = Some(FAILED.to_owned());
            if is_empty(&message.content) {
                message.content = Content::Text(json!({"error": why}).to_string());
            }
        }
    }
    (message.usage, message.cost_usd_micro) = spent(value)?;
    Ok(Some(message))
}

/// Calls without a name would be judged as if they had not been made.
fn tool_calls(list: &Value) -> Result<Vec<ToolCall>, String> {
    let calls: &[Value] = match list {
        Value::Null => &[],
        Value::Array(calls) => calls,
        other => return Err(format!("its tool_calls are no list but {other}")),
    };
    let call = |(at, call): (usize, &Value)| {
        let function = call.get("function").unwrap_or(call);
        let arguments = function.get("arguments").or_else(|| function.get("args")).cloned().unwrap_or_default();
        let arguments = match &arguments {
            Value::String(text) => serde_json::from_str(text).unwrap_or(arguments),
            _ => arguments,
        };
        let name = ["name", "Name", "tool_name"].iter().find_map(|key| function[*key].as_str());
        let name = name.filter(|name| !name.is_empty()).ok_or_else(|| format!("its tool call {at} has no name"))?;
        let id = call["id"].as_str().map_or_else(|| format!("call_{at}"), str::to_owned);
        Ok(ToolCall::new(id, name, arguments))
    };
    calls.iter().enumerate().map(call).collect()
}

/// Why a call failed; none if it did not.
fn failure(error: &Value) -> Option<String> {
    match error {
        Value::Null | Value::Bool(false) => None,
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        other => Some(other.to_string()),
    }
}

fn is_empty(content: &Content) -> bool {
    matches!(content, Content::Text(text) if text.is_empty())
}

/// A content: a text, or a list of parts. Parts that are all text are one.
fn content(value: &Value) -> Result<Content, String> {
    match value {
        Value::Null => Ok(Content::Text(String::new())),
        Value::String(text) => Ok(Content::Text(text.clone())),
        Value::Array(parts) => {
            let parts = parts.iter().map(part).collect::<Result<Vec<Part>, String>>()?;
            let content = Content::Parts(parts);
            match &content {
                Content::Parts(parts) if parts.iter().any(|part| part.text.is_none()) => Ok(content),
                _ => Ok(Content::Text(content.text().into_owned())),
            }
        }
        other => Err(format!("its content is neither a text nor a list of parts but {other}")),
    }
}

/// A part: a text, or a medium with all that is said of it.
fn part(value: &Value) -> Result<Part, String> {
    let media = value.get("media").filter(|media| !media.is_null());
    let text = value.as_str().or_else(|| value["text"].as_str()).filter(|_| media.is_none());
    if let Some(text) = text {
        return Ok(Part { kind: "text".to_owned(), text: Some(text.to_owned()), media: None });
    }
    let kind = value["type"].as_str().filter(|kind| *kind != "text");
    let kind = kind.ok_or_else(|| format!("a part of it says nothing that can be read: {value}"))?;
    Ok(Part { kind: kind.to_owned(), text: None, media: Some(media.unwrap_or(value).clone()) })
}

/// What a message says that has both a content and parts: the parts, where the content does not say the same.
fn either(said: Content, parts: Content) -> Content {
    match (said, parts) {
        (said, parts) if is_empty(&said) => parts,
        // Media say more than the text, which is usually one of the parts.
        (Content::Text(text), Content::Parts(mut parts)) => {
            if !parts.iter().any(|part| part.text.is_some()) {
                parts.insert(0, Part { kind: "text".to_owned(), text: Some(text), media: None });
            }
            Content::Parts(parts)
        }
        // What only the parts say was said, too.
        (Content::Text(text), Content::Text(parts)) if !text.contains(&parts) => {
            Content::Text(if parts.contains(&text) { parts } else { format!("{text}\n{parts}") })
        }
        (said, _) => said,
    }
}

/// Tokens, and millionths of a dollar.
fn spent(value: &Value) -> Result<(Option<Usage>, Option<u64>), String> {
    let places = ["usage", "cost_info"].map(|key| &value[key]);
    let find = |key: &str| places.iter().find_map(|place| amount(place, key).transpose()).transpose();
    let (input, output, cached) = (find("input_tokens")?, find("output_tokens")?, find("cached_tokens")?);
    let tokens = |amount: Option<f64>| amount.unwrap_or_default() as u64;
    let usage = input.or(output).or(cached).map(|_| Usage {
        input: tokens(input),
        output: tokens(output),
        cached: tokens(cached),
        ..Usage::default()
    });
    let cost = match find("total_cost_usd")? {
        Some(cost) => Some(cost),
        None => find("total_cost")?,
    };
    Ok((usage, cost.map(|cost| (cost * MICRO).round().min(MOST_MICRO) as u64)))
}

/// A number of at least 0; none if there is none.
fn amount(value: &Value, key: &str) -> Result<Option<f64>, String> {
    match value.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(it) => {
            let number = it.as_f64().filter(|number| *number >= 0.0);
            number.map(Some).ok_or_else(|| format!("its `{key}` is no number of at least 0 but {it}"))
        }
    }
}

#[cfg(test)]
mod tests;
