//! One case: its conversation, then its record.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arena_bundle::Scenario;
use arena_model::{CaseId, CheckRecord, Content, Fault, Measured, Message, Outcome, Record, Role, Scope};
use arena_provider::ProviderError;
use arena_sandbox::GuestError;

use crate::conversation::Run;
use crate::evaluator::Evaluator;

/// One case of the plan.
#[derive(Clone, Debug)]
pub struct CaseInput {
    /// Place in the plan.
    pub index: u64,
    /// The scenario.
    pub scenario: Arc<Scenario>,
    /// The ids.
    pub id: CaseId,
    /// Which attempt at the case this is, from 1.
    pub attempt: u32,
}

/// Why a case ends as `error`.
#[derive(Debug)]
pub(crate) struct Trouble {
    name: &'static str,
    text: String,
}

impl Trouble {
    pub(crate) fn new(name: &'static str, text: impl Into<String>) -> Self {
        Self { name, text: text.into() }
    }

    /// The same, saying which file of the bundle is to be mended.
    pub(crate) fn of_file(self, file: &str) -> Self {
        Self { text: format!("{file}: {}", self.text), ..self }
    }
}

impl Trouble {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The sandbox itself failed.
    pub(crate) fn from_sandbox(error: GuestError) -> Self {
        Self::new(error.reason(), error.to_string())
    }
}

impl From<ProviderError> for Trouble {
    fn from(error: ProviderError) -> Self {
        Self { name: error.reason(), text: error.to_string() }
    }
}

impl Evaluator {
    /// Holds the conversation and judges it. Every trouble ends in the record; this never fails.
    pub async fn run(&self, case: &CaseInput) -> Record {
        let (started, began) = ((self.parts.clock)(), Instant::now());
        let own = case.scenario.duplex.and_then(|duplex| duplex.timeout);
        let timeout = own.or(self.parts.bundle.defaults.run_timeout).unwrap_or(self.parts.case_timeout);
        let mut run = Run::new(self, case, timeout);
        let trouble = run.converse(timeout).await.err();
        run.skip_unreached(trouble.is_some());
        self.record(case, run, trouble, started, began.elapsed())
    }

    fn record(
        &self,
        case: &CaseInput,
        mut run: Run<'_>,
        trouble: Option<Trouble>,
        started: String,
        elapsed: Duration,
    ) -> Record {
        let input = run.input();
        let looks = run.looks();
        let replies = || run.conversation.messages.iter().filter(|message| message.role == Role::Assistant);
        let recorded = case.scenario.recording.is_some();
        let (outcome, reason, error) = verdict(&run.checks, replies().next().is_some(), recorded, trouble);
        let (mut usage, mut cost) = (run.played, run.played_cost);
        // What was said elsewhere was paid elsewhere.
        let spent = replies().filter(|_| !recorded).map(|m| (m.usage.unwrap_or_default(), m.cost_usd_micro));
        let judges = run.checks.iter().flat_map(|check| &check.calls).map(|call| (call.usage, call.cost_usd_micro));
        for (tokens, micro) in spent.chain(judges) {
            usage += tokens;
            cost = cost.zip(micro).map(|(sum, one)| sum.saturating_add(one));
        }
        let judged = run.checks.iter().map(|check| check.calls.len() as u64).sum::<u64>();
        let id = &case.id;
        Record {
            v: 1,
            key: id.key(),
            index: case.index,
            input,
            scenario: id.scenario.clone(),
            provider: id.provider.clone(),
            region: id.region.clone(),
            trial: id.trial,
            row: id.row.clone(),
            variant: id.variant.clone(),
            outcome,
            reason,
            error,
            messages: run.conversation.messages,
            events: run.conversation.events,
            looks,
            checks: run.checks,
            usage,
            cost_usd_micro: cost,
            measured: Measured {
                started,
                latency_ms: millis(elapsed),
                ttft_ms: run.turns.iter().find_map(|turn| turn.ttft_ms),
                turns: run.turns,
                checks_us: run.checks_us,
                attempts: case.attempt,
                worker: self.parts.worker.clone(),
                cached: run.cached,
                calls: run.asked + judged,
            },
        }
    }
}

/// Why an answer is none that may be judged: what is not said breaks no rule, so checks would pass it.
pub(crate) fn unsaid(reply: &Message, at: u32) -> Option<Trouble> {
    let blank = |c: char| c.is_whitespace() || matches!(c, '\u{200b}' | '\u{feff}');
    let empty = matches!(&reply.content, Content::Text(text) if text.chars().all(blank));
    match reply.finish.as_deref() {
        Some("content-filter") => {
            let text = format!(
                "turn {at}: the vendor's content filter cut the answer {}",
                if empty { "away" } else { "short" }
            );
            Some(Trouble::new("ReplyFiltered", text))
        }
        // A model that says on its own accord that it has nothing to say is judged by that.
        Some("stop" | "refusal") => None,
        other if empty && reply.tool_calls.is_empty() => {
            let why = other.map_or_else(|| "without a reason".to_owned(), |word| format!("with `{word}`"));
            let text = format!("turn {at}: the model stopped {why} before it said anything; is `max_tokens` too low?");
            Some(Trouble::new("ReplyEmpty", text))
        }
        _ => None,
    }
}

/// Outcome of a case: its own trouble, else an errored check, else a failed one; else skipped if nothing was said or no
/// check that there is applied; else passed. `spoke` tells whether there is a reply at all, `recorded` whether it was held
/// elsewhere.
pub(crate) fn verdict(
    checks: &[CheckRecord],
    spoke: bool,
    recorded: bool,
    trouble: Option<Trouble>,
) -> (Outcome, Option<String>, Option<String>) {
    if let Some(trouble) = trouble {
        return (Outcome::Error, Some(format!("{}: {}", trouble.name, trouble.text)), Some(trouble.name.to_owned()));
    }
    // A guardrail that did its work fails nobody, and an eval only observes.
    let decides = |check: &&CheckRecord| !matches!(check.scope, Scope::Guardrail | Scope::Eval);
    let checks: Vec<_> = checks.iter().filter(decides).collect();
    for outcome in [Outcome::Error, Outcome::Failed] {
        let mut hits = checks.iter().filter(|check| check.outcome == outcome);
        if let Some(first) = hits.next() {
            let why = match (&first.message, &first.reason) {
                (Some(message), Some(reason)) => format!("{message} ({reason})"),
                (message, reason) => message.as_ref().or(reason.as_ref()).cloned().unwrap_or_default(),
            };
            let more = match hits.count() {
                0 => String::new(),
                others => format!(" (and {others} more)"),
            };
            let error = (outcome == Outcome::Error).then(|| "CheckError".to_owned());
            let lead = if error.is_some() { "CheckError: " } else { "" };
            return (outcome, Some(format!("{lead}{}: {why}{more}", first.kind)), error);
        }
    }
    // A check that decides and was never come to has found nothing. A turn of a recording that nobody answered has nothing
    // to find, as long as others have.
    let missed = checks.iter().filter(|check| check.outcome == Outcome::NotRun).count();
    let excused = recorded && checks.iter().any(|check| check.outcome == Outcome::Passed);
    if let Some(first) = checks.iter().find(|check| check.outcome == Outcome::NotRun && !excused) {
        let text = format!("CheckNotRun: {missed} of the checks were not come to, the first is {}", first.kind);
        return (Outcome::Error, Some(text), Some("CheckNotRun".to_owned()));
    }
    if !spoke {
        let reason = "nothing was said: the scenario has no turns".to_owned();
        return (Outcome::Skipped, Some(reason), None);
    }
    match checks.iter().find(|check| check.outcome == Outcome::Skipped) {
        Some(first) if !checks.iter().any(|check| check.outcome == Outcome::Passed) => {
            let why = first.reason.as_deref().unwrap_or_default();
            (Outcome::Skipped, Some(format!("no check applied; {}: {why}", first.kind)), None)
        }
        _ => (Outcome::Passed, None, None),
    }
}

pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
