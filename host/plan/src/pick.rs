//! Single cases of a plan: by trial, by a list of keys, drawn at random, from the start.

use std::collections::{BTreeSet, BinaryHeap};

use arena_model::{CaseKey, Hasher, Selection};

use crate::{Plan, PlanError, PlanInput};

/// Cases that alone may run, by their keys.
pub type Listed = BTreeSet<CaseKey>;

/// The plan of the cases that `selection` leaves: its trials, of these the `listed` ones, of these a sample or the first.
/// `input` is what `plan` was made from; `key` is the key of the case at an index. A sample has the same cases for the same
/// seed, whatever their order.
///
/// # Errors
/// [`PlanError::NothingSelected`] if no case is left, or for a trial that no scenario has.
pub fn pick(
    plan: Plan,
    input: &PlanInput,
    selection: &Selection,
    listed: Option<&Listed>,
    seed: u64,
    key: impl Fn(u64) -> Option<CaseKey>,
) -> Result<Plan, PlanError> {
    let Selection { trials, sample, first, .. } = selection;
    if trials.is_empty() && listed.is_none() && sample.is_none() && first.is_none() {
        return Ok(plan);
    }
    let most = input.scenarios.iter().map(|scenario| scenario.trials).max().unwrap_or_default();
    if let Some(trial) = trials.iter().find(|trial| !(1..=most).contains(*trial)) {
        let what = format!("there is no trial {trial}; the scenarios have up to {most}, counted from 1");
        return Err(PlanError::NothingSelected { what });
    }
    let of_trials = |index: u64| {
        trials.is_empty() || plan.case(index).is_some_and(|case| trials.contains(&case.trial.saturating_add(1)))
    };
    let is_listed = |index: u64| listed.is_none_or(|listed| key(index).is_some_and(|key| listed.contains(&key)));
    let left = (0..plan.len()).filter(|index| of_trials(*index) && is_listed(*index));
    let first = first.map_or(usize::MAX, |first| usize::try_from(first).unwrap_or(usize::MAX));
    let left: Vec<u64> = match sample.map(|sample| usize::try_from(sample).unwrap_or(usize::MAX)) {
        None => left.take(first).collect(),
        Some(sample) => {
            // Those with the lowest lots: no more of them are held than are wanted.
            let mut drawn = BinaryHeap::new();
            for index in left {
                drawn.push((key(index).map(|key| lot(seed, &key)), index));
                if drawn.len() > sample {
                    drawn.pop();
                }
            }
            let mut drawn: Vec<u64> = drawn.into_iter().map(|(_, index)| index).collect();
            drawn.sort_unstable();
            drawn.truncate(first);
            drawn
        }
    };
    if left.is_empty() {
        let what = "none of the cases that were asked for is in the plan".to_owned();
        return Err(PlanError::NothingSelected { what });
    }
    Ok(plan.only(left))
}

/// The place of a case in the order of a draw, by its names alone.
fn lot(seed: u64, key: &CaseKey) -> u64 {
    let mut hasher = Hasher::default();
    hasher.field(b"arena sample 1").field(&seed.to_be_bytes()).field(key.0.as_bytes());
    // Sixteen hex digits always are a number.
    hasher.finish().hex().get(..16).and_then(|hex| u64::from_str_radix(hex, 16).ok()).unwrap_or_default()
}
