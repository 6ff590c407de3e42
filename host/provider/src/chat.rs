//! One call to a model.

use std::fmt;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use arena_model::{Message, ScriptedCall};
use async_trait::async_trait;
use serde_json::Value;

use crate::{ProviderError, Reuse};

/// A model behind some vendor's interface.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Asks for the next assistant message, retrying what may pass.
    async fn chat(&self, request: ChatRequest<'_>) -> Result<ChatReply, ProviderError>;

    /// The model's name as the vendor knows it.
    fn model(&self) -> &str;

    /// `host[:port]` that is called, for logs and the run's origin; none if nothing is called.
    fn endpoint(&self) -> Option<&str>;

    /// What of its settings has no effect, or will be missing.
    fn remarks(&self) -> &[Remark] {
        &[]
    }

    /// What is written down for a call of a tool, in place of the tool's own answer: a result, or why the call fails.
    fn tool_result(&self, _call: &ScriptedCall<'_>) -> Option<&Result<Value, String>> {
        None
    }

    /// The tools for which something is written down.
    fn scripted_tools(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Whether it holds conversations in which both sides speak at once.
    fn speaks(&self) -> bool {
        false
    }
}

/// Something a user should know of a provider that works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Stable name of its kind.
    pub reason: &'static str,
    /// A sentence.
    pub text: String,
}

/// What to ask. A parameter that is none falls back to the provider's own, then to the vendor's.
#[derive(Clone, Copy, Debug)]
pub struct ChatRequest<'a> {
    /// The conversation, system prompt first if there is one.
    pub messages: &'a [Message],
    /// What the model may call.
    pub tools: &'a [ToolSpec],
    /// Whether the answer must call one of them.
    pub must_call: bool,
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// Most tokens of the answer.
    pub max_tokens: Option<u32>,
    /// Seed of the vendor's sampling.
    pub seed: Option<u64>,
    /// Ask for a stream, so that the time to the first token is known.
    pub stream: bool,
    /// JSON Schema of the answer, where the vendor can be asked to keep to one.
    pub output_schema: Option<&'a Value>,
    /// What a mock needs to know.
    pub context: MockContext<'a>,
    /// Sees a streamed text as it comes, and may end it.
    pub watch: Option<&'a dyn Watch>,
    /// Which call of its case this is; none if an earlier answer must not stand for this one.
    pub reuse: Option<&'a Reuse>,
    /// No attempt and no wait goes past this.
    pub deadline: Instant,
}

impl<'a> ChatRequest<'a> {
    /// A plain call with nothing but messages.
    pub fn new(messages: &'a [Message], deadline: Instant) -> Self {
        Self {
            messages,
            tools: &[],
            must_call: false,
            temperature: None,
            top_p: None,
            max_tokens: None,
            seed: None,
            stream: false,
            output_schema: None,
            context: MockContext::default(),
            watch: None,
            reuse: None,
            deadline,
        }
    }
}

/// Sees a streamed text while it comes.
#[async_trait]
pub trait Watch: fmt::Debug + Send + Sync {
    /// An attempt begins: what came before it is void.
    async fn begin(&self);

    /// More of the text, without credentials. Whoever breaks ends the stream: the reply is what was shown so far, its
    /// `finish` is [`GUARDED`], and its tokens are unknown.
    async fn more(&self, text: &str) -> ControlFlow<()>;
}

/// `finish` of a reply whose stream was ended by the one who watched it.
pub const GUARDED: &str = "guardrail";

/// A tool as a model is told of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolSpec {
    /// What it is called by.
    pub name: String,
    /// When to call it.
    pub description: String,
    /// JSON Schema of the arguments.
    pub parameters: Value,
}

/// Where in a run a call stands. Real vendors never see it.
#[derive(Clone, Copy, Debug, Default)]
pub struct MockContext<'a> {
    /// Scenario id.
    pub scenario: &'a str,
    /// One-based number of the user message under answer; matters only where history was cut from the request.
    pub turn: u32,
    /// A judge's call: it stands outside every scenario.
    pub judge: bool,
    /// The simulated user whose turn it is, and the number of that turn from 1.
    pub persona: Option<(&'a str, u32)>,
    /// The step of a composition.
    pub step: Option<&'a str>,
    /// Both sides speak at once.
    pub duplex: bool,
    /// There are tools in this conversation, if perhaps not for this call.
    pub tools: bool,
}

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatReply {
    /// The assistant's message, with usage, cost and finish as far as they are known.
    pub message: Message,
    /// From request to complete answer of the attempt that succeeded; waits between attempts are not the model's.
    pub latency: Duration,
    /// From the same start to the first streamed piece; none if the answer was not streamed.
    pub ttft: Option<Duration>,
    /// Attempts made, the successful one included; none for an answer from a cache.
    pub attempts: u32,
    /// Why the failed ones among them failed, a stable name each.
    pub retried: Vec<&'static str>,
    /// Whether it is the answer to an earlier call that asked the same.
    pub cached: bool,
}
