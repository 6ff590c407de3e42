//! What a summary says of how sure its numbers are.

use arena_model::*;
use arena_results::{RunDir, Settings, finalize};
use serde_json::json;

use crate::sample::{append, check, finish, labels, manifest, record};

/// A run of these records, which are given their places.
fn summary(records: impl IntoIterator<Item = Record>) -> Summary {
    let folder = tempfile::tempdir().unwrap();
    let records: Vec<Record> = records.into_iter().collect();
    let run = RunDir::create(&folder.path().join("run"), &manifest(records.len() as u64), |bundle| {
        std::fs::create_dir(bundle)
    });
    let run = run.unwrap();
    let id = |record: &Record| CaseId {
        scenario: record.scenario.clone(),
        provider: record.provider.clone(),
        region: None,
        trial: record.trial,
        row: record.row.clone(),
        variant: None,
    };
    let keys: Vec<CaseKey> = records.iter().map(|record| id(record).key()).collect();
    let (mut journal, _) = arena_results::Journal::open(&run, |index| keys.get(index as usize).cloned()).unwrap();
    for (index, record) in records.into_iter().enumerate() {
        let record = Record { index: index as u64, key: keys[index].clone(), ..record };
        journal.append(index as u64, &serde_json::to_vec(&record).unwrap()).unwrap();
    }
    drop(journal);
    finalize(&run, keys.len() as u64, std::iter::empty(), labels, Settings::default(), || false).unwrap()
}

fn case(row: u64, trial: u32, outcome: Outcome) -> Record {
    Record { scenario: "s0".into(), provider: "p".into(), row: Some(format!("r{row}")), trial, ..record(0, outcome) }
}

fn outcome(passed: bool) -> Outcome {
    if passed { Outcome::Passed } else { Outcome::Failed }
}

#[test]
fn every_slice_says_how_sure_it_is() {
    let summary = summary((0..100).map(|row| case(row, 0, outcome(row % 10 > 0))));
    assert_eq!(summary.confidence, Some(0.95));
    let all = summary.statistics.as_ref().unwrap();
    let rate = all.pass_rate.as_ref().unwrap();
    assert_eq!((rate.value, rate.of, rate.items), (0.9, 100, 100));
    let interval = rate.interval.as_ref().unwrap();
    // statsmodels.stats.proportion.proportion_confint(90, 100, method="wilson")
    assert!(
        (interval.low - 0.825_634_338_495_086).abs() < 1e-9 && (interval.high - 0.944_770_862_939_325).abs() < 1e-9,
        "{interval:?}"
    );
    assert_eq!((interval.method, &interval.varies[..]), (IntervalMethod::Wilson, &[Variation::Cases][..]));
    for tallies in [&summary.scenarios, &summary.providers, &summary.evaluators, &summary.labels] {
        let statistics = tallies.values().next().unwrap().statistics.as_ref().unwrap();
        assert_eq!(statistics.pass_rate.as_ref(), Some(rate));
        let mean = statistics.mean_score.as_ref().unwrap();
        assert!((mean.value - 0.3).abs() < 1e-9 && mean.interval.is_some());
    }
    assert_eq!(all.repeats, None);
    assert!((summary.measured.percentile_error.unwrap() - 1.0 / 128.0).abs() < 1e-15);
    assert_eq!(summary.measured.labels["team=red"].latency_ms.len(), 4);
    assert_eq!(summary.measured.evaluators["contains"].latency_ms["max"], 0.012);
}

#[test]
fn repeats_are_told_apart_from_cases() {
    // Rows 0 to 9 always pass, 10 to 19 in two of four trials.
    let trials = (0..20).flat_map(|row| (0..4).map(move |trial| case(row, trial, outcome(row < 10 || trial < 2))));
    let summary = summary(trials);
    let all = summary.statistics.unwrap();
    let repeats = all.repeats.unwrap();
    assert_eq!((repeats.tests, repeats.flaky, repeats.flake_rate.value), (20, 10, 0.5));
    let at: Vec<(u32, f64, f64)> = repeats.at_k.iter().map(|at| (at.k, at.any, at.all)).collect();
    let wanted = [(1, 0.75, 0.75), (2, (1.0 + 5.0 / 6.0) / 2.0, (1.0 + 1.0 / 6.0) / 2.0), (3, 1.0, 0.5), (4, 1.0, 0.5)];
    assert_eq!(at.len(), 4);
    for (found, wanted) in at.iter().zip(wanted) {
        assert!(
            found.0 == wanted.0 && (found.1 - wanted.1).abs() < 1e-12 && (found.2 - wanted.2).abs() < 1e-12,
            "{at:?}"
        );
    }
    let rate = all.pass_rate.unwrap();
    assert_eq!((rate.of, rate.items), (80, 20));
    let interval = rate.interval.unwrap();
    assert_eq!(interval.method, IntervalMethod::WilsonClustered);
    assert_eq!(interval.varies, [Variation::Cases, Variation::Repeats]);
    let of_check = summary.evaluators["contains"].statistics.as_ref().unwrap().repeats.as_ref().unwrap();
    assert_eq!((of_check.tests, of_check.flaky), (20, 10));
}

#[test]
fn a_judge_is_named_among_what_varies() {
    let mut judged = case(0, 0, Outcome::Passed);
    judged.checks[0].calls = vec![HostCall {
        to: "judge:strict".into(),
        request: Digest::of(b"q"),
        reply: "yes".into(),
        usage: Usage::default(),
        cost_usd_micro: Some(5),
        failed: false,
    }];
    let summary = summary([judged]);
    let interval = summary.statistics.unwrap().pass_rate.unwrap().interval.unwrap();
    assert_eq!(interval.varies, [Variation::Repeats, Variation::Judge]);
    let costly = &summary.checks.unwrap().costly;
    assert_eq!((costly[0].kind.as_str(), costly[0].cost_share), ("contains", Some(0.25)));
}

#[test]
fn dead_and_costly_checks_are_pointed_out() {
    let records = (0..60).map(|row| {
        let outcome = outcome(row != 7);
        let placed = |kind: &str, index: u32, outcome, fuel| CheckRecord { index, fuel, ..check(kind, outcome) };
        let checks = vec![
            placed("contains", 0, outcome, 100),
            placed("contains", 1, Outcome::Passed, 100),
            placed("regex", 2, Outcome::Passed, 9800),
        ];
        Record { checks, ..case(row, 0, outcome) }
    });
    let checks = summary(records).checks.unwrap();
    let dead: Vec<_> = checks.dead.iter().map(|dead| (dead.kind.as_str(), dead.index, dead.judged)).collect();
    assert_eq!(dead, [("regex", None, 60), ("contains", Some(1), 60)]);
    assert_eq!((checks.dead_from, checks.dead_left_out), (50, 0));
    assert_eq!(checks.costly.len(), 1);
    assert!(checks.costly[0].kind == "regex" && (checks.costly[0].fuel_share - 0.98).abs() < 1e-12);
    assert_eq!(checks.profiles["contains"].fuel, 12_000);
}

#[test]
fn of_two_check_types_neither_is_costly_for_having_a_half() {
    let of = |regex: u64| {
        let checks = [("contains", 0, 100), ("regex", 1, regex)];
        let placed = |(kind, index, fuel)| CheckRecord { index, fuel, ..check(kind, Outcome::Passed) };
        let record = Record { checks: checks.map(placed).to_vec(), ..case(0, 0, Outcome::Passed) };
        summary([record]).checks.unwrap().costly.len()
    };
    assert_eq!((of(100), of(250), of(400)), (0, 0, 1));
}

#[test]
fn a_run_of_thousands_of_scenarios_has_a_small_summary() {
    let records = (0..3000).map(|number| Record {
        scenario: format!("scenario {} {number}", "with a long name ".repeat(4)),
        ..case(0, 0, outcome(number % 50 > 0))
    });
    let summary = summary(records);
    assert!(serde_json::to_vec_pretty(&summary).unwrap().len() <= 256 << 10);
    assert_eq!(summary.scenarios.len() as u64 + summary.left_out["scenarios"], 3000);
    assert_eq!(summary.scenarios.values().filter(|tally| tally.counts.failed > 0).count(), 60);
    assert_eq!(summary.cases.planned, 3000);
}

#[test]
fn without_a_verdict_nothing_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let run = crate::sample::create(&folder.path().join("run"), 8);
    append(&run, &[]);
    let summary = finish(&run, (0..8).map(|index| record(index, Outcome::NotRun)).collect()).unwrap();
    assert_eq!((summary.statistics, summary.confidence), (None, None));
    assert!(serde_json::to_value(&summary.scenarios["s0"]).unwrap().get("statistics").is_none());
    assert_eq!(summary.left_out, std::collections::BTreeMap::new());
    assert_eq!(json!(summary.measured.evaluators), json!({}));
}
