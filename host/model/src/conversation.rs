//! Messages as they stand in records, and the view of them that checks get.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who a message is from, as the provider sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Role {
    System,
    User,
    Assistant,
    Tool,
}

/// What wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Author {
    Script,
    Persona,
    Model,
    Tool,
    Guardrail,
}

/// Plain text or a list of parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Content {
    /// The common case.
    Text(String),
    /// Text and media.
    Parts(Vec<Part>),
}

impl Content {
    /// All text, parts joined by a newline.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Parts(parts) => {
                let texts: Vec<_> = parts.iter().filter_map(|part| part.text.as_deref()).collect();
                texts.join("\n").into()
            }
        }
    }
}

/// One piece of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// text, image, audio, video or document.
    #[serde(rename = "type")]
    pub kind: String,
    /// The text of a text part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What is known of a media part: mime_type, file_path, url, data (base64), detail, caption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<Value>,
}

/// A tool call as the model made it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToolCall {
    /// The provider's id of the call.
    pub id: String,
    /// Name of the tool.
    pub name: String,
    /// JSON object.
    pub arguments: Value,
    /// What the vendor wants to be sent back with the call, and what means nothing to anybody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

impl ToolCall {
    /// A call without a signature.
    pub fn new(id: impl Into<String>, name: impl Into<String>, arguments: Value) -> Self {
        Self { id: id.into(), name: name.into(), arguments, signature: None }
    }
}

/// Tokens as the provider counted them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Usage {
    /// Prompt tokens, cached ones included.
    pub input: u64,
    /// Completion tokens, those of reasoning included.
    pub output: u64,
    /// Prompt tokens that were read from the provider's cache.
    pub cached: u64,
    /// Prompt tokens that were written to the provider's cache, where that has a price of its own.
    #[serde(skip_serializing_if = "is_zero")]
    pub cache_write: u64,
    /// Completion tokens that nobody saw: the model's reasoning.
    #[serde(skip_serializing_if = "is_zero")]
    pub reasoning: u64,
}

pub(crate) fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Usage {
    /// Tokens in and out.
    pub fn total(&self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

/// A server may claim any number: sums end at the largest.
impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input = self.input.saturating_add(other.input);
        self.output = self.output.saturating_add(other.output);
        self.cached = self.cached.saturating_add(other.cached);
        self.cache_write = self.cache_write.saturating_add(other.cache_write);
        self.reasoning = self.reasoning.saturating_add(other.reasoning);
    }
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    /// Who it is from, as the provider sees it.
    pub role: Role,
    /// What wrote it.
    pub by: Author,
    /// Text or parts.
    pub content: Content,
    /// Calls the model made in this message.
    #[serde(default)]
    pub tool_calls: Vec<ToolCall>,
    /// Id of the call a tool message answers.
    #[serde(default)]
    pub tool_call_id: Option<String>,
    /// Tokens, on messages of a model.
    #[serde(default)]
    pub usage: Option<Usage>,
    /// Millionths of a US dollar; none if the price is unknown.
    #[serde(default)]
    pub cost_usd_micro: Option<u64>,
    /// Why the model stopped: stop, length, tool-calls, content-filter, or the provider's word.
    #[serde(default)]
    pub finish: Option<String>,
}

impl Message {
    /// A message of plain text and nothing else.
    pub fn text(role: Role, by: Author, text: impl Into<String>) -> Self {
        let content = Content::Text(text.into());
        Self {
            role,
            by,
            content,
            tool_calls: vec![],
            tool_call_id: None,
            usage: None,
            cost_usd_micro: None,
            finish: None,
        }
    }
}

/// Something that happened beside the messages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// `workflow`, `guardrail`, `artifact`, `composition`, ...
    pub kind: String,
    /// Zero-based index of the scripted turn.
    pub turn: u32,
    /// JSON object whose keys depend on the kind.
    pub detail: Value,
}

/// A conversation as a check sees it. Shared by all checks of a turn, hence cheap to pass as `Arc`.
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    /// Zero-based index of the scripted turn under judgement; none when the whole conversation is.
    pub turn: Option<u32>,
    /// All messages so far, the system prompt first if there is one.
    pub messages: Vec<Message>,
    /// For each message, the scripted turn it belongs to.
    pub turns: Vec<u32>,
    /// Events so far.
    pub events: Vec<Event>,
    /// Named facts, see `subject.fact` in the WIT.
    pub facts: BTreeMap<String, Value>,
}

impl Conversation {
    /// Index of the newest assistant message.
    pub fn last_reply(&self) -> Option<usize> {
        self.messages.iter().rposition(|message| message.role == Role::Assistant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_that_a_server_made_up_do_not_overflow() {
        let mut sum = Usage { input: u64::MAX - 1, output: 7, cached: 0, ..Usage::default() };
        sum += Usage { input: 5, output: u64::MAX, cached: 1, ..Usage::default() };
        assert_eq!(sum, Usage { input: u64::MAX, output: u64::MAX, cached: 1, ..Usage::default() });
        assert_eq!(sum.total(), u64::MAX);
    }
}
