//! `when`: whether a check applies to the turn at all. A condition that cannot be decided is an error, not a skip.

use arena_model::{Conversation, Role};
use regex::Regex;
use serde_json::Value;

/// Whether the check applies; else why not. The outer error is a condition that cannot be decided.
pub(crate) fn applies(when: &Value, conversation: &Conversation) -> Result<Result<(), String>, String> {
    let Value::Object(conditions) = when else { return Err(format!("`when` must be a mapping, not {when}")) };
    let called: Vec<&str> = conversation
        .messages
        .iter()
        .zip(conversation.turns.iter().chain(std::iter::repeat(&0)))
        .filter(|(message, turn)| {
            message.role == Role::Assistant && conversation.turn.is_none_or(|this| **turn == this)
        })
        .flat_map(|(message, _)| message.tool_calls.iter().map(|call| call.name.as_str()))
        .collect();
    for (name, wanted) in conditions.iter().filter(|(name, wanted)| asks(name, wanted)) {
        let holds = match (name.as_str(), wanted) {
            ("tool_called", Value::String(tool)) => called.contains(&tool.as_str()),
            ("tool_called_pattern", Value::String(pattern)) => {
                let pattern = Regex::new(pattern).map_err(|error| format!("the pattern `{pattern}`: {error}"))?;
                called.iter().any(|name| pattern.is_match(name))
            }
            ("any_tool_called", Value::Bool(_)) => !called.is_empty(),
            ("min_tool_calls", Value::Number(least)) if least.is_u64() => {
                called.len() as u64 >= least.as_u64().unwrap_or(u64::MAX)
            }
            _ => return Err(format!("the condition `{name}: {wanted}` cannot be decided")),
        };
        if !holds {
            return Ok(Err(format!("`when` does not hold: {name} {wanted}")));
        }
    }
    Ok(Ok(()))
}

/// Whether a condition asks for anything: as in the original runner, what is empty or off does not.
fn asks(name: &str, wanted: &Value) -> bool {
    let off = match name {
        "tool_called" | "tool_called_pattern" => *wanted == Value::String(String::new()),
        "any_tool_called" => *wanted == Value::Bool(false),
        _ => false,
    };
    !off
}

/// Why a condition can never be decided, whatever is said; none if it can.
pub(crate) fn undecidable(when: &Value) -> Option<String> {
    let Value::Object(conditions) = when else { return applies(when, &Conversation::default()).err() };
    // One at a time: the first that does not hold would hide the others.
    let alone = |(name, wanted): (&String, &Value)| serde_json::json!({ name: wanted });
    conditions.iter().map(alone).find_map(|when| applies(&when, &Conversation::default()).err())
}

#[cfg(test)]
mod tests {
    use arena_model::{Author, Message, ToolCall};
    use serde_json::json;

    use super::*;

    fn conversation() -> Conversation {
        let mut reply = Message::text(Role::Assistant, Author::Model, "");
        reply.tool_calls = vec![ToolCall::new("1", "search", json!({}))];
        Conversation { turn: Some(1), messages: vec![reply], turns: vec![1], ..Conversation::default() }
    }

    #[test]
    fn conditions_look_at_this_turn() {
        let here = conversation();
        let elsewhere = Conversation { turn: Some(0), ..conversation() };
        for when in [
            json!({"tool_called": "search"}),
            json!({"tool_called_pattern": "^sea"}),
            json!({"any_tool_called": true}),
            json!({"min_tool_calls": 1}),
        ] {
            assert_eq!(applies(&when, &here), Ok(Ok(())), "{when}");
            assert!(applies(&when, &elsewhere).unwrap().is_err(), "{when}");
        }
        assert!(applies(&json!({"min_tool_calls": 2}), &here).unwrap().is_err());
    }

    #[test]
    fn what_cannot_be_decided_is_an_error() {
        for when in [json!({"tool_called_pattern": "("}), json!({"min_tool_calls": "2"}), json!([])] {
            assert!(applies(&when, &conversation()).is_err(), "{when}");
            assert!(undecidable(&when).is_some(), "{when}");
        }
        let hidden = json!({"any_tool_called": true, "tool_called_pattern": "("});
        assert!(undecidable(&hidden).is_some() && undecidable(&json!({"tool_called_pattern": "x"})).is_none());
    }

    #[test]
    fn what_is_off_or_empty_asks_for_nothing() {
        for when in [
            json!({"any_tool_called": false}),
            json!({"tool_called": ""}),
            json!({"tool_called_pattern": ""}),
            json!({"min_tool_calls": 0}),
        ] {
            assert_eq!(applies(&when, &conversation()), Ok(Ok(())), "{when}");
            assert_eq!(applies(&when, &Conversation::default()), Ok(Ok(())), "{when}");
        }
    }
}
