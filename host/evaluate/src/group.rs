//! What single outcomes come to: turned over, or joined in a group. A check that crashed or did not apply never becomes a
//! pass by it.

use arena_bundle::{Group, Need};
use arena_model::{CheckRecord, Outcome};

use crate::score::Threshold;

/// Longest reason of a member within that of its group, in characters.
const REASON: usize = 300;

/// The record of a check that is to fail: passed and failed change places, errors and skips stay.
pub(crate) fn negated(record: CheckRecord) -> CheckRecord {
    let outcome = match record.outcome {
        Outcome::Passed => Outcome::Failed,
        Outcome::Failed => Outcome::Passed,
        other => return CheckRecord { outcome: other, ..record },
    };
    let reason = record.reason.as_ref().map(|reason| format!("not: {reason}"));
    CheckRecord { outcome, reason, score: record.score.map(|score| 1.0 - score), ..record }
}

/// The record of a group from those of its checks, in their order. With a threshold the weighted mean of their scores
/// decides, else which of them passed.
pub(crate) fn joined(group: &Group, record: CheckRecord, members: Vec<CheckRecord>) -> CheckRecord {
    let threshold = match Threshold::split(&record.params) {
        Ok((threshold, _)) => threshold,
        Err(why) => return error(record, "BadParams", &why),
    };
    let count = |outcome| members.iter().filter(|member| member.outcome == outcome).count();
    let (passed, failed, errors) = (count(Outcome::Passed), count(Outcome::Failed), count(Outcome::Error));
    let all: Vec<String> = members.iter().map(told).collect();
    let reason = format!("{passed} of {} passed: {}", members.len(), all.join("; "));
    let mut whole = CheckRecord { score: mean(group, &members), reason: Some(reason.clone()), ..record };
    for member in members {
        whole.fuel = whole.fuel.saturating_add(member.fuel);
        whole.memory_bytes = whole.memory_bytes.max(member.memory_bytes);
        whole.evidence.extend(member.evidence);
        whole.calls.extend(member.calls);
    }
    let rescued = group.need == Need::Any && passed > 0 && threshold == Threshold::default();
    if errors > 0 && !rescued {
        return error(whole, "GroupMemberError", &reason);
    }
    let Some(score) = whole.score else {
        return CheckRecord { outcome: Outcome::Skipped, ..whole };
    };
    if threshold != Threshold::default() {
        let (outcome, words) = threshold.weigh(score);
        return CheckRecord { outcome, reason: Some(format!("{words}: {reason}")), ..whole };
    }
    let holds = match group.need {
        Need::All => failed == 0,
        Need::Any => passed > 0,
    };
    CheckRecord { outcome: if holds { Outcome::Passed } else { Outcome::Failed }, ..whole }
}

/// The weighted mean of the scores of those that passed or failed; one without a score has 1 or 0. None if there is none.
fn mean(group: &Group, members: &[CheckRecord]) -> Option<f64> {
    let judged = group.weights.iter().zip(members).filter_map(|(weight, record)| {
        let own = match record.outcome {
            Outcome::Passed => 1.0,
            Outcome::Failed => 0.0,
            _ => return None,
        };
        Some((*weight, record.score.unwrap_or(own)))
    });
    let (weights, sum) =
        judged.fold((0.0, 0.0), |(weights, sum), (weight, score)| (weights + weight, sum + weight * score));
    (weights > 0.0).then(|| sum / weights)
}

fn told(member: &CheckRecord) -> String {
    let reason: String = member.reason.as_deref().unwrap_or_default().chars().take(REASON).collect();
    format!("{} {} ({reason})", member.kind, member.outcome.as_str())
}

fn error(record: CheckRecord, name: &str, text: &str) -> CheckRecord {
    let reason = Some(format!("{name}: {text}"));
    CheckRecord { outcome: Outcome::Error, reason, error: Some(name.to_owned()), ..record }
}
