//! The conversation as a judge reads it.

use arena_guest::prelude::*;

use crate::question::MATERIAL_LIMIT;

/// Text of the newest user message; empty if there is none.
pub fn last_question(subject: &Subject<'_>) -> String {
    let index = subject.by_role(Role::User).pop();
    index.and_then(|index| subject.text(index)).unwrap_or_default()
}

/// All messages but the system prompt, labelled, with tool calls and their results.
pub fn whole(subject: &Subject<'_>) -> Result<String, CheckError> {
    let calls = subject.tool_calls();
    let mut text = String::new();
    for (index, message) in (0_u32..).zip(subject.messages()) {
        let label = match message.role {
            Role::User => "USER",
            Role::Assistant => "ASSISTANT",
            // A result stands with its call, a system prompt is not part of the talk.
            Role::Tool | Role::System => continue,
        };
        text.push_str(&format!("{label}: {}\n", message.text));
        for call in calls.iter().filter(|call| call.message == index) {
            let outcome = match &call.outcome {
                Some(outcome) if call.failed => format!("error: {outcome}"),
                Some(outcome) => format!("result: {outcome}"),
                None => "no result".to_owned(),
            };
            text.push_str(&format!("TOOL CALL {}({}) -> {outcome}\n", call.name, call.arguments));
        }
        if text.len() > MATERIAL_LIMIT {
            let text = format!("the conversation is over {MATERIAL_LIMIT} bytes, the most a judge is given");
            return Err(CheckError::Other(text));
        }
    }
    Ok(text)
}
