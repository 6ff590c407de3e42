//! Checks on calls of tools: takes a conversation and the names, arguments or results the user expects, gives verdicts
//! that name the calls at fault. Calls no tool (for `tool_exec` the host does), asks no model, never looks at what replies say.
//!
//! Names, aliases, scores and quirks are PromptArena's; where ours differ, `docs/compatibility/checks.md` says why. A check
//! sees all calls so far, those of earlier turns included, unless `scope: turn` narrows it to the turn it is written
//! under. Other agents and skills are tools too, so checks on them are here.

mod agents;
mod amounts;
mod arguments;
mod called;
mod chain;
mod constraints;
mod every;
mod exec;
mod fields;
mod media;
mod names;
mod order;
mod outcomes;
mod results;
mod scope;
mod skills;
mod values;

use arena_guest::prelude::*;

use agents::{AgentResponse, Agents};
use amounts::{NoToolErrors, ToolCallCount, ToolEfficiency};
use arguments::{ToolArgs, ToolArgsExcluded, ToolArgsSession};
use called::{ToolsCalled, ToolsCalledSession, ToolsNotCalled, ToolsNotCalledSession};
use chain::ToolCallChain;
use every::ToolCallsWithArgs;
use exec::ToolExec;
use fields::FieldsPreserved;
use media::{ToolResultHasMedia, ToolResultMediaType};
use order::{ToolAntiPattern, ToolCallSequence, ToolNoRepeat};
use outcomes::{Directional, OutcomeEquivalent};
use results::{ToolResultIncludes, ToolResultMatches};
use skills::{SkillActivated, SkillNotActivated, SkillOrder};

/// Longest stretch of a name, argument or result that is shown in a reason, in characters.
const SHOWN: usize = 60;

/// Most names or calls that a reason lists.
const LISTED: usize = 20;

/// Checks on calls of tools, agents and skills.
#[evaluator(name = "tools")]
mod checks {
    use super::*;

    /// Passes when all tools were called without an error, often enough and not too often; the score is the share.
    #[check(name = "tools_called", aliases = ["tool_called"], input = "conversation")]
    fn tools_called(subject: &Subject<'_>, params: ToolsCalled) -> Result<Verdict, CheckError> {
        params.judge(subject)
    }

    /// Passes when none of the tools was called.
    #[check(name = "tools_not_called", input = "conversation")]
    fn tools_not_called(subject: &Subject<'_>, params: ToolsNotCalled) -> Result<Verdict, CheckError> {
        Ok(params.judge(subject))
    }

    /// Passes when all tools were called in the conversation, calls that failed included; the score is the share.
    #[check(name = "tools_called_session", input = "conversation")]
    fn tools_called_session(subject: &Subject<'_>, params: ToolsCalledSession) -> Result<Verdict, CheckError> {
        Ok(params.judge(subject))
    }

    /// Passes when none of the tools was called in the conversation.
    #[check(name = "tools_not_called_session", input = "conversation")]
    fn tools_not_called_session(subject: &Subject<'_>, params: ToolsNotCalledSession) -> Result<Verdict, CheckError> {
        Ok(params.judge(subject))
    }

    /// Passes when a call of the tool has the expected arguments.
    #[check(name = "tool_args", input = "conversation")]
    fn tool_args(subject: &Subject<'_>, params: ToolArgs) -> Result<Verdict, CheckError> {
        Ok(params.judge(subject))
    }

    /// Passes when a call of the tool in the conversation has the expected arguments.
    #[check(name = "tool_args_session", input = "conversation")]
    fn tool_args_session(subject: &Subject<'_>, params: ToolArgsSession) -> Result<Verdict, CheckError> {
        Ok(params.judge(subject))
    }

    /// Passes when no call of the tool in the conversation has a forbidden argument.
    #[check(name = "tool_args_excluded_session", aliases = ["tools_not_called_with_args"], input = "conversation")]
    fn tool_args_excluded_session(subject: &Subject<'_>, params: ToolArgsExcluded) -> Result<Verdict, CheckError> {
        Ok(params.judge(subject))
    }

    /// Passes when every call of the tool has the arguments and the result asked for.
    #[check(name = "tool_calls_with_args", input = "conversation")]
    fn tool_calls_with_args(subject: &Subject<'_>, params: ToolCallsWithArgs) -> Result<Verdict, CheckError> {
        params.judge(subject)
    }

    /// Passes when the number of calls is within the limits.
    #[check(name = "tool_call_count", input = "conversation")]
    fn tool_call_count(subject: &Subject<'_>, params: ToolCallCount) -> Result<Verdict, CheckError> {
        Ok(params.judge(subject))
    }

    /// Passes when the tools were called in this order, other calls between or not; the score is the share.
    #[check(name = "tool_call_sequence", input = "conversation")]
    fn tool_call_sequence(subject: &Subject<'_>, params: ToolCallSequence) -> Result<Verdict, CheckError> {
        Ok(params.judge(subject))
    }

    /// Passes when the steps happened in this order and each satisfies what it asks for; the score is the share.
    #[check(name = "tool_call_chain", input = "conversation")]
    fn tool_call_chain(subject: &Subject<'_>, params: ToolCallChain) -> Result<Verdict, CheckError> {
        params.judge(subject)
    }

    /// Passes when the tools were called in none of the forbidden orders.
    #[check(name = "tool_anti_pattern", input = "conversation")]
    fn tool_anti_pattern(subject: &Subject<'_>, params: ToolAntiPattern) -> Result<Verdict, CheckError> {
        Ok(params.judge(subject))
    }

    /// Passes when no tool was called too many times in a row.
    #[check(name = "tool_no_repeat", input = "conversation")]
    fn tool_no_repeat(subject: &Subject<'_>, params: ToolNoRepeat) -> Result<Verdict, CheckError> {
        Ok(params.judge(subject))
    }

    /// Passes when calls and errors are within the limits; the score is the share of the calls that is left.
    #[check(name = "tool_efficiency", input = "conversation")]
    fn tool_efficiency(subject: &Subject<'_>, params: ToolEfficiency) -> Result<Verdict, CheckError> {
        Ok(params.judge(subject))
    }

    /// Passes when no call failed; the score is the share of calls that did not.
    #[check(name = "no_tool_errors", input = "conversation")]
    fn no_tool_errors(subject: &Subject<'_>, params: NoToolErrors) -> Result<Verdict, CheckError> {
        Ok(params.judge(subject))
    }

    /// Passes when enough results contain all the patterns.
    #[check(name = "tool_result_includes", input = "conversation")]
    fn tool_result_includes(subject: &Subject<'_>, params: ToolResultIncludes) -> Result<Verdict, CheckError> {
        Ok(params.judge(subject))
    }

    /// Passes when enough results match the regular expression (RE2 syntax).
    #[check(name = "tool_result_matches", input = "conversation")]
    fn tool_result_matches(subject: &Subject<'_>, params: ToolResultMatches) -> Result<Verdict, CheckError> {
        params.judge(subject)
    }

    /// Passes when a result holds media of this kind.
    #[check(name = "tool_result_has_media", input = "conversation")]
    fn tool_result_has_media(subject: &Subject<'_>, params: ToolResultHasMedia) -> Result<Verdict, CheckError> {
        Ok(params.judge(subject))
    }

    /// Passes when a result holds media of this MIME type.
    #[check(name = "tool_result_media_type", input = "conversation")]
    fn tool_result_media_type(subject: &Subject<'_>, params: ToolResultMediaType) -> Result<Verdict, CheckError> {
        Ok(params.judge(subject))
    }

    /// Passes when no argument that an earlier call of the tool had is missing in a later one; the score is the share.
    #[check(name = "invariant_fields_preserved", input = "conversation")]
    fn invariant_fields_preserved(subject: &Subject<'_>, params: FieldsPreserved) -> Result<Verdict, CheckError> {
        Ok(params.judge(subject))
    }

    /// Passes when all agents were invoked; the score is the share.
    #[check(name = "agent_invoked", input = "conversation")]
    fn agent_invoked(subject: &Subject<'_>, params: Agents) -> Result<Verdict, CheckError> {
        Ok(params.invoked(subject))
    }

    /// Passes when none of the agents was invoked.
    #[check(name = "agent_not_invoked", input = "conversation")]
    fn agent_not_invoked(subject: &Subject<'_>, params: Agents) -> Result<Verdict, CheckError> {
        Ok(params.not_invoked(subject))
    }

    /// Passes when an answer of the agent contains the text.
    #[check(name = "agent_response_contains", input = "conversation")]
    fn agent_response_contains(subject: &Subject<'_>, params: AgentResponse) -> Result<Verdict, CheckError> {
        Ok(params.judge(subject))
    }

    /// Passes when all skills were activated; the score is the share.
    #[check(name = "skill_activated", input = "conversation")]
    fn skill_activated(subject: &Subject<'_>, params: SkillActivated) -> Result<Verdict, CheckError> {
        Ok(params.judge(subject))
    }

    /// Passes when none of the skills was activated.
    #[check(name = "skill_not_activated", input = "conversation")]
    fn skill_not_activated(subject: &Subject<'_>, params: SkillNotActivated) -> Result<Verdict, CheckError> {
        Ok(params.judge(subject))
    }

    /// Passes when the skills were activated in this order, others between or not; the score is the share.
    #[check(name = "skill_activation_order", input = "conversation")]
    fn skill_activation_order(subject: &Subject<'_>, params: SkillOrder) -> Result<Verdict, CheckError> {
        Ok(params.judge(subject))
    }

    /// Passes when a tool that is called for the check succeeds, and its result matches what it must and must not.
    #[check(name = "tool_exec", input = "conversation")]
    fn tool_exec(subject: &Subject<'_>, params: ToolExec) -> Result<Verdict, CheckError> {
        params.judge(subject)
    }

    /// Passes when the tools called, the workflow's state or the last reply are the expected ones.
    #[check(name = "outcome_equivalent", input = "conversation")]
    fn outcome_equivalent(subject: &Subject<'_>, params: OutcomeEquivalent) -> Result<Verdict, CheckError> {
        params.judge(subject)
    }

    /// Passes when the tools called or the workflow's state are those of before, or the last reply has enough words
    /// of the one before; the score is then the share of common words.
    #[check(name = "directional", input = "conversation")]
    fn directional(subject: &Subject<'_>, params: Directional) -> Result<Verdict, CheckError> {
        params.judge(subject)
    }
}

/// Names from a list, in quotes, cut to what a reason can show.
fn listed<T: AsRef<str>>(names: &[T]) -> String {
    excerpts(names.iter().map(AsRef::as_ref), LISTED, SHOWN)
}

/// Sentences one after the other, as many as a reason can show.
fn joined(sentences: &[String]) -> String {
    let mut text = sentences.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join("; ");
    if let Some(more) = sentences.len().checked_sub(LISTED).filter(|more| *more > 0) {
        text.push_str(&format!("; and {more} more"));
    }
    text
}
