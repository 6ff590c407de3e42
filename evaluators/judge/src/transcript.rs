//! The conversation as a judge reads it.

use arena_evaluator_asking::MATERIAL_LIMIT;
use arena_guest::ToolCall;
use arena_guest::prelude::*;

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
            text.push_str(&format!("TOOL CALL {}\n", told(call)));
        }
        within_limit(&text)?;
    }
    Ok(text)
}

/// The calls of the named tools, or of all if none is named, by turn. None if there is no such call.
pub fn calls(subject: &Subject<'_>, tools: &[String]) -> Result<Option<String>, CheckError> {
    let mut text = String::new();
    for call in subject.tool_calls() {
        if tools.is_empty() || tools.contains(&call.name) {
            text.push_str(&format!("TURN {}: {}\n", call.turn + 1, told(&call)));
            within_limit(&text)?;
        }
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// What the user said, by turn.
pub fn requests(subject: &Subject<'_>) -> Result<String, CheckError> {
    let mut text = String::new();
    for message in subject.by_role(Role::User).into_iter().filter_map(|index| subject.message(index)) {
        text.push_str(&format!("TURN {}: {}\n", message.turn + 1, message.text));
        within_limit(&text)?;
    }
    Ok(text)
}

fn told(call: &ToolCall) -> String {
    let outcome = match &call.outcome {
        Some(outcome) if call.failed => format!("error: {outcome}"),
        Some(outcome) => format!("result: {outcome}"),
        None => "no result".to_owned(),
    };
    format!("{}({}) -> {outcome}", call.name, call.arguments)
}

fn within_limit(text: &str) -> Result<(), CheckError> {
    if text.len() > MATERIAL_LIMIT {
        let text = format!("the conversation is over {MATERIAL_LIMIT} bytes, the most a judge is given");
        return Err(CheckError::Other(text));
    }
    Ok(())
}
