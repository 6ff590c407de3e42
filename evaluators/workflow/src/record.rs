//! What the host recorded, in types. A record in another shape is an error: to judge on half of it would be guessing.

use std::collections::BTreeMap;

use arena_guest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The workflow as it stands.
#[derive(Deserialize)]
pub struct Workflow {
    /// The state it is in.
    pub state: String,
    /// Whether that state is a terminal one.
    pub complete: bool,
    /// The state it started in.
    pub entry: String,
}

/// A move from one state to another.
#[derive(Deserialize)]
pub struct Transition {
    /// The state it led to.
    pub to: String,
    /// The assistant message whose tool call made it.
    pub message: u32,
}

/// The state in which a reply with text was given.
#[derive(Deserialize)]
pub struct Spoken {
    /// The reply.
    pub message: u32,
    /// The state.
    pub state: String,
}

/// What came of a composition.
#[derive(Deserialize)]
pub struct Composition {
    /// Outputs of the steps that ended, by id.
    #[serde(default)]
    pub steps: BTreeMap<String, Value>,
    /// Where the branches went, by id.
    #[serde(default)]
    pub branches: BTreeMap<String, String>,
    /// Whether the parallel steps ended, by id.
    #[serde(default)]
    pub parallels: BTreeMap<String, bool>,
    /// The output of the whole; null if it did not get there.
    #[serde(default)]
    pub output: Value,
}

/// A guardrail that acted.
#[derive(Deserialize)]
pub struct Guardrail {
    /// Its type.
    pub validator: String,
    /// What it looked at: input or output.
    pub direction: String,
    /// What it did: replace, truncate or block.
    pub action: String,
    /// The assistant message it acted on.
    pub message: u32,
}

/// The workflow, if there is one.
pub fn workflow(subject: &Subject<'_>) -> Result<Option<Workflow>, CheckError> {
    fact(subject, "workflow")
}

/// The composition, if there is one.
pub fn composition(subject: &Subject<'_>) -> Result<Option<Composition>, CheckError> {
    fact(subject, "composition")
}

fn fact<T: DeserializeOwned>(subject: &Subject<'_>, name: &str) -> Result<Option<T>, CheckError> {
    match subject.fact(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => serde_json::from_value(value).map(Some).map_err(|error| misshapen("fact", name, &error)),
    }
}

/// All events of one kind, in order.
pub fn events<T: DeserializeOwned>(subject: &Subject<'_>, kind: &str) -> Result<Vec<T>, CheckError> {
    let read = |event: arena_guest::Event| serde_json::from_str(&event.detail);
    let events: Result<_, _> = subject.events(kind).into_iter().map(read).collect();
    events.map_err(|error| misshapen("event", kind, &error))
}

fn misshapen(what: &str, name: &str, error: &serde_json::Error) -> CheckError {
    CheckError::Other(format!("the host's {what} `{name}` has another shape than this check knows: {error}"))
}
