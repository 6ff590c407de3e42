//! What came of a conversation, against what came of another: tools, the workflow's state, the words of the reply.

use std::collections::BTreeSet;

use arena_guest::prelude::*;

use crate::called::tools;
use crate::scope::{Scope, calls};
use crate::{SHOWN, listed};

/// Least overlap of words if `threshold` is not given.
const THRESHOLD: f64 = 0.5;

/// What `outcome_equivalent` compares.
#[derive(Deserialize, Params)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// The set of tools that were called.
    ToolCalls,
    /// The state that the workflow is in.
    FinalState,
    /// The last reply, letter by letter.
    ContentHash,
}

/// Params of `outcome_equivalent`.
#[derive(Deserialize, Params)]
pub struct OutcomeEquivalent {
    /// `tool_calls`, `final_state` or `content_hash`.
    metric: Metric,
    /// The tools that must be called, and no others.
    expected_tools: Option<Vec<String>>,
    /// The state the workflow must be in.
    expected_state: Option<String>,
    /// What the last reply must be.
    expected_content: Option<String>,
    /// `transcript` (default) or `turn`: which tool calls count.
    scope: Option<Scope>,
}

impl OutcomeEquivalent {
    pub fn judge(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        match self.metric {
            Metric::ToolCalls => {
                same_tools(subject, self.scope, given("expected_tools", self.expected_tools.as_ref())?)
            }
            Metric::FinalState => same_state(subject, given("expected_state", self.expected_state.as_ref())?),
            Metric::ContentHash => {
                let (reply, wanted) =
                    (subject.reply_text(), given("expected_content", self.expected_content.as_ref())?);
                Ok(match reply == *wanted {
                    true => Verdict::pass("the reply is the expected text"),
                    false => {
                        Verdict::fail(format!("expected {}, got {}", excerpt(wanted, SHOWN), excerpt(&reply, SHOWN)))
                    }
                })
            }
        }
    }
}

/// What `directional` compares.
#[derive(Deserialize, Params)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// The set of tools that were called.
    SameToolCalls,
    /// The state that the workflow is in.
    SameOutcome,
    /// The words of the last reply.
    SimilarContent,
}

/// Params of `directional`.
#[derive(Deserialize, Params)]
#[params(validate = Directional::sensible)]
pub struct Directional {
    /// `same_tool_calls`, `same_outcome` or `similar_content`.
    check: Comparison,
    /// The tools that were called before.
    baseline_tools: Option<Vec<String>>,
    /// The state that the workflow was in.
    baseline_state: Option<String>,
    /// What the last reply was.
    baseline_content: Option<String>,
    /// Least share of common words, 0 to 1; default 0.5.
    threshold: Option<f64>,
    /// `transcript` (default) or `turn`: which tool calls count.
    scope: Option<Scope>,
}

impl Directional {
    fn sensible(&self) -> Result<(), String> {
        match self.threshold {
            Some(threshold) if !(0.0..=1.0).contains(&threshold) => {
                Err(format!("parameter `threshold`: expected a number from 0 to 1, found {threshold}"))
            }
            _ => Ok(()),
        }
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        match self.check {
            Comparison::SameToolCalls => {
                same_tools(subject, self.scope, given("baseline_tools", self.baseline_tools.as_ref())?)
            }
            Comparison::SameOutcome => same_state(subject, given("baseline_state", self.baseline_state.as_ref())?),
            Comparison::SimilarContent => {
                let baseline = given("baseline_content", self.baseline_content.as_ref())?;
                let (overlap, least) = (overlap(&subject.reply_text(), baseline), self.threshold.unwrap_or(THRESHOLD));
                let reason = format!("{overlap:.2} of the words are common, at least {least:.2} wanted");
                Ok(Verdict::score(overlap, reason).passed(overlap >= least))
            }
        }
    }
}

/// The other outcome. Bundles leave it out where other runs of the same test take its place; here none does.
fn given<'a, T>(parameter: &str, value: Option<&'a T>) -> Result<&'a T, CheckError> {
    value.ok_or_else(|| {
        CheckError::NotApplicable(format!("`{parameter}` is not given: there is nothing to compare with"))
    })
}

fn same_tools(subject: &Subject<'_>, scope: Option<Scope>, wanted: &[String]) -> Result<Verdict, CheckError> {
    let calls = calls(subject, scope);
    let called: BTreeSet<_> = tools(&calls).into_iter().collect();
    let wanted: BTreeSet<_> = wanted.iter().map(String::as_str).collect();
    let [only_called, only_wanted] =
        [&called - &wanted, &wanted - &called].map(|set| set.into_iter().collect::<Vec<_>>());
    if called == wanted {
        return Ok(Verdict::pass(format!("the same {} tools were called", called.len())));
    }
    let parts = [("not expected: ", only_called), ("not called: ", only_wanted)];
    let parts = parts.into_iter().filter(|(_, names)| !names.is_empty());
    let parts: Vec<_> = parts.map(|(lead, names)| format!("{lead}{}", listed(&names))).collect();
    Ok(Verdict::fail(format!("other tools were called; {}", parts.join("; "))))
}

fn same_state(subject: &Subject<'_>, wanted: &str) -> Result<Verdict, CheckError> {
    let workflow = subject.fact("workflow").unwrap_or_default();
    Ok(match workflow["state"].as_str() {
        Some(state) if state == wanted => Verdict::pass(format!("the workflow is in {}", excerpt(state, SHOWN))),
        Some(state) => {
            let (state, wanted) = (excerpt(state, SHOWN), excerpt(wanted, SHOWN));
            Verdict::fail(format!("the workflow is in {state}, not in {wanted}"))
        }
        None => Verdict::fail("there is no workflow"),
    })
}

/// Common words as a share of all words of both texts, without regard to case.
fn overlap(left: &str, right: &str) -> f64 {
    let [left, right] = [left, right].map(str::to_lowercase);
    let [left, right] = [&left, &right].map(|text| text.split_whitespace().collect::<BTreeSet<_>>());
    match left.union(&right).count() {
        0 => 1.0,
        all => left.intersection(&right).count() as f64 / all as f64,
    }
}
