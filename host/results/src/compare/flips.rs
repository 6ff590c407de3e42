//! The records of listed flips, read from both runs in one pass each.

use std::collections::BTreeMap;

use arena_model::Record;

use super::Flip;
use super::pairs::FoundFlip;
use crate::reader::lines;
use crate::{Result, ResultsError, RunView};

/// Flips in their order, each with both records.
pub(super) fn read(a: &RunView, b: &RunView, wanted: &[FoundFlip]) -> Result<Vec<Flip>> {
    let baseline = records(a, wanted.iter().map(|flip| flip.baseline))?;
    let candidate = records(b, wanted.iter().map(|flip| flip.candidate))?;
    let both =
        |flip: &FoundFlip| Some((baseline.get(&flip.baseline)?.clone(), candidate.get(&flip.candidate)?.clone()));
    let listed = wanted.iter().filter_map(|flip| {
        let (baseline, candidate) = both(flip)?;
        let FoundFlip { case, better, changed_input, .. } = flip.clone();
        Some(Flip { case, better, changed_input, baseline: Box::new(baseline), candidate: Box::new(candidate) })
    });
    Ok(listed.collect())
}

fn records(run: &RunView, wanted: impl Iterator<Item = u64>) -> Result<BTreeMap<u64, Record>> {
    let wanted: std::collections::BTreeSet<u64> = wanted.collect();
    let mut found = BTreeMap::new();
    let Some(last) = wanted.last() else { return Ok(found) };
    for line in lines(run)? {
        let (index, line) = line?;
        if index > *last {
            break;
        }
        if wanted.contains(&index) {
            let record = serde_json::from_slice(&line).map_err(|error| ResultsError::SegmentCorrupt {
                path: run.path().to_owned(),
                detail: format!("the record of case {index} cannot be read: {error}"),
            })?;
            found.insert(index, record);
        }
    }
    Ok(found)
}
