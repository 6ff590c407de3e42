//! The record: one JSON object per case. Version 1; tools outside read it, so it changes only by addition.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{CaseKey, Digest, Event, Look, Message, Usage};

/// How a case or a check ended. Only `passed` is a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Outcome {
    Passed,
    Failed,
    Error,
    Skipped,
    NotRun,
}

impl Outcome {
    /// All of them, in the order reports print them.
    pub const ALL: [Self; 5] = [Self::Passed, Self::Failed, Self::Error, Self::Skipped, Self::NotRun];

    /// The word in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Error => "error",
            Self::Skipped => "skipped",
            Self::NotRun => "not_run",
        }
    }
}

/// Where a check is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Scope {
    Turn,
    Conversation,
    Eval,
    Guardrail,
}

/// A stretch of a message's text, UTF-8 byte offsets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Index into `messages`.
    pub message: u32,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// What it shows.
    #[serde(default)]
    pub note: String,
}

/// The component that gave a verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EvaluatorRef {
    /// Its name in the bundle or the standard library.
    pub name: String,
    /// Digest of the component's bytes.
    pub digest: Digest,
}

/// A call a guest made to something that costs or varies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HostCall {
    /// `judge:<name>` and the like.
    pub to: String,
    /// Digest of the request.
    pub request: Digest,
    /// The answer, or the error's text.
    pub reply: String,
    /// Tokens of this call.
    pub usage: Usage,
    /// Millionths of a US dollar; none if the price is unknown.
    pub cost_usd_micro: Option<u64>,
    /// Whether `reply` is the text of an error.
    #[serde(default, skip_serializing_if = "is_false")]
    pub failed: bool,
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// What one check said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckRecord {
    /// Where it is declared.
    pub scope: Scope,
    /// Zero-based index of the scripted turn; none for conversation checks.
    pub turn: Option<u32>,
    /// Position in that assertion list (conversation checks: globals first).
    pub index: u32,
    /// Id of a pack eval.
    #[serde(default)]
    pub id: Option<String>,
    /// Check type as configured (an alias stays an alias).
    #[serde(rename = "type")]
    pub kind: String,
    /// Params as configured.
    pub params: Value,
    /// How it ended.
    pub outcome: Outcome,
    /// 0 to 1; none if the check gave none.
    pub score: Option<f64>,
    /// One sentence for a person; for an error it starts with the stable name in `error`.
    pub reason: Option<String>,
    /// Stable name of the error (`FuelExhausted`); none unless outcome is `error`.
    #[serde(default)]
    pub error: Option<String>,
    /// The message configured beside the params, shown when the check fails.
    #[serde(default)]
    pub message: Option<String>,
    /// Share of trials in which it must pass, 0 to 1; none if in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass_threshold: Option<f64>,
    /// A class the check gave.
    #[serde(default)]
    pub label: Option<String>,
    /// What speaks for the verdict.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// None if no component was found for the type.
    pub evaluator: Option<EvaluatorRef>,
    /// Fuel the guest used.
    pub fuel: u64,
    /// Peak linear memory of the guest, bytes.
    pub memory_bytes: u64,
    /// Whether the instance had served before.
    #[serde(default)]
    pub reused: bool,
    /// Judge and other calls, in order.
    #[serde(default)]
    pub calls: Vec<HostCall>,
}

/// Times of one scripted turn.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MeasuredTurn {
    /// From request to complete answer, summed over the turn's calls.
    pub latency_ms: f64,
    /// To the first streamed token of the first call.
    pub ttft_ms: Option<f64>,
    /// HTTP attempts, retries included.
    pub attempts: u32,
    /// Why attempts that were tried again had failed, a stable name each, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retried: Vec<String>,
}

/// Everything that depends on time or place, and so takes no part in equality.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measured {
    /// RFC 3339, UTC.
    pub started: String,
    /// The whole case.
    pub latency_ms: f64,
    /// Of the first turn that streamed.
    pub ttft_ms: Option<f64>,
    /// One entry per scripted turn that ran.
    pub turns: Vec<MeasuredTurn>,
    /// One entry per entry of `checks`.
    pub checks_us: Vec<u64>,
    /// Attempts at the case as a whole.
    pub attempts: u32,
    /// Random id of the worker process.
    pub worker: String,
    /// Whether an answer came from a cache.
    pub cached: bool,
    /// Calls of models that were made for the case, attempts that failed, users, judges and embeddings included.
    #[serde(default, skip_serializing_if = "is_none")]
    pub calls: u64,
}

/// One case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// Always 1.
    pub v: u32,
    /// Hash of the ids below.
    pub key: CaseKey,
    /// Place in the plan.
    pub index: u64,
    /// Digest of the rendered inputs; tells a changed test from a changed answer.
    pub input: Digest,
    /// Scenario id.
    pub scenario: String,
    /// Provider id.
    pub provider: String,
    /// Region label.
    pub region: Option<String>,
    /// Zero-based repetition.
    pub trial: u32,
    /// Dataset row.
    pub row: Option<String>,
    /// Perturbation variant.
    pub variant: Option<String>,
    /// How the case ended.
    pub outcome: Outcome,
    /// One sentence why, unless it passed; for an error it starts with the stable name in `error`.
    pub reason: Option<String>,
    /// Stable name of the error; none unless outcome is `error`.
    #[serde(default)]
    pub error: Option<String>,
    /// The conversation.
    pub messages: Vec<Message>,
    /// What happened beside the messages, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Event>,
    /// How far the conversation had come each time that checks looked at it; none where that follows from messages and
    /// events, see [`Look::plain`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looks: Option<Vec<Look>>,
    /// Checks in the order judged.
    pub checks: Vec<CheckRecord>,
    /// Tokens of the whole case, judges included.
    pub usage: Usage,
    /// Millionths of a US dollar; none if any price is unknown.
    pub cost_usd_micro: Option<u64>,
    /// Times and places.
    pub measured: Measured,
}
