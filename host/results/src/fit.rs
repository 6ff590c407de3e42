//! Keeps `summary.json` small: lists that are too long lose entries, and the summary says how many.

use std::collections::BTreeMap;

use arena_model::{Summary, Tally};
use serde::Serialize;

/// Most bytes of a summary.
pub(crate) const SUMMARY_BYTES: usize = 256 << 10;

/// Tallies that are listed of one kind before bytes are looked at.
const LISTED: usize = 500;
/// Tallies of one kind that keep their statistics.
const WITH_STATISTICS: usize = 100;

/// Cuts lists until the summary has at most `limit` bytes as it is written. Of tallies those with the most cases that
/// did not pass are kept. What is no list (origin above all) is not touched.
pub(crate) fn fit(summary: &mut Summary, limit: usize) -> serde_json::Result<()> {
    for kind in Kind::ALL {
        kind.keep(summary, LISTED);
        if let Some(tallies) = kind.tallies(summary) {
            let kept = worst(tallies, WITH_STATISTICS);
            let rest = tallies.iter_mut().filter(|(name, _)| !kept.contains(*name));
            rest.for_each(|(_, tally)| tally.statistics = None);
        }
    }
    while serde_json::to_vec_pretty(&summary)?.len() > limit {
        let mut largest = (0, None);
        for kind in Kind::ALL {
            let bytes = kind.bytes(summary)?;
            if bytes > largest.0 && kind.len(summary) > 0 {
                largest = (bytes, Some(kind));
            }
        }
        let Some(kind) = largest.1 else { break };
        let half = kind.len(summary) / 2;
        kind.keep(summary, half);
    }
    Ok(())
}

/// A list of a summary.
#[derive(Clone, Copy)]
enum Kind {
    Scenarios,
    Providers,
    Evaluators,
    Labels,
    Trials,
    Profiles,
    TimesOfScenarios,
    TimesOfLabels,
    TimesOfEvaluators,
    LatencyOfProviders,
    TtftOfProviders,
    Concurrency,
}

impl Kind {
    const ALL: [Self; 12] = [
        Self::Scenarios,
        Self::Providers,
        Self::Evaluators,
        Self::Labels,
        Self::Trials,
        Self::Profiles,
        Self::TimesOfScenarios,
        Self::TimesOfLabels,
        Self::TimesOfEvaluators,
        Self::LatencyOfProviders,
        Self::TtftOfProviders,
        Self::Concurrency,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Scenarios => "scenarios",
            Self::Providers => "providers",
            Self::Evaluators => "evaluators",
            Self::Labels => "labels",
            Self::Trials => "trials.listed",
            Self::Profiles => "checks.profiles",
            Self::TimesOfScenarios => "measured.scenarios",
            Self::TimesOfLabels => "measured.labels",
            Self::TimesOfEvaluators => "measured.evaluators",
            Self::LatencyOfProviders => "measured.latency_ms_by_provider",
            Self::TtftOfProviders => "measured.ttft_ms_by_provider",
            Self::Concurrency => "measured.concurrency_by_provider",
        }
    }

    fn tallies(self, summary: &mut Summary) -> Option<&mut BTreeMap<String, Tally>> {
        match self {
            Self::Scenarios => Some(&mut summary.scenarios),
            Self::Providers => Some(&mut summary.providers),
            Self::Evaluators => Some(&mut summary.evaluators),
            Self::Labels => Some(&mut summary.labels),
            _ => None,
        }
    }

    fn len(self, summary: &Summary) -> usize {
        match self {
            Self::Scenarios => summary.scenarios.len(),
            Self::Providers => summary.providers.len(),
            Self::Evaluators => summary.evaluators.len(),
            Self::Labels => summary.labels.len(),
            Self::Trials => summary.trials.as_ref().map_or(0, |trials| trials.listed.len()),
            Self::Profiles => summary.checks.as_ref().map_or(0, |checks| checks.profiles.len()),
            Self::TimesOfScenarios => summary.measured.scenarios.len(),
            Self::TimesOfLabels => summary.measured.labels.len(),
            Self::TimesOfEvaluators => summary.measured.evaluators.len(),
            Self::LatencyOfProviders => summary.measured.latency_ms_by_provider.len(),
            Self::TtftOfProviders => summary.measured.ttft_ms_by_provider.len(),
            Self::Concurrency => summary.measured.concurrency_by_provider.len(),
        }
    }

    fn bytes(self, summary: &Summary) -> serde_json::Result<usize> {
        fn size(list: &impl Serialize) -> serde_json::Result<usize> {
            Ok(serde_json::to_vec_pretty(list)?.len())
        }
        match self {
            Self::Scenarios => size(&summary.scenarios),
            Self::Providers => size(&summary.providers),
            Self::Evaluators => size(&summary.evaluators),
            Self::Labels => size(&summary.labels),
            Self::Trials => size(&summary.trials),
            Self::Profiles => size(&summary.checks),
            Self::TimesOfScenarios => size(&summary.measured.scenarios),
            Self::TimesOfLabels => size(&summary.measured.labels),
            Self::TimesOfEvaluators => size(&summary.measured.evaluators),
            Self::LatencyOfProviders => size(&summary.measured.latency_ms_by_provider),
            Self::TtftOfProviders => size(&summary.measured.ttft_ms_by_provider),
            Self::Concurrency => size(&summary.measured.concurrency_by_provider),
        }
    }

    /// Leaves at most `most` entries and counts the others.
    fn keep(self, summary: &mut Summary, most: usize) {
        let out = self.len(summary).saturating_sub(most) as u64;
        if out == 0 {
            return;
        }
        if let Some(tallies) = self.tallies(summary) {
            let kept = worst(tallies, most);
            tallies.retain(|name, _| kept.contains(name));
        }
        // Whose tally is left out needs no times.
        let measured = &mut summary.measured;
        match self {
            Self::Scenarios | Self::Providers | Self::Evaluators | Self::Labels => {}
            Self::Trials => summary.trials.iter_mut().for_each(|trials| trials.listed.truncate(most)),
            Self::Profiles => summary.checks.iter_mut().for_each(|checks| first(&mut checks.profiles, most)),
            Self::TimesOfScenarios => preferred(&mut measured.scenarios, &summary.scenarios, most),
            Self::TimesOfLabels => preferred(&mut measured.labels, &summary.labels, most),
            Self::TimesOfEvaluators => preferred(&mut measured.evaluators, &summary.evaluators, most),
            Self::LatencyOfProviders => preferred(&mut measured.latency_ms_by_provider, &summary.providers, most),
            Self::TtftOfProviders => preferred(&mut measured.ttft_ms_by_provider, &summary.providers, most),
            Self::Concurrency => preferred(&mut measured.concurrency_by_provider, &summary.providers, most),
        }
        *summary.left_out.entry(self.name().to_owned()).or_default() += out;
    }
}

/// The names of those with the most cases that did not pass; of equal ones the first by name.
fn worst(tallies: &BTreeMap<String, Tally>, most: usize) -> std::collections::BTreeSet<String> {
    let mut names: Vec<_> =
        tallies.iter().map(|(name, tally)| (tally.counts.failed + tally.counts.error, name)).collect();
    names.sort_by_key(|(bad, name)| (std::cmp::Reverse(*bad), *name));
    names.into_iter().take(most).map(|(_, name)| name.clone()).collect()
}

fn first<T>(map: &mut BTreeMap<String, T>, most: usize) {
    if let Some(end) = map.keys().nth(most).cloned() {
        map.split_off(&end);
    }
}

/// Keeps those first whose tally is listed.
fn preferred<T>(map: &mut BTreeMap<String, T>, listed: &BTreeMap<String, Tally>, most: usize) {
    let mut names: Vec<String> = map.keys().cloned().collect();
    names.sort_by_key(|name| !listed.contains_key(name));
    for name in names.into_iter().skip(most) {
        map.remove(&name);
    }
}

#[cfg(test)]
mod tests {
    use arena_model::{Counts, Digest, SliceTimes};

    use super::*;

    #[test]
    fn long_lists_are_cut_and_counted_and_the_worst_stay() {
        let mut summary = Summary::empty(Digest::of(b"work"));
        for number in 0..3000u64 {
            let counts = Counts { planned: 9, failed: number % 10, passed: 9 - number % 10, ..Counts::default() };
            let name = format!("a scenario whose name has as many characters as people use {number:04}");
            summary.scenarios.insert(name.clone(), Tally { counts, ..Tally::default() });
            let latency_ms = [("p50".to_owned(), number as f64)].into();
            summary.measured.scenarios.insert(name, SliceTimes { latency_ms, ..SliceTimes::default() });
        }
        fit(&mut summary, SUMMARY_BYTES).unwrap();
        assert!(serde_json::to_vec_pretty(&summary).unwrap().len() <= SUMMARY_BYTES);
        let (kept, out) = (summary.scenarios.len() as u64, summary.left_out["scenarios"]);
        assert_eq!(kept + out, 3000);
        assert!(kept >= 100 && summary.scenarios.values().all(|tally| tally.counts.failed >= 8));
        let timed = summary.measured.scenarios.len() as u64;
        assert_eq!(timed + summary.left_out["measured.scenarios"], 3000);
        assert!(summary.measured.scenarios.keys().take(50).all(|name| summary.scenarios.contains_key(name)));
        fit(&mut summary, 2000).unwrap();
        assert!(serde_json::to_vec_pretty(&summary).unwrap().len() <= 2000);
    }

    #[test]
    fn a_small_summary_stays_as_it_is() {
        let mut summary = Summary::empty(Digest::of(b"work"));
        summary.scenarios.insert("s".to_owned(), Tally::default());
        let before = summary.clone();
        fit(&mut summary, SUMMARY_BYTES).unwrap();
        assert_eq!(summary, before);
    }
}
