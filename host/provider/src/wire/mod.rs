//! The formats of the vendors: what a request looks like and how an answer is read. Pure: no network, no key, no clock.

pub(crate) mod chat;
pub(crate) mod converse;
mod count;
mod draft;
pub(crate) mod embeddings;
mod failure;
pub(crate) mod generate;
pub(crate) mod messages;
pub(crate) mod ollama;
mod parts;
pub(crate) mod responses;
mod turns;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;

use arena_model::{ToolCall, Usage};
use bytes::Bytes;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

pub(crate) use count::Count;
pub(crate) use draft::Draft;
pub(crate) use failure::VendorFailure;

use crate::chat::ChatRequest;
use crate::error::Cause;
use crate::framing::{Event, FramingKind};
use crate::secret::Redactor;
use crate::settings::Sampling;

/// How one vendor writes requests and answers.
pub(crate) trait Wire: fmt::Debug + Send + Sync {
    /// The body of a request. Whether it asks for a stream, the caller has decided.
    fn body(&self, request: &ChatRequest<'_>, streamed: bool) -> Result<Bytes, Cause>;

    /// Reads a plain answer.
    fn read(&self, body: &[u8]) -> Result<Said, NoReply>;

    /// How a streamed answer is cut into events.
    fn framing(&self) -> FramingKind;

    /// Takes one event of a streamed answer. The default of an event that reports a failure is to end with it.
    fn take(&self, event: Event<'_>, draft: &mut Draft) -> Taken;

    /// Parameters of a request that this format has no place for.
    fn left_out(&self) -> &'static [&'static str] {
        &[]
    }
}

/// What comes of an event.
pub(crate) type Taken = ControlFlow<Stop>;

/// Why the reading of a stream stops.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The answer is complete, whatever else may come.
    Done,
    Failed(NoReply),
}

/// Why an answer is none.
#[derive(Debug)]
pub(crate) enum NoReply {
    /// It is not in the format.
    Bad(String),
    /// The vendor reports an error in it.
    Error(VendorFailure),
}

impl NoReply {
    /// An event that cannot be read.
    pub(crate) fn unreadable(error: &serde_json::Error) -> Stop {
        Stop::Failed(Self::Bad(format!("a piece of the stream is not in the format: {error}")))
    }
}

/// What the model said, vendor's wrapping taken off.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) tool_calls: Vec<ToolCall>,
    pub(crate) usage: Option<Usage>,
    /// Why it stopped, in our words; see [`arena_model::Message::finish`].
    pub(crate) finish: Option<String>,
}

impl Said {
    /// Cuts credentials out of everything that is kept.
    pub(crate) fn redact(&mut self, redactor: &Redactor) {
        redactor.text(&mut self.text);
        self.finish.iter_mut().for_each(|word| redactor.text(word));
        for call in &mut self.tool_calls {
            redactor.text(&mut call.id);
            redactor.text(&mut call.name);
            redactor.json(&mut call.arguments);
            call.signature.iter_mut().for_each(|signature| redactor.text(signature));
        }
    }
}

/// The arguments as JSON. What is no JSON stays a text: it is the model's mistake, to be judged like any other.
pub(crate) fn tool_call(id: String, name: String, arguments: &str) -> ToolCall {
    let arguments = match arguments.trim() {
        "" => json!({}),
        text => serde_json::from_str(text).unwrap_or_else(|_| Value::String(arguments.to_owned())),
    };
    ToolCall::new(id, name, arguments)
}

/// Gateways write `null` for what a vendor leaves out: it counts as not said.
pub(crate) fn null_is_none<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// The id of a call whose vendor gives it none; as in the mock.
pub(crate) fn call_id(index: usize, name: &str) -> String {
    format!("call_{index}_{name}")
}

/// Arguments as the object that most vendors want; a text that is no object is what a model wrote by mistake.
pub(crate) fn arguments_object(arguments: &Value) -> Value {
    match arguments {
        Value::Object(_) => arguments.clone(),
        other => json!({ "arguments": other }),
    }
}

/// The name under which an answer of a given shape is asked for; no tool of a bundle has such a name.
pub(crate) const ANSWER: &str = "arena__answer";

/// What each request has beside its conversation.
#[derive(Clone, Debug)]
pub(crate) struct Parameters {
    pub(crate) model: String,
    pub(crate) defaults: Sampling,
    /// Parameters that this model refuses.
    refused: Vec<String>,
    /// Further keys of the body, as the settings give them.
    pub(crate) extra: BTreeMap<String, Value>,
}

impl Parameters {
    pub(crate) fn new(model: &str, defaults: Sampling, refused: &[String], extra: BTreeMap<String, Value>) -> Self {
        Self { model: model.to_owned(), defaults, refused: refused.to_vec(), extra }
    }

    /// Whether the model takes this parameter.
    pub(crate) fn takes(&self, name: &str) -> bool {
        !self.refused.iter().any(|refused| refused == name)
    }

    pub(crate) fn temperature(&self, request: &ChatRequest<'_>) -> Option<f64> {
        request.temperature.or(self.defaults.temperature).filter(|_| self.takes("temperature"))
    }

    pub(crate) fn top_p(&self, request: &ChatRequest<'_>) -> Option<f64> {
        request.top_p.or(self.defaults.top_p).filter(|_| self.takes("top_p"))
    }

    pub(crate) fn max_tokens(&self, request: &ChatRequest<'_>) -> Option<u32> {
        request.max_tokens.or(self.defaults.max_tokens)
    }

    pub(crate) fn seed(&self, request: &ChatRequest<'_>) -> Option<u64> {
        request.seed.or(self.defaults.seed).filter(|_| self.takes("seed"))
    }

    /// Adds a key of the settings to a body, under the vendor's name for it.
    pub(crate) fn add_extra(&self, body: &mut serde_json::Map<String, Value>, ours: &str, theirs: &str) {
        if let Some(value) = self.extra.get(ours).filter(|_| self.takes(theirs)) {
            body.insert(theirs.to_owned(), value.clone());
        }
    }
}

/// A body's bytes. Texts, numbers and finite depth always have a JSON form; floats that have none become null, which
/// vendors refuse.
pub(crate) fn bytes_of(body: &impl serde::Serialize) -> Bytes {
    serde_json::to_vec(body).unwrap_or_default().into()
}

/// Adds a key where there is a value.
pub(crate) fn put(body: &mut serde_json::Map<String, Value>, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        body.insert(key.to_owned(), value.into());
    }
}
