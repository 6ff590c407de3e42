//! Conversations for vendors who want the two sides to take turns.

use arena_model::{Message, Role};
use serde_json::Value;

use crate::error::Cause;

/// The messages but those of the system, neighbours of one side as one: results of parallel calls belong together. Gives
/// the side (`user` or the name for the model's) and what `write` makes of its messages; it gets each with its place.
pub(super) fn turns(
    messages: &[Message],
    model: &'static str,
    write: impl Fn(usize, &Message) -> Result<Vec<Value>, Cause>,
) -> Result<Vec<(&'static str, Vec<Value>)>, Cause> {
    let mut out: Vec<(&str, Vec<Value>)> = Vec::new();
    for (index, message) in messages.iter().enumerate().filter(|(_, message)| message.role != Role::System) {
        let side = if message.role == Role::Assistant { model } else { "user" };
        let pieces = write(index, message)?;
        match out.last_mut() {
            Some((last, all)) if *last == side => all.extend(pieces),
            _ => out.push((side, pieces)),
        }
    }
    out.retain(|(_, pieces)| !pieces.is_empty());
    Ok(out)
}

/// The texts of the system's messages that say something.
pub(super) fn system(messages: &[Message]) -> Vec<String> {
    let texts = messages.iter().filter(|message| message.role == Role::System);
    texts.map(|message| message.content.text().into_owned()).filter(|text| !text.is_empty()).collect()
}

/// The tool whose result the message at this place is: it stands in the call that it answers.
pub(super) fn tool_of(messages: &[Message], index: usize) -> Option<&str> {
    let id = messages[index].tool_call_id.as_deref()?;
    let mut calls = messages[..index].iter().rev().flat_map(|message| &message.tool_calls);
    calls.find(|call| call.id == id).map(|call| call.name.as_str())
}
