//! Gates over a run: those on its summary, and comparisons with another run as the records pass by.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use arena_gate::{Gate, judge};
use arena_model::{GateResult, Manifest, Summary};

use crate::compare::{Baseline, Comparator, Question, Verdict, fewest_items};
use crate::reader::lines;
use crate::row::Row;
use crate::{Result, ResultsError, RunView};

/// A gate with what it needs.
#[derive(Clone)]
pub struct RunGate {
    /// What must hold.
    pub gate: Gate,
    /// The run that a regression is judged against; none where it cannot be had, and then such a gate has no data.
    pub baseline: Option<Arc<Baseline>>,
}

impl fmt::Debug for RunGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.gate.text())
    }
}

/// Gates while records pass by.
pub(crate) struct Judging<'a> {
    gates: Vec<(&'a Gate, Option<Comparator<'a>>)>,
}

impl<'a> Judging<'a> {
    pub(crate) fn new(gates: &'a [RunGate]) -> Self {
        let comparator = |it: &'a RunGate| match (&it.gate, &it.baseline) {
            (Gate::Regression { regression, .. }, Some(baseline)) => {
                let question = Question { confidence: regression.confidence, flips: 0, ..Question::default() };
                Some(Comparator::new(baseline, &question))
            }
            _ => None,
        };
        Self { gates: gates.iter().map(|it| (&it.gate, comparator(it))).collect() }
    }

    /// The next record in plan order.
    pub(crate) fn push(&mut self, row: &Row<'_>) {
        self.gates.iter_mut().filter_map(|(_, comparator)| comparator.as_mut()).for_each(|it| it.push(row));
    }

    /// Decides all of them. One without data does not hold and has no actual value.
    pub(crate) fn finish(self, manifest: &Manifest, path: &Path, summary: &Summary) -> Vec<GateResult> {
        let decide = |(gate, comparator): (&Gate, Option<Comparator<'_>>)| {
            let open =
                |detail: String| GateResult { gate: gate.text().to_owned(), actual: None, passed: false, detail };
            match (judge(gate, summary), comparator) {
                (Some(Ok(result)), _) => result,
                // Its text stands beside it.
                (Some(Err(error)), _) => open(error.without_gate()),
                (None, Some(comparator)) => regression(gate, comparator, manifest, path).unwrap_or_else(open),
                (None, None) => open("there are no data: the run that it names cannot be read here".to_owned()),
            }
        };
        self.gates.into_iter().map(decide).collect()
    }
}

/// A regression holds unless the run is worse; the value is the difference of the pass rates. Of so few items that it could
/// never break it says nothing.
fn regression(
    gate: &Gate,
    comparator: Comparator<'_>,
    manifest: &Manifest,
    path: &Path,
) -> std::result::Result<GateResult, String> {
    let (found, _) = comparator.finish(manifest, path).map_err(|error| format!("there are no data: {error}"))?;
    let no_data = |why: String| format!("there are no data: {why}");
    let rate = found.metrics.first().ok_or_else(|| no_data(found.because.clone()))?;
    let fewest = fewest_items(found.question.confidence, found.metrics.len());
    if found.verdict == Verdict::NotEnoughData && rate.items < fewest {
        let what = if rate.one_item { "pairs of one test item" } else { "test items" };
        return Err(no_data(format!(
            "{} {what} are compared, and below {fewest} it could not break if all of them got worse",
            rate.items
        )));
    }
    Ok(GateResult {
        gate: gate.text().to_owned(),
        actual: Some(rate.difference),
        passed: found.verdict != Verdict::Worse,
        detail: format!("{}: {}", found.verdict.as_str(), found.because),
    })
}

/// Decides gates over a run that was finished before.
///
/// Errors: those of unreadable runs.
pub fn judge_gates(run: &RunView, summary: &Summary, gates: &[RunGate]) -> Result<Vec<GateResult>> {
    let mut judging = Judging::new(gates);
    if gates.iter().any(|gate| gate.baseline.is_some()) {
        for line in lines(run)? {
            let (_, line) = line?;
            let unreadable = |detail| ResultsError::SegmentCorrupt { path: run.path().to_owned(), detail };
            judging.push(&Row::read(&line).map_err(unreadable)?);
        }
    }
    Ok(judging.finish(run.manifest(), run.path(), summary))
}
