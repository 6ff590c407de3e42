//! `kind: Eval`: checks on a conversation that was held elsewhere.

use arena_model::{Author, Content, Message, Role, ToolCall};
use serde_json::Value;

use crate::Problem;
use crate::report::Report;
use crate::tree::{self, BundleFile, Folder};
use crate::yaml::{self, Cursor, YamlLimits};

/// A conversation as it was recorded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    /// In order.
    pub messages: Vec<Message>,
}

/// The recording that the text at `path` names: relative to the document, else to the bundle. What is wrong with it is a
/// warning, and the error of its case.
pub(crate) fn read(
    path: &Cursor<'_>,
    folder: &Folder,
    files: &[BundleFile],
    limits: &YamlLimits,
    report: &mut Report,
) -> Result<Recording, String> {
    let text = path.node.as_text().unwrap_or_default();
    let beside = path.file.rsplit_once('/').map(|(parent, _)| format!("{parent}/{text}"));
    let found = beside.and_then(|beside| tree::find(files, &beside).ok()).map_or_else(|| tree::find(files, text), Ok);
    let found =
        found.map_err(|cause| Problem { hint: cause.hint, ..path.error_with_value(cause.reason, cause.message) });
    let mut left_out = Vec::new();
    let read = |file: &BundleFile| parse(&file.path, &tree::read_listed(folder, file)?, limits, &mut left_out);
    let recording = found.and_then(read);
    for why in left_out.iter().take(LEFT_OUT) {
        report.push(path.error("RecordingRoleUnknown", why.clone()).warning());
    }
    recording.map_err(|problem| {
        let why = problem.to_string();
        report.push(problem.defect());
        why
    })
}

/// What an event of a session says, in the forms that sessions have had.
fn event(event: &Value) -> Option<&Value> {
    match event["type"].as_str() {
        Some("message.created") => event.get("data"),
        None | Some("message") => event.get("message").or_else(|| event.get("role").map(|_| event)),
        Some(_) => None,
    }
}

/// Sessions (`events`), results of the original runner (`messages` or `Messages`), and transcripts (`turns`).
fn parse(file: &str, bytes: &[u8], limits: &YamlLimits, left_out: &mut Vec<String>) -> Result<Recording, Problem> {
    let invalid = |message: &str| {
        Problem::of_file(file, "RecordingInvalid", message).hint("it holds a list `events`, `messages` or `turns`")
    };
    let root = yaml::parse(file, bytes, limits)?.to_json();
    let list = |key: &str| root.get(key).and_then(Value::as_array);
    let messages: Vec<&Value> = if let Some(events) = list("events") {
        events.iter().filter_map(event).collect()
    } else if let Some(messages) = list("messages").or_else(|| list("Messages")).or_else(|| list("turns")) {
        messages.iter().collect()
    } else {
        return Err(invalid("there is no conversation in the recording"));
    };
    let mut read = Vec::with_capacity(messages.len());
    for (at, value) in messages.into_iter().enumerate() {
        match message(value).map_err(|why| invalid(&format!("message {at}: {why}")))? {
            Some(message) => read.push(message),
            // As in the original runner, it is no part of the conversation.
            None => {
                let role = value["role"].as_str().unwrap_or_default();
                left_out.push(format!("message {at} is left out: its role {role:?} is none of {}", ROLES.join(", ")));
            }
        }
    }
    let messages = read;
    let said = |role| messages.iter().any(|message| message.role == role);
    match (said(Role::User), said(Role::Assistant)) {
        (true, true) => Ok(Recording { messages }),
        (false, _) => Err(invalid("no user says anything in the recording, so it has no turn")),
        (true, false) => Err(invalid("nobody answers in the recording")),
    }
}

/// Roles that messages may have.
const ROLES: [&str; 4] = ["system", "user", "assistant", "tool"];
/// Most messages that are named for being left out.
const LEFT_OUT: usize = 20;

/// One message, none if nobody knows its role; what cannot be read of it would not be judged, and is an error.
fn message(value: &Value) -> Result<Option<Message>, String> {
    let (role, by) = match value["role"].as_str().ok_or("it has no `role`")? {
        "system" => (Role::System, Author::Script),
        "user" => (Role::User, Author::Script),
        "assistant" => (Role::Assistant, Author::Model),
        "tool" => (Role::Tool, Author::Tool),
        _ => return Ok(None),
    };
    let content = if value["content"].is_null() { &value["parts"] } else { &value["content"] };
    let mut message = Message::text(role, by, text(content)?);
    let calls = value["tool_calls"].as_array().into_iter().flatten();
    message.tool_calls = calls
        .enumerate()
        .map(|(at, call)| {
            let function = call.get("function").unwrap_or(call);
            let arguments = function.get("arguments").or_else(|| function.get("args")).cloned().unwrap_or_default();
            let arguments = match &arguments {
                Value::String(text) => serde_json::from_str(text).unwrap_or(arguments),
                _ => arguments,
            };
            ToolCall {
                id: call["id"].as_str().map_or_else(|| format!("call_{at}"), str::to_owned),
                name: function["name"].as_str().unwrap_or_default().to_owned(),
                arguments,
            }
        })
        .collect();
    let answered = value.get("tool_call_id").or_else(|| value["tool_result"].get("id"));
    message.tool_call_id = answered.and_then(Value::as_str).map(str::to_owned);
    if role == Role::Tool && message.content == Content::Text(String::new()) {
        message.content = Content::Text(text(&value["tool_result"]["content"])?);
    }
    Ok(Some(message))
}

/// The text of a content: a text, or a list of parts.
fn text(value: &Value) -> Result<String, String> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text.clone()),
        Value::Array(parts) => {
            let of_part = |part: &Value| part.as_str().or_else(|| part["text"].as_str()).map(str::to_owned);
            Ok(parts.iter().filter_map(of_part).collect::<Vec<_>>().join("\n"))
        }
        other => Err(format!("its content is neither a text nor a list of parts but {other}")),
    }
}
