//! Whether a record agrees with itself: its key with its ids, its totals with their parts, its outcome with its checks.

use arena_model::{CaseId, CheckRecord, Outcome, Record, Role, Scope, Usage};

use super::Told;

/// Names of errors that follow from the checks alone; all others are troubles of the case's own.
const OF_CHECKS: [&str; 2] = ["CheckError", "CheckNotRun"];

/// What contradicts itself in a record, one sentence each. `told` is what the bundle says of its scenario, if it is known;
/// `scored` says that all was said elsewhere, and was paid there.
pub(super) fn unsound(record: &Record, told: Option<&Told>, scored: bool) -> Vec<String> {
    let mut found = Vec::new();
    if record.v != 1 {
        found.push(format!("its version is {}, and only 1 is known", record.v));
    }
    let Record { scenario, provider, region, trial, row, variant, .. } = record.clone();
    if (CaseId { scenario, provider, region, trial, row, variant }).key() != record.key {
        found.push("its key is not that of its scenario, provider, region, trial, row and variant".to_owned());
    }
    found.extend(outcome(record, told));
    found.extend(record.checks.iter().filter_map(check));
    found.extend(spent(record, told, scored));
    let measured = &record.measured;
    let turns = measured.turns.iter().flat_map(|turn| [Some(turn.latency_ms), turn.ttft_ms]);
    let times = turns.chain([Some(measured.latency_ms), measured.ttft_ms]).flatten();
    if times.into_iter().any(|time| !time.is_finite() || time < 0.0) {
        found.push("one of its times is less than nothing".to_owned());
    }
    found
}

fn check(check: &CheckRecord) -> Option<String> {
    let kind = &check.kind;
    match (check.score, &check.error) {
        (Some(score), _) if !(0.0..=1.0).contains(&score) => {
            Some(format!("its check {kind} has the score {score}, and scores are from 0 to 1"))
        }
        (_, Some(error)) if check.outcome != Outcome::Error => {
            Some(format!("its check {kind} has the error {error} and the outcome {}", check.outcome.as_str()))
        }
        _ => None,
    }
}

/// The outcome against what the checks come to, by the rule that a run ends its cases by.
fn outcome(record: &Record, told: Option<&Told>) -> Option<String> {
    let was = record.outcome.as_str();
    match (record.outcome, &record.error) {
        (Outcome::Error, None) => return Some("its outcome is error, and no error is named".to_owned()),
        (Outcome::Error, Some(error)) if !OF_CHECKS.contains(&error.as_str()) => return None,
        (Outcome::Error, Some(_)) => {}
        (_, Some(error)) => return Some(format!("its outcome is {was}, and it names the error {error}")),
        (Outcome::NotRun, None) if record.messages.is_empty() && record.checks.is_empty() => return None,
        (Outcome::NotRun, None) => return Some("it was not run, and yet something was said or judged".to_owned()),
        (_, None) => {}
    }
    let deciding = || record.checks.iter().filter(|check| !matches!(check.scope, Scope::Guardrail | Scope::Eval));
    let any = |outcome| deciding().any(|check| check.outcome == outcome);
    let spoke = record.messages.iter().any(|message| message.role == Role::Assistant);
    // A turn of a recording that nobody answered has nothing to find, as long as others have.
    let excused = any(Outcome::Passed) && told.is_none_or(|told| told.recorded);
    let due = if any(Outcome::Error) {
        Outcome::Error
    } else if any(Outcome::Failed) {
        Outcome::Failed
    } else if any(Outcome::NotRun) && !excused {
        Outcome::Error
    } else if !spoke || any(Outcome::Skipped) && !any(Outcome::Passed) {
        Outcome::Skipped
    } else {
        Outcome::Passed
    };
    let unknown = told.is_none() && any(Outcome::NotRun) && record.outcome == Outcome::Error;
    (record.outcome != due && !unknown)
        .then(|| format!("its outcome is {was}, and its messages and checks come to {}", due.as_str()))
}

/// Tokens and cost against what its answers and the calls of its checks took.
fn spent(record: &Record, told: Option<&Told>, scored: bool) -> Vec<String> {
    let mut found = Vec::new();
    let (mut usage, mut cost) = (Usage::default(), Some(0_u64));
    let calls = record.checks.iter().flat_map(|check| &check.calls).map(|call| (call.usage, call.cost_usd_micro));
    // Who paid for what was said elsewhere is known by the bundle alone.
    let own = told.is_some_and(|told| !told.recorded) && !scored;
    let replies = record.messages.iter().filter(|message| own && message.role == Role::Assistant);
    let replies = replies.map(|message| (message.usage.unwrap_or_default(), message.cost_usd_micro));
    for (tokens, micro) in replies.chain(calls) {
        usage += tokens;
        cost = cost.zip(micro).map(|(sum, one)| sum.saturating_add(one));
    }
    // What an error cut short has no message, and a record that was too large has lost its messages. Played users, summaries
    // and vectors cost as well and are no messages.
    let trouble = record.error.as_deref().is_some_and(|error| !OF_CHECKS.contains(&error));
    let beside = told.is_none_or(|told| told.plays) || record.events.iter().any(|event| event.kind == "context");
    let more = trouble || beside && !scored;
    let parts = |usage: Usage| [usage.input, usage.output, usage.cached, usage.cache_write, usage.reasoning];
    let less = parts(record.usage).into_iter().zip(parts(usage)).any(|(all, parts)| all < parts);
    if less || !more && record.usage != usage {
        found.push("its usage is not the sum of what its answers and the calls of its checks used".to_owned());
    }
    let is_sum = match (record.cost_usd_micro, cost) {
        // An attempt that failed may have cost what nobody knows.
        (None, _) => true,
        (Some(_), None) => false,
        (Some(all), Some(parts)) => all == parts || more && all > parts,
    };
    if !is_sum {
        found.push("its cost is not the sum of what its answers and the calls of its checks cost".to_owned());
    }
    found
}
