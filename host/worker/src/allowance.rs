//! What a run with a budget may claim, and the note of what it claimed: a case whose record never came may have been paid.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arena_evaluate::{Amount, OUT_OF_BUDGET, Purse};
use arena_model::{Outcome, Record};
use arena_results::{Done, ResultsError};
use serde::{Deserialize, Serialize};

/// Name of the note in the run's folder.
const CLAIMS: &str = "claims.jsonl";
/// Stable name of the error of a case for which nothing was left.
const EXHAUSTED: &str = "BudgetExhausted";

/// A line of the note.
#[derive(Serialize, Deserialize)]
struct Line {
    index: u64,
    /// What was spent on a case that the budget cut short; none of one that was only claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cut: Option<Cut>,
}

#[derive(Serialize, Deserialize)]
struct Cut {
    calls: u64,
    cost_usd_micro: u64,
}

/// The budget of a run on this machine.
pub struct Allowance {
    purse: Arc<Purse>,
    /// For each lane the most that one of its cases is reckoned with.
    reserve: Vec<Amount>,
    /// Of cases in flight.
    held: Amount,
    path: PathBuf,
    file: File,
    cut: bool,
}

impl Allowance {
    /// Opens the note in `folder` and charges the purse with what the run has spent in earlier lives: its records but
    /// `before`, what was cut short, and the reserve of each claim without either. `lane` gives the lane of a case.
    ///
    /// # Errors
    /// `ResultsIo`.
    pub fn open(
        folder: &Path,
        purse: Arc<Purse>,
        reserve: Vec<Amount>,
        done: &[Done],
        before: Amount,
        lane: impl Fn(u64) -> Option<u32>,
    ) -> Result<Self, ResultsError> {
        let path = folder.join(CLAIMS);
        let failed = |source| ResultsError::ResultsIo { action: "open", path: path.clone(), source };
        let file = File::options().read(true).append(true).create(true).open(&path).map_err(failed)?;
        let of = |index| lane(index).and_then(|lane| reserve.get(lane as usize)).copied().unwrap_or_default();
        let mut spent = Amount::default();
        let mut open: BTreeMap<u64, u64> = BTreeMap::new();
        for line in BufReader::new(&file).lines() {
            // The last one may be torn: it was not claimed then.
            let Ok(line) = serde_json::from_str::<Line>(&line.map_err(failed)?) else { continue };
            match line.cut {
                None => *open.entry(line.index).or_default() += 1,
                Some(Cut { calls, cost_usd_micro }) => {
                    spent = spent + Amount { calls, cost_usd_micro };
                    close(&mut open, line.index);
                }
            }
        }
        for done in done {
            let unknown = of(done.index).cost_usd_micro;
            spent = spent + Amount { cost_usd_micro: done.cost_usd_micro.unwrap_or(unknown), calls: done.calls };
            close(&mut open, done.index);
        }
        for (index, times) in open {
            for _ in 0..times {
                spent = spent + of(index);
            }
        }
        purse.charge(spent - before);
        Ok(Self { purse, reserve, held: Amount::default(), path, file, cut: false })
    }

    fn of(&self, lane: u32) -> Amount {
        self.reserve.get(lane as usize).copied().unwrap_or_default()
    }

    /// Whether another case of the lane may be claimed.
    pub(crate) fn fits(&self, lane: u32) -> bool {
        !self.cut && self.purse.fits(self.held + self.of(lane))
    }

    /// Notes a claim before anything is called.
    pub(crate) fn claim(&mut self, lane: u32, index: u64) -> Result<(), ResultsError> {
        self.held = self.held + self.of(lane);
        self.note(&Line { index, cut: None })
    }

    /// A case is over. True if its record is one; a case that the budget cut short has none.
    pub(crate) fn settle(&mut self, lane: u32, record: &Record) -> Result<bool, ResultsError> {
        self.held = self.held - self.of(lane);
        if !is_cut(record) {
            return Ok(true);
        }
        self.cut = true;
        let cost_usd_micro = record.cost_usd_micro.unwrap_or(self.of(lane).cost_usd_micro);
        let cut = Some(Cut { calls: record.measured.calls, cost_usd_micro });
        self.note(&Line { index: record.index, cut }).map(|()| false)
    }

    fn note(&mut self, line: &Line) -> Result<(), ResultsError> {
        let failed =
            |source: io::Error| ResultsError::ResultsIo { action: "append to", path: self.path.clone(), source };
        let mut text = serde_json::to_vec(line).map_err(|error| failed(error.into()))?;
        text.push(b'\n');
        (&self.file).write_all(&text).map_err(failed)
    }
}

fn close(open: &mut BTreeMap<u64, u64>, index: u64) {
    if let Some(times) = open.get_mut(&index) {
        *times = times.saturating_sub(1);
    }
}

/// Whether a model, a user, a judge or an embedder was not called for want of money.
fn is_cut(record: &Record) -> bool {
    if record.outcome == Outcome::Passed && record.checks.iter().all(|check| check.outcome != Outcome::Error) {
        return false;
    }
    let mut failed = record.checks.iter().flat_map(|check| &check.calls).filter(|call| call.failed);
    record.error.as_deref() == Some(EXHAUSTED)
        || record.reason.as_ref().is_some_and(|reason| reason.contains(OUT_OF_BUDGET))
        || failed.any(|call| call.reply.contains(OUT_OF_BUDGET))
}

#[cfg(test)]
mod tests {
    use arena_evaluate::Budget;

    use super::*;

    fn amount(cost_usd_micro: u64, calls: u64) -> Amount {
        Amount { cost_usd_micro, calls }
    }

    fn opened(folder: &Path, done: &[Done]) -> (Arc<Purse>, Allowance) {
        let budget = Budget { cost_usd_micro: Some(100), calls: None };
        let purse = Arc::new(Purse::new(budget, Amount::default()));
        let allowance = Allowance::open(folder, purse.clone(), vec![amount(30, 3)], done, amount(0, 0), |_| Some(0));
        (purse, allowance.unwrap())
    }

    #[test]
    fn a_claim_reserves_and_one_that_was_lost_is_charged() {
        let folder = tempfile::tempdir().unwrap();
        let (_, mut allowance) = opened(folder.path(), &[]);
        for index in 0..3 {
            assert!(allowance.fits(0));
            allowance.claim(0, index).unwrap();
        }
        assert!(!allowance.fits(0), "three of 30 leave no room for a fourth");
        // Killed here: one case has its record, two were on their way.
        let done = Done { index: 1, outcome: Outcome::Passed, cost_usd_micro: Some(7), calls: 2 };
        let (purse, allowance) = opened(folder.path(), &[done]);
        assert_eq!(purse.spent(), amount(7 + 2 * 30, 2 + 2 * 3));
        assert!(allowance.fits(0));
        // A line that is torn was no claim.
        std::fs::write(folder.path().join(CLAIMS), "{\"index\":0}\n{\"ind").unwrap();
        assert_eq!(opened(folder.path(), &[]).0.spent(), amount(30, 3));
    }
}
