//! Which calls a check looks at.

use arena_guest::ToolCall;
use arena_guest::prelude::*;
use serde_json::{Map, Value};

/// How far back a check looks.
#[derive(Clone, Copy, Deserialize, Params)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The turn it is written under.
    Turn,
    /// All turns so far.
    Transcript,
}

/// The calls within `scope`, in order. A check of the whole conversation stands under no turn and sees all.
pub fn calls(subject: &Subject<'_>, scope: Option<Scope>) -> Vec<ToolCall> {
    let mut calls = subject.tool_calls();
    if let (Some(Scope::Turn), Some(turn)) = (scope, subject.turn()) {
        calls.retain(|call| call.turn == turn);
    }
    calls
}

/// The calls of `tool` within `scope`; of every tool if none is named.
pub fn calls_of(subject: &Subject<'_>, scope: Option<Scope>, tool: Option<&str>) -> Vec<ToolCall> {
    let mut calls = calls(subject, scope);
    calls.retain(|call| tool.is_none_or(|tool| call.name == tool));
    calls
}

/// The arguments of a call by name; none if the model wrote something else than an object.
pub fn arguments(call: &ToolCall) -> Map<String, Value> {
    serde_json::from_str(&call.arguments).unwrap_or_default()
}
