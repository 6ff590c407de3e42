//! `tool_policy` of a prompt and of a scenario: how far tools may be called.

use crate::report::Report;
use crate::yaml::Cursor;

/// What a model is told about calling tools.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ToolChoice {
    /// It may.
    #[default]
    Auto,
    /// Its first answer in a turn must call one.
    Required,
    /// It may not.
    Forbidden,
}

/// Names of the choices in documents.
const CHOICES: [(&str, ToolChoice); 3] =
    [("auto", ToolChoice::Auto), ("required", ToolChoice::Required), ("none", ToolChoice::Forbidden)];

/// Most rounds of calls that a policy may allow within a turn.
const MOST_ROUNDS: u32 = 1000;

/// Limits of the calls of tools. What is none is left to whoever runs the conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolPolicy {
    /// What the model is told.
    pub choice: Option<ToolChoice>,
    /// Tools that the model is not told of and may not call.
    pub blocklist: Vec<String>,
    /// Answers of the model within one turn, from 1 to 1000.
    pub max_rounds: Option<u32>,
    /// Calls within one turn, at least 1.
    pub max_calls_per_turn: Option<u32>,
    /// Calls within the conversation, at least 1.
    pub max_calls: Option<u32>,
    /// Calls of one tool with the same arguments within one turn, at least 1.
    pub max_identical_calls: Option<u32>,
    /// Of the whole conversation, millionths of a US dollar.
    pub max_cost_usd_micro: Option<u64>,
}

impl ToolPolicy {
    /// The policy under `tool_policy`; as in the format, 0 means that a limit is not set.
    pub(crate) fn decode(parent: &Cursor<'_>, report: &mut Report) -> Self {
        let Some(policy) = parent.get("tool_policy") else { return Self::default() };
        let mut limit = |key: &str| policy.whole(key, 0, report).filter(|limit: &u32| *limit > 0);
        let max_rounds = limit("max_rounds").map(|rounds| rounds.min(MOST_ROUNDS));
        let max_calls_per_turn = limit("max_tool_calls_per_turn");
        let max_calls = limit("max_total_tool_calls");
        let max_identical_calls = limit("max_identical_tool_calls");
        let cost = policy.number_in("max_cost_usd", 0.0, f64::MAX, report).filter(|usd| *usd > 0.0);
        Self {
            choice: choice(&policy, report),
            blocklist: policy.texts("blocklist"),
            max_rounds,
            max_calls_per_turn,
            max_calls,
            max_identical_calls,
            max_cost_usd_micro: cost.map(|usd| (usd * 1e6).round() as u64),
        }
    }

    /// This policy where it says something, else `other`; a tool that either blocks is blocked.
    pub fn over(&self, other: &Self) -> Self {
        let mut blocklist = self.blocklist.clone();
        blocklist.extend(other.blocklist.iter().filter(|tool| !self.blocklist.contains(tool)).cloned());
        Self {
            choice: self.choice.or(other.choice),
            blocklist,
            max_rounds: self.max_rounds.or(other.max_rounds),
            max_calls_per_turn: self.max_calls_per_turn.or(other.max_calls_per_turn),
            max_calls: self.max_calls.or(other.max_calls),
            max_identical_calls: self.max_identical_calls.or(other.max_identical_calls),
            max_cost_usd_micro: self.max_cost_usd_micro.or(other.max_cost_usd_micro),
        }
    }
}

fn choice(policy: &Cursor<'_>, report: &mut Report) -> Option<ToolChoice> {
    let cursor = policy.get_text("tool_choice")?;
    let text = cursor.node.as_text().filter(|text| !text.is_empty())?;
    let known = CHOICES.iter().find(|(name, _)| *name == text).map(|(_, choice)| *choice);
    if known.is_none() {
        let problem = cursor.error_with_value("UnknownValue", "unknown choice");
        report.push(problem.hint("known are auto, required, none"));
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_policy_wins_where_it_says_something_and_blocks_add_up() {
        let scenario = ToolPolicy {
            choice: Some(ToolChoice::Required),
            blocklist: vec!["a".into()],
            max_calls: Some(3),
            ..ToolPolicy::default()
        };
        let prompt = ToolPolicy {
            choice: Some(ToolChoice::Auto),
            blocklist: vec!["a".into(), "b".into()],
            max_rounds: Some(5),
            max_calls: Some(9),
            ..ToolPolicy::default()
        };
        let both = scenario.over(&prompt);
        assert_eq!((both.choice, both.max_calls, both.max_rounds), (Some(ToolChoice::Required), Some(3), Some(5)));
        assert_eq!(both.blocklist, ["a", "b"]);
    }
}
