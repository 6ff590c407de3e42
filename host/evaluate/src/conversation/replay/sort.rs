//! What of a list is taken over, what is judged, and what the record comes to.

use std::sync::Arc;

use arena_bundle::Assertion;
use arena_model::{CheckRecord, Conversation, Event, HostCall, Outcome, Role, Scope, Usage};
use arena_sandbox::Asked;

use super::item::{Item, asks_as, place};
use super::walk::Replay;
use super::{Rejudged, RejudgedCheck, ReplayError, Which};
use crate::answers::Recorded;
use crate::case::verdict;
use crate::check::{Bench, Planned, check_type};

/// Errors of a case that its checks make.
const OF_CHECKS: [&str; 2] = ["CheckError", "CheckNotRun"];
/// Stable name of a check that asked what nobody was asked in the run.
const NOT_RECORDED: &str = "AnswerNotRecorded";

/// A check on its way to the pool.
pub(super) struct Job {
    /// Place in [`Replay::checks`].
    to: usize,
    item: Item,
    /// The record of one that cannot be judged.
    refused: Option<CheckRecord>,
    recorded: Arc<Recorded>,
}

impl Replay<'_> {
    pub(super) fn take(&mut self, at: usize) {
        let micros = self.stored.measured.checks_us.get(at).copied().unwrap_or_default();
        let record = self.stored.checks[at].clone();
        self.checks.push(Some(RejudgedCheck { record, micros, taken: Some(at) }));
    }

    /// Takes over what need not be judged again of a list; `first` is the place in the record of the first of `before`.
    pub(super) fn sort(&mut self, first: usize, before: &[Item], now: Vec<Item>) -> Vec<Job> {
        let mut left: Vec<bool> = vec![true; before.len()];
        let mut jobs = Vec::new();
        for (at, item) in now.into_iter().enumerate() {
            // At its own place first: a list may hold the same check twice.
            let places = std::iter::once(at).chain(0..before.len());
            let same = places.filter(|at| left.get(*at) == Some(&true)).find(|at| before[*at].is_as(&item));
            if let Some(same) = same {
                left[same] = false;
            }
            let known = same.map(|same| first + same);
            let keeps = known.is_some_and(|at| {
                let check = &self.stored.checks[at];
                self.again.which == Which::Changed && self.has_same_component(&item, check)
            });
            match known.filter(|_| keeps) {
                Some(known) => {
                    self.take(known);
                    if let Some(Some(check)) = self.checks.last_mut() {
                        // Another may stand before it now.
                        check.record.index = item.place().2;
                    }
                }
                None => {
                    let own = known.map_or(&[][..], |at| &self.stored.checks[at].calls);
                    let others = self.stored.checks.iter().enumerate().filter(|(at, _)| Some(*at) != known);
                    let others = others.flat_map(|(_, check)| &check.calls);
                    let calls: Vec<HostCall> = own.iter().chain(others).cloned().collect();
                    let recorded = Arc::new(Recorded::new(calls, self.again.may_ask.then(|| self.evaluator.asked())));
                    let refused = match &item {
                        Item::Check(planned) => planned.refused(&self.evaluator.parts.bundle),
                        Item::Eval { .. } => None,
                    };
                    jobs.push(Job { to: self.checks.len(), item, refused, recorded });
                    self.checks.push(None);
                }
            }
        }
        self.dropped += left.iter().filter(|left| **left).count() as u64;
        jobs
    }

    /// Whether the components that judge an assertion are those that judged it in the run.
    pub(super) fn has_same_component(&self, item: &Item, check: &CheckRecord) -> bool {
        let (library, was) = (&self.evaluator.parts.library, self.earlier.evaluators);
        let assertion = item.assertion();
        let found = |assertion: &Assertion| library.find(&check_type(assertion));
        if assertion.group.is_none()
            && let Some(judge) = &check.evaluator
        {
            let entry = found(assertion).filter(|entry| entry.name == judge.name && entry.digest == judge.digest);
            return entry.is_some_and(|entry| was.get(&entry.name) == Some(&entry.pin()));
        }
        // Which component judged is not told: those that would, and no other, were there.
        let names = |name: &String| library.named(name).is_some();
        was.keys().all(names)
            && assertion.checks().iter().all(|one| match found(one) {
                Some(entry) => was.get(&entry.name) == Some(&entry.pin()),
                None => true,
            })
    }

    pub(super) async fn judge(
        &mut self,
        jobs: Vec<Job>,
        subject: Conversation,
        heard: &[Event],
    ) -> Result<(), ReplayError> {
        if jobs.is_empty() {
            return Ok(());
        }
        let uncalled: Vec<bool> = jobs.iter().map(|job| !asks_as(&job.item, &subject, heard)).collect();
        let (bench, subject, key) = (self.evaluator.bench.clone(), Arc::new(subject), self.key.clone());
        let judging = async move {
            let mut judged = Vec::with_capacity(jobs.len());
            for (job, uncalled) in jobs.into_iter().zip(uncalled) {
                let asked = Asked { judge: Some(job.recorded.clone()), embed: Some(job.recorded.clone()) };
                let bench = Bench { asked, ..bench.clone() };
                let (record, micros) = match (job.refused, &job.item) {
                    (Some(refused), _) => (refused, 0),
                    (None, Item::Check(planned)) => bench.judge(planned, &subject, &key).await,
                    (None, Item::Eval { eval, turn, index }) => {
                        bench.observe(eval, (*turn, *index), &subject, &key).await
                    }
                };
                let missing = match job.recorded.missing() {
                    None if uncalled => Some("it wants a tool called that was not called in the run".to_owned()),
                    missing => missing,
                };
                let record = missing.map_or(record.clone(), |why| not_recorded(record, &why));
                judged.push((job.to, RejudgedCheck { record, micros, taken: None }));
            }
            judged
        };
        let judged = self.evaluator.parts.sandbox.on_pool(judging).await;
        for (to, check) in judged.map_err(|error| self.unclear(error.to_string()))? {
            self.checks[to] = Some(check);
        }
        Ok(())
    }

    /// Checks that the conversation never came to stay so.
    pub(super) fn unreached(&mut self) -> Result<(), ReplayError> {
        let rest = self.stored.checks.get(self.next..).unwrap_or_default();
        if let Some(check) =
            rest.iter().find(|check| check.outcome != Outcome::NotRun && check.scope != Scope::Guardrail)
        {
            let (kind, turn) = (&check.kind, check.turn);
            return Err(self.unclear(format!("it has a check `{kind}` of turn {turn:?} where none was judged")));
        }
        let guards: Vec<usize> = (self.next..self.stored.checks.len())
            .filter(|at| self.stored.checks[*at].scope == Scope::Guardrail)
            .collect();
        guards.into_iter().for_each(|at| self.take(at));
        let mut known: Vec<usize> = (self.next..self.stored.checks.len())
            .filter(|at| self.stored.checks[*at].scope != Scope::Guardrail)
            .collect();
        let turns = (0u32..).zip(&self.case.scenario.turns).map(|(at, _)| Some(at));
        for planned in turns.chain([None]).flat_map(|turn| Planned::list(&self.case.scenario, turn)) {
            let item = Item::Check(planned.clone());
            if self.checks.iter().flatten().any(|check| place(&check.record) == item.place()) {
                continue;
            }
            let record = planned.record(Outcome::NotRun);
            let same = known.iter().position(|at| self.stored.checks[*at] == record);
            match same {
                Some(same) => self.take(known.remove(same)),
                None => self.checks.push(Some(RejudgedCheck { record, micros: 0, taken: None })),
            }
        }
        self.dropped += known.len() as u64;
        Ok(())
    }

    pub(super) fn record(self) -> Rejudged {
        let checks: Vec<RejudgedCheck> = self.checks.into_iter().flatten().collect();
        let stored = self.stored;
        let own_trouble = stored.error.as_deref().is_some_and(|error| !OF_CHECKS.contains(&error));
        let (outcome, reason, error) = if own_trouble {
            (stored.outcome, stored.reason.clone(), stored.error.clone())
        } else {
            let spoke = stored.messages.iter().any(|message| message.role == Role::Assistant);
            let records: Vec<CheckRecord> = checks.iter().map(|check| check.record.clone()).collect();
            verdict(&records, spoke, self.case.scenario.recording.is_some(), None)
        };
        let (mut usage, mut cost) = (stored.usage, stored.cost_usd_micro);
        for call in stored.checks.iter().flat_map(|check| &check.calls) {
            usage = less(usage, call.usage);
            cost = cost.zip(call.cost_usd_micro).map(|(sum, one)| sum.saturating_sub(one));
        }
        for call in checks.iter().flat_map(|check| &check.record.calls) {
            usage += call.usage;
            cost = cost.zip(call.cost_usd_micro).map(|(sum, one)| sum.saturating_add(one));
        }
        Rejudged { checks, dropped: self.dropped, outcome, reason, error, usage, cost_usd_micro: cost }
    }
}

/// A guest may have passed over that nobody answered.
fn not_recorded(record: CheckRecord, why: &str) -> CheckRecord {
    CheckRecord {
        outcome: Outcome::Error,
        score: None,
        label: None,
        evidence: Vec::new(),
        reason: Some(format!("{NOT_RECORDED}: {why}")),
        error: Some(NOT_RECORDED.to_owned()),
        ..record
    }
}

fn less(sum: Usage, one: Usage) -> Usage {
    Usage {
        input: sum.input.saturating_sub(one.input),
        output: sum.output.saturating_sub(one.output),
        cached: sum.cached.saturating_sub(one.cached),
        cache_write: sum.cache_write.saturating_sub(one.cache_write),
        reasoning: sum.reasoning.saturating_sub(one.reasoning),
    }
}
