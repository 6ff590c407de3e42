//! A conversation as an author writes it: a reply, or a list of messages.

use arena_model::{Author, Content, Conversation, Message, Role};
use serde_json::Value;

/// A conversation that is one reply.
pub fn of_reply(text: &str) -> Conversation {
    conversation(vec![Message::text(Role::Assistant, Author::Model, text)])
}

/// A list of messages with `role` and `content`, or an object (a record) that has one under `messages`.
pub fn of_messages(value: &Value) -> Result<Conversation, String> {
    let list = value.get("messages").unwrap_or(value);
    let Value::Array(items) = list else { return Err("messages must be a list of role and content".to_owned()) };
    let mut messages = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        let mut filled = item.clone();
        let role = item["role"].as_str().ok_or_else(|| format!("message {at} has no `role`"))?;
        if filled.get("by").is_none() {
            let by = match role {
                "assistant" => "model",
                "tool" => "tool",
                _ => "script",
            };
            filled["by"] = Value::from(by);
        }
        let message: Message = serde_json::from_value(filled).map_err(|error| format!("message {at}: {error}"))?;
        messages.push(message);
    }
    Ok(conversation(messages))
}

/// Turns are counted by user messages.
fn conversation(messages: Vec<Message>) -> Conversation {
    let mut users = 0_u32;
    let turns: Vec<u32> = messages
        .iter()
        .map(|message| {
            users += u32::from(message.role == Role::User);
            users.saturating_sub(1)
        })
        .collect();
    Conversation { turn: turns.last().copied(), messages, turns, ..Conversation::default() }
}

/// The text of a message, for evidence.
pub fn text(conversation: &Conversation, message: u32) -> String {
    conversation.messages.get(message as usize).map_or_else(String::new, |message| match &message.content {
        Content::Text(text) => text.clone(),
        parts @ Content::Parts(_) => parts.text().into_owned(),
    })
}
