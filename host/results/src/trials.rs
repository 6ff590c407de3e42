//! Repetitions: which cases of the same test disagree, and which checks passed in enough of them. Takes records in plan
//! order, in which the trials of a test stand next to each other; keeps one test at a time.

use std::collections::BTreeMap;

use arena_model::{Counts, Outcome, Scope, ThresholdTally, TrialTally, Trials};

use crate::row::Row;

/// Tests that a summary lists at most.
const LISTED: usize = 100;
/// Numbers of failed trials that are listed of a test at most.
const NUMBERS: usize = 20;

/// Where a check stands.
type Place = (Scope, Option<u32>, u32);

/// The test whose trials are being read.
struct Test {
    tally: TrialTally,
    checks: BTreeMap<Place, ThresholdTally>,
    /// Of each failed trial that only checks with a threshold failed: which.
    failed: Vec<Vec<Place>>,
}

/// All trials so far.
#[derive(Default)]
pub(crate) struct Tests {
    current: Option<Test>,
    trials: Trials,
}

impl Test {
    fn new(row: &Row<'_>) -> Self {
        let text = |value: Option<&str>| value.map(str::to_owned);
        let tally = TrialTally {
            scenario: row.scenario.to_string(),
            provider: row.provider.to_string(),
            region: text(row.region.as_deref()),
            row: text(row.row.as_deref()),
            variant: text(row.variant.as_deref()),
            counts: Counts::default(),
            flaky: false,
            not_passed: Vec::new(),
            thresholds: Vec::new(),
        };
        Self { tally, checks: BTreeMap::new(), failed: Vec::new() }
    }

    fn is_of(&self, row: &Row<'_>) -> bool {
        let TrialTally { scenario, provider, region, row: data, variant, .. } = &self.tally;
        *scenario == *row.scenario
            && *provider == *row.provider
            && region.as_deref() == row.region.as_deref()
            && data.as_deref() == row.row.as_deref()
            && variant.as_deref() == row.variant.as_deref()
    }

    fn push(&mut self, row: &Row<'_>) {
        self.tally.counts.add(row.outcome);
        if row.outcome != Outcome::Passed && self.tally.not_passed.len() < NUMBERS {
            self.tally.not_passed.push(row.trial.saturating_add(1));
        }
        let mut failing = Some(Vec::new());
        for check in row.checks.iter().filter(|check| check.scope != Scope::Guardrail) {
            let place = (check.scope, check.turn, check.index);
            if let Some(threshold) = check.pass_threshold {
                let tally = self.checks.entry(place).or_insert_with(|| ThresholdTally {
                    scope: check.scope,
                    turn: check.turn,
                    index: check.index,
                    kind: check.kind.to_string(),
                    passed: 0,
                    of: 0,
                    threshold,
                    met: false,
                });
                // A check that did not apply says nothing; one that errs or never ran has not passed.
                tally.of += u64::from(check.outcome != Outcome::Skipped);
                tally.passed += u64::from(check.outcome == Outcome::Passed);
            }
            match check.outcome {
                Outcome::Failed if check.pass_threshold.is_some() => {
                    failing.iter_mut().for_each(|places| places.push(place));
                }
                Outcome::Passed | Outcome::Skipped => {}
                _ => failing = None,
            }
        }
        self.failed.extend(failing.filter(|_| row.outcome == Outcome::Failed));
    }
}

impl Tests {
    /// The next record in plan order.
    pub(crate) fn push(&mut self, row: &Row<'_>) {
        if !self.current.as_ref().is_some_and(|test| test.is_of(row)) {
            self.close();
        }
        self.current.get_or_insert_with(|| Test::new(row)).push(row);
    }

    /// What is to be said of them; none if every test ran once.
    pub(crate) fn finish(mut self) -> Option<Trials> {
        self.close();
        (self.trials.tests > 0).then_some(self.trials)
    }

    fn close(&mut self) {
        let Some(Test { mut tally, mut checks, failed }) = self.current.take() else { return };
        let Counts { planned, passed, failed: fails, error, .. } = tally.counts;
        if planned < 2 {
            return;
        }
        for check in checks.values_mut() {
            check.met = check.of > 0 && check.passed as f64 >= check.threshold * check.of as f64;
        }
        let met = |place: &Place| checks.get(place).is_some_and(|check| check.met);
        tally.flaky = passed > 0 && fails + error > 0;
        let trials = &mut self.trials;
        trials.tests += 1;
        trials.flaky += u64::from(tally.flaky);
        trials.thresholds += checks.len() as u64;
        trials.short += checks.values().filter(|check| !check.met).count() as u64;
        trials.tolerated += failed.iter().filter(|places| places.iter().all(met)).count() as u64;
        trials.flake_rate = trials.flaky as f64 / trials.tests as f64;
        tally.thresholds = checks.into_values().collect();
        if (tally.flaky || !tally.thresholds.is_empty()) && trials.listed.len() < LISTED {
            trials.listed.push(tally);
        }
    }
}
