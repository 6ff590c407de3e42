//! The summary, computed from records in one pass. Memory grows with the names that occur, never with the cases.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use arena_model::{Counts, Manifest, MeasuredSummary, Outcome, Provenance, Scope, Summary, Usage};
use arena_statistics::item_key;

use crate::merkle::Merkle;
use crate::profile::Profiles;
use crate::row::{Check, Row};
use crate::sketch::{PERCENTILE_ERROR, Sketch};
use crate::slice::{CONFIDENCE, Sample, Slice, Slices, is_verdict, percentiles};
use crate::strip::micros;
use crate::trials::Tests;

/// Most names of errors that are told apart.
const ERRORS: usize = 64;

/// All that a summary needs, so far.
pub(crate) struct Totals {
    all: Slice,
    scenarios: Slices,
    providers: Slices,
    evaluators: Slices,
    labels: Slices,
    errors: BTreeMap<String, u64>,
    /// Numbers of its labels by number of the scenario.
    labels_of: Vec<Vec<usize>>,
    tests: Tests,
    repeated: Repeated,
    profiles: Profiles,
    merkle: Merkle,
    cached: u64,
    started: Option<SystemTime>,
    finished: Option<SystemTime>,
}

/// The test whose trials are being read: they stand next to each other.
#[derive(Default)]
struct Repeated {
    test: Option<u64>,
    item: u64,
    scenario: usize,
    provider: usize,
    passed: u64,
    trials: u64,
    /// By number of the check type: trials with a verdict of it, and those in which all of them passed.
    kinds: Vec<(usize, u64, u64)>,
}

/// The mean of scores in units of 1e-9.
fn mean_nano<'a>(checks: impl Iterator<Item = &'a Check<'a>>) -> Option<u64> {
    let (mut sum, mut count) = (0u64, 0u64);
    for score in checks.filter_map(|check| check.score) {
        sum += nano(score);
        count += 1;
    }
    (sum + count / 2).checked_div(count)
}

fn nano(score: f64) -> u64 {
    (score.clamp(0.0, 1.0) * 1e9).round() as u64
}

impl Totals {
    pub(crate) fn new() -> Self {
        Self {
            all: Slice::new(),
            scenarios: Slices::default(),
            providers: Slices::default(),
            evaluators: Slices::default(),
            labels: Slices::default(),
            errors: BTreeMap::new(),
            labels_of: Vec::new(),
            tests: Tests::default(),
            repeated: Repeated::default(),
            profiles: Profiles::default(),
            merkle: Merkle::default(),
            cached: 0,
            started: None,
            finished: None,
        }
    }

    /// Adds the next record in plan order; `labels` is asked once per scenario.
    pub(crate) fn push(
        &mut self,
        record: &Row<'_>,
        labels: impl Fn(&str) -> BTreeMap<String, String>,
    ) -> serde_json::Result<()> {
        self.merkle.push(record)?;
        self.tests.push(record);
        let outcome = record.outcome;
        let scenario = self.scenarios.number(&record.scenario);
        let provider = self.providers.number(&record.provider);
        if self.labels_of.len() <= scenario {
            let pairs = labels(&record.scenario).into_iter().map(|(key, value)| format!("{key}={value}"));
            self.labels_of.push(pairs.map(|label| self.labels.number(&label)).collect());
        }
        let row = record.row.as_deref().unwrap_or_default();
        let item = item_key([&*record.scenario, row]);
        let [region, variant] = [&record.region, &record.variant].map(|text| text.as_deref().unwrap_or_default());
        let sample = Sample {
            item,
            test: item_key([&*record.scenario, row, &*record.provider, region, variant]),
            trial: record.trial,
            outcome,
            score_nano: mean_nano(record.checks.iter()),
            usage: record.usage,
            // A case that never ran cost nothing, whatever its price would have been.
            cost: if outcome == Outcome::NotRun { Some(0) } else { record.cost_usd_micro },
            judged: record.checks.iter().any(asked_judge),
        };
        if self.repeated.test != Some(sample.test) {
            self.close_test();
            let test = Some(sample.test);
            let kinds = std::mem::take(&mut self.repeated.kinds);
            self.repeated = Repeated { test, item, scenario, provider, kinds, ..Repeated::default() };
        }
        if is_verdict(outcome) {
            self.repeated.trials += 1;
            self.repeated.passed += u64::from(outcome == Outcome::Passed);
        }
        self.slices(scenario, provider, |slice| slice.add(&sample));
        self.add_checks(record, &sample, scenario);
        if outcome == Outcome::Error {
            self.count_error(record);
        }
        if is_verdict(outcome) {
            self.time(record, scenario, provider);
        }
        Ok(())
    }

    /// Does something to each slice that a case of this scenario and provider is in.
    fn slices(&mut self, scenario: usize, provider: usize, mut act: impl FnMut(&mut Slice)) {
        act(&mut self.all);
        self.scenarios.get(scenario).into_iter().for_each(&mut act);
        self.providers.get(provider).into_iter().for_each(&mut act);
        for label in self.labels_of.get(scenario).into_iter().flatten() {
            self.labels.get(*label).into_iter().for_each(&mut act);
        }
    }

    fn add_checks(&mut self, record: &Row<'_>, case: &Sample, scenario: usize) {
        // Of this case: numbers of types, and whether all of the type passed.
        let mut judged: Vec<(usize, bool)> = Vec::new();
        for (place, check) in record.checks.iter().enumerate() {
            let mut usage = Usage::default();
            check.calls.iter().for_each(|call| usage += call.usage);
            let cost = check.calls.iter().try_fold(0u64, |sum, call| Some(sum.saturating_add(call.cost_usd_micro?)));
            // What only observes is told apart from what decides.
            let eval = check.id.as_ref().filter(|_| check.scope == Scope::Eval).map(|id| format!("eval:{}", &**id));
            let kind = self.evaluators.number(eval.as_deref().unwrap_or(&check.kind));
            self.profiles.add(kind, scenario, check);
            let Some(slice) = self.evaluators.get(kind) else { continue };
            let (outcome, score_nano) = (check.outcome, check.score.map(nano));
            slice.add(&Sample { outcome, score_nano, usage, cost, judged: asked_judge(check), ..*case });
            if !is_verdict(outcome) {
                continue;
            }
            if let Some(micros) = record.measured.checks_us.get(place).filter(|_| !record.measured.cached) {
                slice.latency.add(*micros);
            }
            let passed = outcome == Outcome::Passed;
            match judged.iter_mut().find(|(other, _)| *other == kind) {
                Some((_, all)) => *all &= passed,
                None => judged.push((kind, passed)),
            }
        }
        for (kind, passed) in judged {
            match self.repeated.kinds.iter_mut().find(|(other, ..)| *other == kind) {
                Some((_, trials, all)) => (*trials, *all) = (*trials + 1, *all + u64::from(passed)),
                None => self.repeated.kinds.push((kind, 1, passed.into())),
            }
        }
    }

    /// The trials of a test are complete.
    fn close_test(&mut self) {
        let Repeated { item, scenario, provider, passed, trials, .. } = self.repeated;
        self.slices(scenario, provider, |slice| slice.add_test(item, passed, trials, true));
        for (kind, trials, passed) in self.repeated.kinds.drain(..) {
            if let Some(slice) = self.evaluators.get(kind) {
                slice.add_test(item, passed, trials, false);
            }
        }
    }

    fn count_error(&mut self, record: &Row<'_>) {
        let of_check = || record.checks.iter().find_map(|check| check.error.as_deref());
        let Some(name) = record.error.as_deref().or_else(of_check) else { return };
        if let Some(cases) = self.errors.get_mut(name) {
            *cases += 1;
        } else if self.errors.len() < ERRORS {
            self.errors.insert(name.to_owned(), 1);
        }
    }

    fn time(&mut self, record: &Row<'_>, scenario: usize, provider: usize) {
        let latency = micros(record.measured.latency_ms);
        if record.measured.cached {
            // How fast a file is read says nothing of a provider, and no gate may hold by it.
            self.cached += 1;
        } else {
            let ttft = record.measured.ttft_ms.map(micros);
            self.slices(scenario, provider, |slice| {
                slice.latency.add(latency);
                ttft.iter().for_each(|ttft| slice.ttft.add(*ttft));
            });
        }
        // A start that is no time takes part in no wall time; it changes no verdict.
        if let Ok(started) = humantime::parse_rfc3339(&record.measured.started) {
            let finished = started.checked_add(Duration::from_micros(latency)).unwrap_or(started);
            self.started = Some(self.started.map_or(started, |before| before.min(started)));
            self.finished = Some(self.finished.map_or(finished, |before| before.max(finished)));
        }
    }

    /// Cases so far.
    pub(crate) fn counts(&self) -> Counts {
        self.all.tally().counts
    }

    /// Latency of all cases so far.
    pub(crate) fn latency(&self) -> &Sketch {
        &self.all.latency
    }

    /// The summary of all that was added.
    pub(crate) fn summary(mut self, manifest: &Manifest) -> serde_json::Result<Summary> {
        self.close_test();
        // A time past the year 9999 has no form.
        let stamp = |time: Option<SystemTime>| {
            let mut text = String::new();
            let written = time.map(|time| write!(text, "{}", humantime::format_rfc3339_millis(time)));
            if written.is_some_and(|written| written.is_ok()) { text } else { String::new() }
        };
        let wall = self.started.zip(self.finished).and_then(|(from, to)| to.duration_since(from).ok());
        let timed = |slice: &Slice| (!slice.latency.is_empty()).then(|| slice.times());
        let some = |sketch: &Sketch| (!sketch.is_empty()).then(|| percentiles(sketch));
        let is_timed = !self.all.latency.is_empty();
        let measured = MeasuredSummary {
            started: stamp(self.started),
            finished: stamp(self.finished),
            wall_ms: wall.map_or(0.0, |wall| wall.as_micros() as f64 / 1000.0),
            latency_ms: percentiles(&self.all.latency),
            latency_ms_by_provider: self.providers.map(|slice| some(&slice.latency)),
            ttft_ms: percentiles(&self.all.ttft),
            ttft_ms_by_provider: self.providers.map(|slice| some(&slice.ttft)),
            scenarios: self.scenarios.map(timed),
            labels: self.labels.map(timed),
            evaluators: self.evaluators.map(timed),
            percentile_error: is_timed.then_some(PERCENTILE_ERROR),
            cached: self.cached,
            ..MeasuredSummary::default()
        };
        let (counts, cost) = (self.all.tally().counts, self.all.tally().cost_usd_micro);
        let statistics = self.all.statistics();
        Ok(Summary {
            cases: counts,
            pass_rate: counts.pass_rate(),
            usage: self.all.tally().usage,
            cost_usd_micro: cost,
            checks: self.profiles.finish(&self.evaluators, &self.scenarios, cost),
            scenarios: self.scenarios.into_tallies(),
            providers: self.providers.into_tallies(),
            evaluators: self.evaluators.into_tallies(),
            labels: self.labels.into_tallies(),
            errors: self.errors,
            trials: self.tests.finish(),
            confidence: statistics.is_some().then_some(CONFIDENCE),
            statistics,
            merkle_root: self.merkle.root(),
            provenance: Some(Provenance::of(&manifest.work)),
            origin: serde_json::to_value(&manifest.origin)?,
            measured,
            ..Summary::empty(manifest.work_digest.clone())
        })
    }
}

fn asked_judge(check: &Check<'_>) -> bool {
    check.calls.iter().any(|call| call.to.starts_with("judge"))
}
