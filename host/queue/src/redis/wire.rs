//! Numbers and lists as the scripts read and write them. All packed numbers are big-endian.

use std::time::Duration;

use arena_model::{Digest, Outcome};

use crate::restored::Bitmap;
use crate::{CaseAt, Claim, Exhausted, JobSpec, MAX_USD_MICRO, Settled, Token};

/// Longest time a script is told, microseconds: 71 years. With a clock of this century it stays below 2^53.
const MAX_MICROS: u64 = 1 << 51;

/// Microseconds, rounded up, so that nothing ends too early.
pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1000)).unwrap_or(u64::MAX).min(MAX_MICROS)
}

fn amount(amount: Option<u64>) -> f64 {
    // Exact below 2^53.
    amount.map_or(-1.0, |amount| amount.min(MAX_USD_MICRO) as f64)
}

/// A cost as one argument; -1 if it is not known.
pub(super) fn cost(cost: Option<u64>) -> String {
    cost.map_or("-1".into(), |cost| cost.min(MAX_USD_MICRO).to_string())
}

pub(super) fn token(token: Token) -> String {
    format!("{:032x}", token.0)
}

/// The cases of a commit, sorted, so that one lane's stand together.
pub(super) fn settled(cases: &[Settled]) -> Vec<u8> {
    let mut sorted = cases.to_vec();
    sorted.sort_unstable_by_key(Settled::at);
    let mut packed = Vec::with_capacity(15 * sorted.len());
    for case in sorted {
        place(&mut packed, case.at());
        packed.push(match case.outcome {
            Outcome::Passed => 1,
            Outcome::Failed => 2,
            Outcome::Error => 3,
            Outcome::Skipped | Outcome::NotRun => 4,
        });
        packed.extend(amount(case.cost_usd_micro).to_be_bytes());
    }
    packed
}

/// The claims a worker still has in hand.
pub(super) fn claims(claims: &[Claim]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(43 * claims.len());
    for claim in claims {
        place(&mut packed, claim.at());
        packed.extend(claim.attempt.to_be_bytes());
        packed.push(match claim.exhausted {
            None => 0,
            Some(Exhausted::Attempts) => 1,
            Some(Exhausted::Stalls) => 2,
            Some(Exhausted::Poison) => 3,
        });
        packed.extend(token(claim.token).bytes());
    }
    packed
}

/// What does not fit exists in no job: the script refuses it at its largest.
fn bounded(at: CaseAt) -> (u16, u32) {
    (u16::try_from(at.lane).unwrap_or(u16::MAX), u32::try_from(at.j).unwrap_or(u32::MAX))
}

fn place(packed: &mut Vec<u8>, at: CaseAt) {
    let (lane, j) = bounded(at);
    packed.extend(lane.to_be_bytes());
    packed.extend(j.to_be_bytes());
}

/// Lane, place and token of a lease, one argument each.
pub(super) fn lease(claim: &Claim) -> Vec<Vec<u8>> {
    let (lane, j) = bounded(claim.at());
    vec![lane.to_string().into(), j.to_string().into(), token(claim.token).into()]
}

/// Cases packed as lane and place; nothing if the bytes are none.
pub(super) fn cases(packed: &[u8]) -> Option<Vec<CaseAt>> {
    let (cases, rest) = packed.as_chunks::<6>();
    let case = |&[a, b, c, d, e, f]: &[u8; 6]| CaseAt {
        lane: u16::from_be_bytes([a, b]).into(),
        j: u32::from_be_bytes([c, d, e, f]).into(),
    };
    rest.is_empty().then(|| cases.iter().map(case).collect())
}

/// What a claim gave: place, attempt, exhausted.
pub(super) fn given(packed: &[u8]) -> Option<Vec<(u64, u32, Option<Exhausted>)>> {
    let (given, rest) = packed.as_chunks::<9>();
    let one = |&[a, b, c, d, e, f, g, h, exhausted]: &[u8; 9]| {
        let exhausted = match exhausted {
            0 => None,
            1 => Some(Exhausted::Attempts),
            2 => Some(Exhausted::Stalls),
            3 => Some(Exhausted::Poison),
            _ => return None,
        };
        Some((u32::from_be_bytes([a, b, c, d]).into(), u32::from_be_bytes([e, f, g, h]), exhausted))
    };
    if rest.is_empty() { given.iter().map(one).collect() } else { None }
}

/// Newest batch, time of the last heartbeat in microseconds, and whether the worker is gone.
pub(super) fn worker(packed: &[u8]) -> Option<(u64, u64, bool)> {
    let [last @ .., _, _, _, _, _, _, _, _, gone] = packed else { return None };
    let beat = packed.get(8..16)?;
    let number = |bytes: &[u8]| Some(f64::from_be_bytes(bytes.try_into().ok()?) as u64);
    Some((number(last)?, number(beat)?, *gone == 1))
}

/// Arguments of `create`, from the digest of the spec on.
pub(super) fn spec(spec: &JobSpec) -> Vec<Vec<u8>> {
    let limited = spec.budget_usd_micro.is_some();
    let mut arguments = vec![digest(spec).as_str().into()];
    let mut field = |name: &str, value: u64| arguments.extend([name.into(), value.to_string().into()]);
    field("lanes", spec.lanes.len() as u64);
    field("lease", micros(spec.lease));
    field("attempts", spec.retry.attempts.into());
    field("stalls", spec.retry.stalls.into());
    field("poison", spec.retry.poison.into());
    field("backoff", micros(spec.retry.backoff));
    field("backoff_max", micros(spec.retry.backoff_max));
    field("max_workers", spec.max_workers.into());
    field("max_losers", spec.max_losers.into());
    if let Some(limit) = spec.budget_usd_micro {
        field("limit", limit);
        field("spent", spec.restored_spend());
    }
    arguments.push(vec![]);
    let mut lanes = Vec::with_capacity(68 * spec.lanes.len());
    let mut bits = vec![];
    for (number, lane) in spec.lanes.iter().enumerate() {
        lanes.extend((lane.length as u32).to_be_bytes());
        lanes.extend(lane.in_flight.to_be_bytes());
        lanes.extend(lane.retry_backlog.to_be_bytes());
        let reserve = lane.reserve_usd_micro.filter(|_| limited).unwrap_or(0);
        let mut counts = [reserve, 0, 0, 0, 0, 0, 0];
        if let Some(restored) = &lane.restored {
            let outcomes = restored.outcomes;
            counts[1..5].copy_from_slice(&[outcomes.passed, outcomes.failed, outcomes.error, outcomes.skipped]);
            counts[5..].copy_from_slice(&[restored.spent_usd_micro, restored.unpriced]);
            if restored.done() > 0 {
                bits.extend([number.to_string().into(), done(&restored.done)]);
            }
        }
        lanes.extend(counts.into_iter().flat_map(|count| amount(Some(count)).to_be_bytes()));
    }
    arguments.push(lanes);
    arguments.extend(bits);
    arguments
}

/// Redis' order of bits: the first is the highest of the first byte.
fn done(bitmap: &Bitmap) -> Vec<u8> {
    let mut bytes: Vec<_> = bitmap.words().iter().flat_map(|word| word.to_le_bytes()).map(u8::reverse_bits).collect();
    let used = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    bytes.truncate(used);
    bytes
}

/// Equal for specs that are the same job.
fn digest(spec: &JobSpec) -> Digest {
    let mut text = format!(
        "{} {} {} {} {} {} {:?} {} {}",
        spec.retry.attempts,
        spec.retry.stalls,
        spec.retry.poison,
        spec.retry.backoff.as_nanos(),
        spec.retry.backoff_max.as_nanos(),
        spec.lease.as_nanos(),
        spec.budget_usd_micro,
        spec.max_workers,
        spec.max_losers,
    );
    for lane in &spec.lanes {
        let limits = (lane.length, lane.in_flight, lane.retry_backlog, lane.reserve_usd_micro);
        text.push_str(&format!("\n{limits:?}"));
    }
    Digest::of(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_up_and_bounded() {
        let times = [Duration::ZERO, Duration::from_nanos(1), Duration::from_nanos(1000), Duration::MAX];
        assert_eq!(times.map(micros), [0, 1, 1, MAX_MICROS]);
    }

    #[test]
    fn bits_stand_in_redis_order() {
        let mut bitmap = Bitmap::new(100);
        for j in [0, 9, 64] {
            bitmap.insert(j);
        }
        assert_eq!(done(&bitmap), [128, 64, 0, 0, 0, 0, 0, 0, 128]);
    }

    #[test]
    fn cases_read_back_and_torn_ones_do_not() {
        let at = CaseAt { lane: 1023, j: (1 << 30) - 1 };
        let mut packed = vec![];
        place(&mut packed, at);
        assert_eq!(cases(&packed), Some(vec![at]));
        assert_eq!(cases(&packed[1..]), None);
        assert_eq!(given(&[0; 9]), Some(vec![(0, 0, None)]));
        assert_eq!(given(&[0, 0, 0, 1, 0, 0, 0, 2, 4]), None);
    }
}
