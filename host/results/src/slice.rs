//! One slice of a run while records pass by: a scenario, a provider, a check type, a label, or all of it.

use std::collections::BTreeMap;

use arena_model::{
    AT_K, AtK, Estimate, Interval, IntervalMethod, Outcome, Percentiles, Repeats, SliceStatistics, SliceTimes, Tally,
    Usage, Variation,
};
use arena_statistics::{Bounds, Cluster, Clusters, Method, pass_all, pass_any, wilson};

use crate::sketch::Sketch;

/// Confidence of all intervals.
pub(crate) const CONFIDENCE: f64 = 0.95;

/// One case, or one check of it, as a slice sees it.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    /// Hash of the test item: scenario and row.
    pub item: u64,
    /// Hash of all that names the case but its trial.
    pub test: u64,
    pub trial: u32,
    pub outcome: Outcome,
    /// Score in units of 1e-9.
    pub score_nano: Option<u64>,
    pub usage: Usage,
    pub cost: Option<u64>,
    /// Whether a judge had a say.
    pub judged: bool,
}

/// Whether an outcome is a verdict.
pub(crate) fn is_verdict(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Passed | Outcome::Failed | Outcome::Error)
}

/// What was seen to vary.
#[derive(Clone, Copy, Default)]
struct Varied {
    first: Option<u64>,
    cases: bool,
    repeats: bool,
    judge: bool,
}

/// Sums of pass@k and pass^k over tests.
#[derive(Clone, Copy, Default)]
struct Chances {
    tests: u64,
    any: f64,
    all: f64,
}

/// Tests that ran more than once.
#[derive(Default)]
struct Repeated {
    tests: u64,
    flaky: u64,
    chances: Vec<Chances>,
    /// Each test is one case of the flake rate.
    by_item: Clusters,
}

/// All of one slice.
#[derive(Default)]
pub(crate) struct Slice {
    tally: Tally,
    clusters: Clusters,
    varied: Varied,
    repeated: Repeated,
    pub(crate) latency: Sketch,
    pub(crate) ttft: Sketch,
}

impl Slice {
    /// A slice of nothing: its price is known to be 0.
    pub(crate) fn new() -> Self {
        Self { tally: Tally { cost_usd_micro: Some(0), ..Tally::default() }, ..Self::default() }
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Adds a case or a check.
    pub(crate) fn add(&mut self, sample: &Sample) {
        let tally = &mut self.tally;
        tally.counts.add(sample.outcome);
        tally.usage += sample.usage;
        tally.cost_usd_micro = tally.cost_usd_micro.zip(sample.cost).map(|(sum, cost)| sum.saturating_add(cost));
        if !is_verdict(sample.outcome) {
            return;
        }
        let cluster = Cluster {
            cases: 1,
            passed: u64::from(sample.outcome == Outcome::Passed),
            scored: u64::from(sample.score_nano.is_some()),
            score_nano: sample.score_nano.unwrap_or_default(),
        };
        self.clusters.add(sample.item, &cluster);
        let varied = &mut self.varied;
        varied.cases |= *varied.first.get_or_insert(sample.test) != sample.test;
        varied.repeats |= sample.trial > 0;
        varied.judge |= sample.judged;
    }

    /// Adds a test of which `passed` of `trials` trials with a verdict passed.
    pub(crate) fn add_test(&mut self, item: u64, passed: u64, trials: u64, with_chances: bool) {
        if trials < 2 {
            return;
        }
        let flaky = passed > 0 && passed < trials;
        let repeated = &mut self.repeated;
        repeated.tests += 1;
        repeated.flaky += u64::from(flaky);
        repeated.by_item.add(item, &Cluster { cases: 1, passed: flaky.into(), ..Cluster::default() });
        if !with_chances {
            return;
        }
        repeated.chances.resize(AT_K.len(), Chances::default());
        for (chances, k) in repeated.chances.iter_mut().zip(AT_K.map(u64::from)) {
            if let (Some(any), Some(all)) = (pass_any(passed, trials, k), pass_all(passed, trials, k)) {
                chances.tests += 1;
                chances.any += any;
                chances.all += all;
            }
        }
    }

    /// Times in milliseconds.
    pub(crate) fn times(&self) -> SliceTimes {
        SliceTimes { latency_ms: percentiles(&self.latency), ttft_ms: percentiles(&self.ttft) }
    }

    /// The tally with what it says.
    pub(crate) fn into_tally(self) -> Tally {
        let statistics = self.statistics().map(Box::new);
        Tally { statistics, ..self.tally }
    }

    /// How sure the rates are; none if there is no verdict.
    pub(crate) fn statistics(&self) -> Option<SliceStatistics> {
        let total = self.clusters.total();
        if total.cases == 0 {
            return None;
        }
        let items = self.clusters.len() as u64;
        let estimate = |value: f64, of: u64, bounds: Option<Bounds>| {
            let interval = bounds.map(|bounds| self.varied.interval(bounds));
            Estimate { value, of, items, interval }
        };
        let pass_rate = total.passed as f64 / total.cases as f64;
        let mean = total.score_nano as f64 / 1e9 / total.scored as f64;
        Some(SliceStatistics {
            pass_rate: Some(estimate(pass_rate, total.cases, self.clusters.pass_rate(CONFIDENCE))),
            mean_score: (total.scored > 0).then(|| estimate(mean, total.scored, self.clusters.mean_score(CONFIDENCE))),
            repeats: self.repeated.told(self.varied),
        })
    }
}

impl Varied {
    fn interval(self, Bounds { low, high, method }: Bounds) -> Interval {
        let method = match method {
            Method::Wilson => IntervalMethod::Wilson,
            Method::WilsonClustered => IntervalMethod::WilsonClustered,
            Method::Bootstrap => IntervalMethod::Bootstrap,
            Method::StudentT => IntervalMethod::StudentT,
        };
        let mut varies = Vec::new();
        if self.cases {
            varies.push(Variation::Cases);
        }
        // A case that ran once says at least how it itself might have ended.
        if self.repeats || !self.cases {
            varies.push(Variation::Repeats);
        }
        if self.judge {
            varies.push(Variation::Judge);
        }
        Interval { low, high, method, varies }
    }
}

impl Repeated {
    fn told(&self, varied: Varied) -> Option<Repeats> {
        let (flaky, tests) = (self.flaky as f64, self.tests as f64);
        // One test says nothing of how often others are flaky.
        let bounds = if self.tests > 1 { self.by_item.pass_rate(CONFIDENCE) } else { None };
        wilson(flaky, tests, CONFIDENCE)?;
        let at_k = self.chances.iter().zip(AT_K).filter(|(chances, _)| chances.tests > 0).map(|(chances, k)| {
            let mean = |sum: f64| sum / chances.tests as f64;
            AtK { k, tests: chances.tests, any: mean(chances.any), all: mean(chances.all) }
        });
        let interval = bounds.map(|bounds| varied.interval(bounds));
        let items = self.by_item.len() as u64;
        let flake_rate = Estimate { value: flaky / tests, of: self.tests, items, interval };
        Some(Repeats { tests: self.tests, flaky: self.flaky, flake_rate, at_k: at_k.collect() })
    }
}

/// p50, p95, p99 and max in milliseconds; empty if nothing was added.
pub(crate) fn percentiles(sketch: &Sketch) -> Percentiles {
    let named = [("p50", 500), ("p95", 950), ("p99", 990)];
    let found = named.into_iter().filter_map(|(name, share)| Some((name, sketch.quantile(share)?)));
    let max = (!sketch.is_empty()).then_some(("max", sketch.max()));
    found.chain(max).map(|(name, micros)| (name.to_owned(), micros as f64 / 1000.0)).collect()
}

/// Slices of one kind by name, each with a number that is quicker than its name.
#[derive(Default)]
pub(crate) struct Slices {
    numbers: BTreeMap<String, usize>,
    slices: Vec<Slice>,
}

impl Slices {
    /// The number of a name, which is copied only when it is new.
    pub(crate) fn number(&mut self, name: &str) -> usize {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.slices.len();
        self.numbers.insert(name.to_owned(), number);
        self.slices.push(Slice::new());
        number
    }

    pub(crate) fn get(&mut self, number: usize) -> Option<&mut Slice> {
        self.slices.get_mut(number)
    }

    /// By name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Slice)> {
        self.numbers.iter().filter_map(|(name, number)| Some((name, self.slices.get(*number)?)))
    }

    /// Names by their number.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names = vec![""; self.slices.len()];
        for (name, number) in &self.numbers {
            names[*number] = name;
        }
        names
    }

    /// Of each slice by its name.
    pub(crate) fn map<T>(&self, of: impl Fn(&Slice) -> Option<T>) -> BTreeMap<String, T> {
        self.iter().filter_map(|(name, slice)| Some((name.clone(), of(slice)?))).collect()
    }

    pub(crate) fn into_tallies(self) -> BTreeMap<String, Tally> {
        let mut slices: Vec<Option<Slice>> = self.slices.into_iter().map(Some).collect();
        let tally = |(name, number): (String, usize)| Some((name, slices.get_mut(number)?.take()?.into_tally()));
        self.numbers.into_iter().filter_map(tally).collect()
    }
}
