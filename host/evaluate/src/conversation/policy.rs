//! How far a model may call tools: what `tool_policy` limits, and what always is. A call too many is refused: the model
//! sees why and the conversation goes on. A model that does not heed it, or that costs too much, ends the case.

use std::collections::{BTreeSet, HashMap};

use arena_bundle::{ToolChoice, ToolPolicy};
use arena_model::{Digest, Hasher, Role, ToolCall};

use super::Run;
use crate::case::Trouble;

/// Answers of the model within one turn where nothing is said.
const ROUNDS: u32 = 50;
/// The call of one tool with the same arguments within a turn that is refused where nothing is said.
pub(super) const IDENTICAL: u32 = 3;
/// Most of all results of tools of a case, bytes.
const ANSWERED: usize = 8 << 20;
/// Cost of a conversation where nothing is said, millionths of a US dollar.
const COST_USD_MICRO: u64 = 2_000_000;

/// The calls so far.
#[derive(Debug, Default)]
pub(super) struct Calls {
    pub all: u32,
    turn: u32,
    same: HashMap<Digest, u32>,
    /// Whether the model was told within this turn that it repeats itself.
    pub warned: bool,
    /// Bytes that servers have answered.
    pub received: usize,
    /// Bytes of all results of tools.
    answered: usize,
    /// How often each tool of the bundle was called.
    of_tool: HashMap<String, u32>,
}

impl Calls {
    /// A new turn.
    pub fn begin(&mut self) {
        let of_tool = std::mem::take(&mut self.of_tool);
        *self = Self { all: self.all, received: self.received, answered: self.answered, of_tool, ..Self::default() };
    }

    /// Counts a call that comes to a tool of the bundle; gives its number among those of the tool.
    pub fn reach(&mut self, tool: &str) -> u32 {
        let count = self.of_tool.entry(tool.to_owned()).or_default();
        *count = count.saturating_add(1);
        *count
    }

    /// Counts the calls of one answer as they were made; gives those that repeat earlier ones too often.
    pub fn repeated(&mut self, limit: u32, calls: &[ToolCall]) -> BTreeSet<usize> {
        let mut repeated = BTreeSet::new();
        for (at, call) in calls.iter().enumerate() {
            let mut hasher = Hasher::default();
            hasher.field(call.name.as_bytes()).field(call.arguments.to_string().as_bytes());
            let count = self.same.entry(hasher.finish()).or_default();
            *count = count.saturating_add(1);
            if *count >= limit {
                repeated.insert(at);
            }
        }
        repeated
    }

    /// Counts a call that is about to be made.
    pub fn admit(&mut self, policy: &ToolPolicy, name: &str) -> Result<(), String> {
        if policy.choice == Some(ToolChoice::Forbidden) {
            return Err(format!("tool_choice is `none`: `{name}` is not called"));
        }
        if policy.blocklist.iter().any(|blocked| blocked == name) {
            return Err(format!("the tool `{name}` is blocked by policy"));
        }
        let limits = [
            (policy.max_calls_per_turn, self.turn, "tool calls of this turn"),
            (policy.max_calls, self.all, "tool calls of this conversation"),
        ];
        if let Some((most, what)) = limits.iter().find_map(|(most, made, what)| {
            let most = (*most)?;
            (*made >= most).then_some((most, what))
        }) {
            return Err(format!("all {most} {what} are used up: `{name}` is not called"));
        }
        self.turn = self.turn.saturating_add(1);
        self.all = self.all.saturating_add(1);
        Ok(())
    }
}

impl Run<'_> {
    /// What is in force: the scenario's policy over that of the prompt.
    pub(super) fn policy(&self) -> ToolPolicy {
        let none = ToolPolicy::default();
        let scenario = self.case.scenario.tool_policy.as_deref().unwrap_or(&none);
        self.prompt().map_or_else(|_| scenario.clone(), |prompt| scenario.over(&prompt.tool_policy))
    }

    pub(super) fn rounds(&self) -> u32 {
        self.policy().max_rounds.unwrap_or(ROUNDS)
    }

    /// Counts the bytes of a tool's result: a record has no room for more, and neither has the memory.
    pub(super) fn count_answer(&mut self, bytes: usize) -> Result<(), Trouble> {
        self.calls.answered = self.calls.answered.saturating_add(bytes);
        if self.calls.answered <= ANSWERED {
            return Ok(());
        }
        let text = format!("the tools of this case have answered more than {ANSWERED} bytes");
        Err(Trouble::new("ToolResultsTooLarge", text))
    }

    /// Ends a conversation that has become too expensive.
    pub(super) fn check_cost(&self) -> Result<(), Trouble> {
        self.check_spent(0)
    }

    /// The same with what has been spent beside the conversation's replies, millionths of a US dollar.
    pub(super) fn check_spent(&self, beside: u64) -> Result<(), Trouble> {
        let most = self.policy().max_cost_usd_micro.unwrap_or(COST_USD_MICRO);
        let replies = self.conversation.messages.iter().filter(|message| message.role == Role::Assistant);
        let spent = replies.fold(beside, |sum, reply| sum.saturating_add(reply.cost_usd_micro.unwrap_or_default()));
        if spent <= most {
            return Ok(());
        }
        let usd = |micro: u64| micro as f64 / 1e6;
        let text = format!("the conversation has cost {:.6} USD; `max_cost_usd` is {}", usd(spent), usd(most));
        Err(Trouble::new("CostLimitExceeded", text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn calls(all: &[(&str, u32)]) -> Vec<ToolCall> {
        let call = |(name, x): &(&str, u32)| ToolCall::new("c", *name, json!({"x": x}));
        all.iter().map(call).collect()
    }

    #[test]
    fn the_same_call_is_counted_within_a_turn() {
        let mut seen = Calls::default();
        assert_eq!(seen.repeated(3, &calls(&[("a", 1), ("a", 1), ("a", 2), ("b", 1)])), BTreeSet::new());
        assert_eq!(seen.repeated(3, &calls(&[("b", 1), ("a", 1)])), BTreeSet::from([1]));
        seen.begin();
        assert_eq!(seen.repeated(3, &calls(&[("a", 1)])), BTreeSet::new());
        assert_eq!(seen.repeated(1, &calls(&[("z", 1)])), BTreeSet::from([0]));
    }

    #[test]
    fn limits_hold_to_the_call_and_turns_begin_anew() {
        let policy = ToolPolicy { max_calls_per_turn: Some(2), max_calls: Some(3), ..ToolPolicy::default() };
        let mut made = Calls::default();
        let admit = |made: &mut Calls| made.admit(&policy, "a").is_ok();
        assert_eq!([admit(&mut made), admit(&mut made), admit(&mut made)], [true, true, false]);
        made.begin();
        assert_eq!([admit(&mut made), admit(&mut made)], [true, false]);
    }

    #[test]
    fn what_is_blocked_or_forbidden_is_refused_and_not_counted() {
        let policy = ToolPolicy { blocklist: vec!["a".into()], max_calls: Some(1), ..ToolPolicy::default() };
        let mut made = Calls::default();
        assert!(made.admit(&policy, "a").unwrap_err().contains("blocked"));
        assert!(made.admit(&policy, "b").is_ok());
        let policy = ToolPolicy { choice: Some(ToolChoice::Forbidden), ..ToolPolicy::default() };
        assert!(made.admit(&policy, "b").unwrap_err().contains("`none`"));
    }
}
