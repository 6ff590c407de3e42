//! Repetitions: which cases of the same test disagree, and which checks passed in enough of them. Takes records in plan
//! order, in which the trials of a test stand next to each other; keeps one test at a time.

use std::collections::BTreeMap;

use arena_model::{Counts, Outcome, Scope, ThresholdTally, TrialTally, Trials};

use crate::row::{Check, Row};

/// Tests that a summary lists at most.
const LISTED: usize = 100;
/// Numbers of failed trials that are listed of a test at most.
const NUMBERS: usize = 20;

/// Parts of a share in which it is compared: those that people write are whole numbers of them.
const NANO: f64 = 1e9;

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
        // A check may be judged several times in a trial, as after each turn of a played user: it passed if it always did.
        let mut always: BTreeMap<Place, bool> = BTreeMap::new();
        // What only observes or acts decides nothing.
        let decides = |check: &&Check<'_>| matches!(check.scope, Scope::Turn | Scope::Conversation);
        for check in row.checks.iter().filter(decides) {
            let place = (check.scope, check.turn, check.index);
            if let Some(threshold) = check.pass_threshold {
                self.checks.entry(place).or_insert_with(|| ThresholdTally {
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
                if check.outcome != Outcome::Skipped {
                    *always.entry(place).or_insert(true) &= check.outcome == Outcome::Passed;
                }
            }
            match check.outcome {
                Outcome::Failed if check.pass_threshold.is_some() => {
                    failing.iter_mut().for_each(|places| places.push(place));
                }
                Outcome::Passed | Outcome::Skipped => {}
                _ => failing = None,
            }
        }
        for (place, passed) in always {
            if let Some(tally) = self.checks.get_mut(&place) {
                tally.of += 1;
                tally.passed += u64::from(passed);
            }
        }
        // One that none of its checks failed is not tolerated: nobody knows why it did.
        self.failed.extend(failing.filter(|places| row.outcome == Outcome::Failed && !places.is_empty()));
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
            check.met = check.of > 0 && reached(check.passed, check.of, check.threshold);
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

/// Whether `passed` of `of` are the share or more. As floats 14 of 25 are less than 0.56.
fn reached(passed: u64, of: u64, share: f64) -> bool {
    // Digits beyond the last one that counts are cut off, but not an error of the last bit.
    let wanted = (share * NANO + 0.001).floor() as u128;
    u128::from(passed) * NANO as u128 >= wanted * u128::from(of)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// What is said of trials with these outcomes and checks.
    fn trials(rows: &[(&str, Value)]) -> Trials {
        let mut tests = Tests::default();
        for (trial, (outcome, checks)) in rows.iter().enumerate() {
            let line = json!({"index": trial, "key": "k", "input": "i", "scenario": "s", "provider": "p", "trial": trial,
                "outcome": outcome, "reason": null, "messages": [], "checks": checks,
                "usage": arena_model::Usage::default(), "cost_usd_micro": null,
                "measured": {"started": "", "latency_ms": 0.0}});
            tests.push(&Row::read(line.to_string().as_bytes()).unwrap());
        }
        tests.finish().unwrap()
    }

    fn check(scope: &str, index: u32, outcome: &str, threshold: Option<f64>) -> Value {
        let turn = (scope == "turn").then_some(0);
        json!({"scope": scope, "turn": turn, "index": index, "type": "contains", "outcome": outcome, "score": null,
            "reason": null, "pass_threshold": threshold})
    }

    /// Passed, of, met.
    fn tallies(trials: &Trials) -> Vec<(u64, u64, bool)> {
        trials.listed[0].thresholds.iter().map(|tally| (tally.passed, tally.of, tally.met)).collect()
    }

    #[test]
    fn a_share_is_reached_as_it_is_written() {
        for (passed, of, share) in [
            (14, 25, 0.56),
            (7, 100, 0.07),
            (29, 100, 0.29),
            (2, 3, 2.0 / 3.0),
            (1, 3, 0.333_333_333),
            (0, 4, 0.0),
            (4, 4, 1.0),
            (123_456_789, 1_000_000_000, 0.123_456_789),
        ] {
            assert!(reached(passed, of, share), "{passed} of {of}, least {share}");
            assert!(passed == 0 || !reached(passed - 1, of, share), "one less of {of}, least {share}");
        }
        assert!(!reached(2, 3, 0.666_666_667) && reached(2, 3, 0.666_666_666));
        // Every share of hundredths, of every number of trials up to a hundred.
        for of in 1..=100_u64 {
            for hundredths in 0..=100_u64 {
                let least = (hundredths * of).div_ceil(100);
                let share = hundredths as f64 / 100.0;
                assert!(reached(least, of, share), "{least} of {of}, least {share}");
                assert!(least == 0 || !reached(least - 1, of, share), "{} of {of}, least {share}", least - 1);
            }
        }
    }

    #[test]
    fn a_tally_counts_trials_however_often_a_check_is_judged_in_them() {
        let turn = |outcome: &str| check("turn", 0, outcome, Some(0.5));
        let all = trials(&[
            ("passed", json!([turn("passed"), turn("passed"), turn("skipped")])),
            ("failed", json!([turn("passed"), turn("passed"), turn("failed")])),
            ("skipped", json!([turn("skipped"), turn("skipped")])),
        ]);
        assert_eq!(tallies(&all), [(1, 2, true)]);
        assert_eq!((all.thresholds, all.short, all.tolerated), (1, 0, 1));

        // Of judgements three quarters passed, of trials none.
        let mostly = || ("failed", json!([turn("passed"), turn("passed"), turn("passed"), turn("failed")]));
        let all = trials(&[mostly(), mostly()]);
        assert_eq!(tallies(&all), [(0, 2, false)]);
        assert_eq!((all.short, all.tolerated), (1, 0));
    }

    #[test]
    fn what_observes_or_acts_takes_away_no_tolerance() {
        let failed = |outcome: &str, others: &[Value]| {
            let checks = [&[check("turn", 0, outcome, Some(0.5))], others].concat();
            if outcome == "passed" { ("passed", json!(checks)) } else { ("failed", json!(checks)) }
        };
        let others =
            ["eval", "guardrail"].map(|scope| ["failed", "error"].map(|it| check(scope, 0, it, None))).concat();
        let all = trials(&[failed("passed", &others), failed("failed", &others)]);
        assert_eq!((tallies(&all), all.tolerated), (vec![(1, 2, true)], 1));

        // A check without a threshold does.
        let other = [check("conversation", 0, "failed", None)];
        let all = trials(&[failed("passed", &[]), failed("failed", &other)]);
        assert_eq!((tallies(&all), all.tolerated), (vec![(1, 2, true)], 0));

        // An eval has no tally, whatever it says of a threshold.
        let eval = |outcome: &str| check("eval", 0, outcome, Some(1.0));
        let all = trials(&[("passed", json!([eval("failed")])), ("failed", json!([eval("failed")]))]);
        assert_eq!((all.thresholds, all.tolerated), (0, 0));
    }
}
