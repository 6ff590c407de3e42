//! The summary, computed from records in one pass. Memory grows with the names that occur, never with the cases.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use arena_model::{Counts, Manifest, MeasuredSummary, Outcome, Provenance, Scope, Summary, Tally, Usage};

use crate::merkle::Merkle;
use crate::row::Row;
use crate::sketch::Sketch;
use crate::strip::micros;
use crate::trials::Tests;

/// Most names of errors that are told apart.
const ERRORS: usize = 64;

/// A tally of nothing: its price is known to be 0.
fn empty() -> Tally {
    Tally { cost_usd_micro: Some(0), ..Tally::default() }
}

fn add(tally: &mut Tally, outcome: Outcome, usage: Usage, cost: Option<u64>) {
    tally.counts.add(outcome);
    tally.usage += usage;
    tally.cost_usd_micro = tally.cost_usd_micro.zip(cost).map(|(sum, cost)| sum.saturating_add(cost));
}

/// Adds to the tally of a name, which is copied only when it is new.
fn add_to(map: &mut BTreeMap<String, Tally>, name: &str, outcome: Outcome, usage: Usage, cost: Option<u64>) {
    match map.get_mut(name) {
        Some(tally) => add(tally, outcome, usage, cost),
        None => add(map.entry(name.to_owned()).or_insert_with(empty), outcome, usage, cost),
    }
}

/// All that a summary needs, so far.
pub(crate) struct Totals {
    all: Tally,
    scenarios: BTreeMap<String, Tally>,
    providers: BTreeMap<String, Tally>,
    evaluators: BTreeMap<String, Tally>,
    labels: BTreeMap<String, Tally>,
    errors: BTreeMap<String, u64>,
    /// `key=value` of each scenario met.
    labels_of: BTreeMap<String, Vec<String>>,
    tests: Tests,
    merkle: Merkle,
    pub(crate) latency: Sketch,
    latency_by_provider: BTreeMap<String, Sketch>,
    cached: u64,
    started: Option<SystemTime>,
    finished: Option<SystemTime>,
}

impl Totals {
    pub(crate) fn new() -> Self {
        Self {
            all: empty(),
            scenarios: BTreeMap::new(),
            providers: BTreeMap::new(),
            evaluators: BTreeMap::new(),
            labels: BTreeMap::new(),
            errors: BTreeMap::new(),
            labels_of: BTreeMap::new(),
            tests: Tests::default(),
            merkle: Merkle::default(),
            latency: Sketch::default(),
            latency_by_provider: BTreeMap::new(),
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
        let (outcome, usage) = (record.outcome, record.usage);
        // A case that never ran cost nothing, whatever its price would have been.
        let cost = if outcome == Outcome::NotRun { Some(0) } else { record.cost_usd_micro };
        if !self.labels_of.contains_key(&*record.scenario) {
            let pairs = labels(&record.scenario).into_iter().map(|(key, value)| format!("{key}={value}"));
            self.labels_of.insert(record.scenario.to_string(), pairs.collect());
        }
        let slice = |map: &mut BTreeMap<String, Tally>, name: &str| add_to(map, name, outcome, usage, cost);
        add(&mut self.all, outcome, usage, cost);
        slice(&mut self.scenarios, &record.scenario);
        slice(&mut self.providers, &record.provider);
        for label in self.labels_of.get(&*record.scenario).into_iter().flatten() {
            slice(&mut self.labels, label);
        }
        for check in &record.checks {
            let mut usage = Usage::default();
            check.calls.iter().for_each(|call| usage += call.usage);
            let cost = check.calls.iter().try_fold(0u64, |sum, call| Some(sum.saturating_add(call.cost_usd_micro?)));
            // What only observes is told apart from what decides.
            let eval = check.id.as_ref().filter(|_| check.scope == Scope::Eval).map(|id| format!("eval:{}", &**id));
            add_to(&mut self.evaluators, eval.as_deref().unwrap_or(&check.kind), check.outcome, usage, cost);
        }
        if outcome == Outcome::Error {
            self.count_error(record);
        }
        if matches!(outcome, Outcome::Passed | Outcome::Failed | Outcome::Error) {
            self.time(record);
        }
        Ok(())
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

    fn time(&mut self, record: &Row<'_>) {
        let latency = micros(record.measured.latency_ms);
        if record.measured.cached {
            // How fast a file is read says nothing of a provider, and no gate may hold by it.
            self.cached += 1;
        } else {
            self.latency.add(latency);
            match self.latency_by_provider.get_mut(&*record.provider) {
                Some(sketch) => sketch.add(latency),
                None => self.latency_by_provider.entry(record.provider.to_string()).or_default().add(latency),
            }
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
        self.all.counts
    }

    /// The summary of all that was added.
    pub(crate) fn summary(self, manifest: &Manifest) -> serde_json::Result<Summary> {
        let stamp = |time: Option<SystemTime>| {
            time.map_or_else(String::new, |time| humantime::format_rfc3339_millis(time).to_string())
        };
        let wall = self.started.zip(self.finished).and_then(|(from, to)| to.duration_since(from).ok());
        let by_provider = self.latency_by_provider.iter().map(|(name, sketch)| (name.clone(), percentiles(sketch)));
        Ok(Summary {
            v: 1,
            work_digest: manifest.work_digest.clone(),
            partial: false,
            cases: self.all.counts,
            pass_rate: self.all.counts.pass_rate(),
            usage: self.all.usage,
            cost_usd_micro: self.all.cost_usd_micro,
            scenarios: self.scenarios,
            providers: self.providers,
            evaluators: self.evaluators,
            labels: self.labels,
            errors: self.errors,
            trials: self.tests.finish(),
            statistics: None,
            confidence: None,
            checks: None,
            gates: Vec::new(),
            left_out: BTreeMap::new(),
            merkle_root: self.merkle.root(),
            provenance: Some(Provenance::of(&manifest.work)),
            origin: serde_json::to_value(&manifest.origin)?,
            measured: MeasuredSummary {
                started: stamp(self.started),
                finished: stamp(self.finished),
                wall_ms: wall.map_or(0.0, |wall| wall.as_micros() as f64 / 1000.0),
                latency_ms: percentiles(&self.latency),
                latency_ms_by_provider: by_provider.collect(),
                cached: self.cached,
                ..MeasuredSummary::default()
            },
        })
    }
}

/// p50, p95, p99 and max in milliseconds; empty if nothing was executed.
fn percentiles(sketch: &Sketch) -> BTreeMap<String, f64> {
    let named = [("p50", 500), ("p95", 950), ("p99", 990)];
    let found = named.into_iter().filter_map(|(name, share)| Some((name, sketch.quantile(share)?)));
    let max = (!sketch.is_empty()).then_some(("max", sketch.max()));
    found.chain(max).map(|(name, micros)| (name.to_owned(), micros as f64 / 1000.0)).collect()
}
