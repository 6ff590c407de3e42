//! Tools that are called for checks of type `tool_exec`. Which tool, and what of its answer is good, are the check's to say;
//! the call is an event that its check looks for.

use std::time::{Duration, Instant};

use arena_bundle::Assertion;
use arena_model::Conversation;
use serde_json::{Value, json};
use tokio::time::timeout_at;

use super::Run;
use super::live::head;
use crate::check::params_of;
use crate::condition::applies;

/// The type of such checks, and of the events.
pub(crate) const TOOL_EXEC: &str = "tool_exec";
/// Longest call where the check says nothing.
const TIMEOUT: Duration = Duration::from_secs(120);
/// Most of an answer that the check sees, bytes.
const RESULT_BYTES: usize = 64 << 10;

/// The calls that these checks ask for: tool, arguments, and the most seconds that it may take.
pub(super) fn asked_tools<'c>(
    checks: impl Iterator<Item = &'c Assertion>,
    conversation: &Conversation,
) -> Vec<(String, Value, Value)> {
    let applying = |check: &&Assertion| {
        let held = |when| matches!(applies(when, conversation), Ok(Ok(())));
        check.when.as_deref().is_none_or(held)
    };
    // Of a group that does not apply no check does.
    let single = checks.filter(applying).flat_map(Assertion::checks).filter(applying);
    let asked = single.filter_map(|check| params_of(TOOL_EXEC, check));
    asked
        .filter_map(|params| {
            let tool = params["tool"].as_str()?.to_owned();
            let arguments = if params["args"].is_null() { json!({}) } else { params["args"].clone() };
            Some((tool, arguments, params["timeout_seconds"].clone()))
        })
        .collect()
}

impl Run<'_> {
    /// Calls the tools that these checks ask for, one after the other.
    pub(super) async fn call_for_checks(&mut self, checks: impl Iterator<Item = &Assertion>, turn: Option<u32>) {
        let turn = turn.or(self.conversation.turns.last().copied()).unwrap_or_default();
        for (tool, arguments, seconds) in asked_tools(checks, &self.conversation) {
            let (failed, result) = self.called(&tool, &arguments, &seconds).await;
            let detail = json!({"tool": tool, "args": arguments, "failed": failed, "result": result});
            self.event(TOOL_EXEC, turn, detail);
        }
    }

    async fn called(&mut self, tool: &str, arguments: &Value, seconds: &Value) -> (bool, String) {
        let asked = seconds.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let allowed = Instant::now().checked_add(asked.unwrap_or(TIMEOUT)).unwrap_or(self.deadline).min(self.deadline);
        let answer = timeout_at(allowed.into(), self.call_tool(tool, arguments)).await;
        let (failed, text) = match answer {
            Ok(Ok(content)) => (false, content.text().into_owned()),
            Ok(Err(failure)) => (true, failure.why),
            Err(_) => (true, "it took too long".to_owned()),
        };
        (failed, head(&text, RESULT_BYTES).to_owned())
    }
}
