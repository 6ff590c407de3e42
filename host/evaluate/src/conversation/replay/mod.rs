//! A conversation that was held before and is judged again: nobody is called but judges, and those only where that is
//! allowed. What was said, what happened and what judges answered come from the record.

mod item;
mod sort;
mod walk;

use std::collections::BTreeMap;
use std::sync::Arc;

use arena_bundle::{Bundle, Scenario};
use arena_model::{CheckRecord, Class, EvaluatorPin, Fault, Outcome, Record, Usage};

use crate::case::CaseInput;
use crate::evaluator::Evaluator;
use walk::Replay;

/// The run whose record is judged again.
#[derive(Clone, Copy)]
pub struct Earlier<'a> {
    /// Its bundle.
    pub bundle: &'a Bundle,
    /// The scenario of the case, as that run had it.
    pub scenario: &'a Arc<Scenario>,
    /// Its components.
    pub evaluators: &'a BTreeMap<String, EvaluatorPin>,
}

/// Which checks judge again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that were not there, or were others, or had another component.
    Changed,
    /// All.
    All,
}

/// How a record is judged again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Again {
    /// Which checks.
    pub which: Which,
    /// Whether judges and embedders may be asked what they were not asked in the run.
    pub may_ask: bool,
}

/// A check of a record that was judged again.
#[derive(Clone, Debug, PartialEq)]
pub struct RejudgedCheck {
    /// What it says now.
    pub record: CheckRecord,
    /// How long it took, microseconds.
    pub micros: u64,
    /// Place in the stored record of the check that it was taken over from; none if it was judged.
    pub taken: Option<usize>,
}

/// What judging a record again came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejudged {
    /// All checks, in the order of a record.
    pub checks: Vec<RejudgedCheck>,
    /// Checks of the stored record that there are no more.
    pub dropped: u64,
    /// How the case ends now.
    pub outcome: Outcome,
    /// Why.
    pub reason: Option<String>,
    /// Stable name.
    pub error: Option<String>,
    /// Tokens.
    pub usage: Usage,
    /// Millionths of a US dollar; none if any price is unknown.
    pub cost_usd_micro: Option<u64>,
}

impl Rejudged {
    /// How many checks were judged.
    pub fn judged(&self) -> u64 {
        self.checks.iter().filter(|check| check.taken.is_none()).count() as u64
    }

    /// Whether all of it is as it was stored.
    pub fn is_same(&self) -> bool {
        self.dropped == 0 && self.judged() == 0
    }
}

/// Why a record cannot be judged again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("case {index} (`{scenario}`): {why}")]
pub struct ReplayError {
    /// Place in the plan.
    pub index: u64,
    /// The scenario.
    pub scenario: String,
    /// What does not fit.
    pub why: String,
}

impl Fault for ReplayError {
    fn reason(&self) -> &'static str {
        "TranscriptUnclear"
    }

    fn class(&self) -> Class {
        Class::Input
    }
}

impl Evaluator {
    /// Judges the conversation of a stored record again. `case` is the case as it is now.
    ///
    /// Guardrails had a part in what was said and are taken over as they are.
    ///
    /// # Errors
    /// The record is not one of the earlier run's case.
    pub async fn judge_again(
        &self,
        case: &CaseInput,
        stored: &Record,
        earlier: Earlier<'_>,
        again: Again,
    ) -> Result<Rejudged, ReplayError> {
        let bare = stored.messages.is_empty() && stored.checks.is_empty() && stored.error.is_some();
        if bare || stored.outcome == Outcome::NotRun {
            // Nothing was said that could be judged.
            return Ok(taken_over(stored));
        }
        Replay::new(self, case, stored, earlier, again).run().await
    }
}

fn taken_over(stored: &Record) -> Rejudged {
    let micros = |at: usize| stored.measured.checks_us.get(at).copied().unwrap_or_default();
    let check = |(at, record): (usize, &CheckRecord)| RejudgedCheck {
        record: record.clone(),
        micros: micros(at),
        taken: Some(at),
    };
    Rejudged {
        checks: stored.checks.iter().enumerate().map(check).collect(),
        dropped: 0,
        outcome: stored.outcome,
        reason: stored.reason.clone(),
        error: stored.error.clone(),
        usage: stored.usage,
        cost_usd_micro: stored.cost_usd_micro,
    }
}
