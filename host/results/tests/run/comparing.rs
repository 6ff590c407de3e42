//! A candidate beside a baseline.

use std::path::Path;

use arena_model::*;
use arena_results::compare::{Comparison, PairedTest, Question, Verdict, compare};
use arena_results::{Journal, ResultsError, RunDir, RunView, Settings, finalize};

use crate::sample::{labels, manifest, record};

/// A sealed run of these records.
fn run(dir: &Path, records: Vec<Record>) -> RunView {
    let run = RunDir::create(dir, &manifest(records.len() as u64), |bundle| std::fs::create_dir(bundle)).unwrap();
    let keys: Vec<CaseKey> = records
        .iter()
        .map(|record| {
            let Record { scenario, provider, trial, row, .. } = record.clone();
            CaseId { scenario, provider, region: None, trial, row, variant: None }.key()
        })
        .collect();
    let (mut journal, _) = Journal::open(&run, |index| keys.get(index as usize).cloned()).unwrap();
    for (index, record) in records.into_iter().enumerate() {
        let record = Record { index: index as u64, key: keys[index].clone(), ..record };
        journal.append(index as u64, &serde_json::to_vec(&record).unwrap()).unwrap();
    }
    drop(journal);
    finalize(&run, keys.len() as u64, std::iter::empty(), labels, Settings::default(), || false).unwrap();
    drop(run);
    RunView::open(dir).unwrap()
}

fn case(row: u64, trial: u32, passed: bool) -> Record {
    let outcome = if passed { Outcome::Passed } else { Outcome::Failed };
    let mut record = Record {
        scenario: "s0".into(),
        provider: "p".into(),
        row: Some(format!("r{row}")),
        trial,
        ..record(0, outcome)
    };
    record.checks[0].score = Some(f64::from(passed));
    record
}

fn compared(before: Vec<Record>, after: Vec<Record>, question: &Question) -> Result<Comparison, ResultsError> {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (run(&folder.path().join("a"), before), run(&folder.path().join("b"), after));
    compare(&a, &b, question)
}

fn cases(count: u64, passed: impl Fn(u64) -> bool) -> Vec<Record> {
    (0..count).map(|row| case(row, 0, passed(row))).collect()
}

#[test]
fn a_drop_is_worse_with_the_exact_p_of_mcnemar() {
    let found = compared(
        cases(100, |row| row < 90),
        cases(100, |row| (10..85).contains(&row) || row == 95),
        &Question::default(),
    );
    let found = found.unwrap();
    assert_eq!(found.verdict, Verdict::Worse);
    let rate = &found.metrics[0];
    assert_eq!(
        (rate.metric.as_str(), rate.test, rate.better, rate.worse),
        ("pass_rate", PairedTest::McnemarExact, 1, 15)
    );
    // scipy.stats.binomtest(1, 16).pvalue
    assert!((rate.p - 0.000_518_798_828_125).abs() < 1e-15, "{}", rate.p);
    assert!((rate.difference + 0.14).abs() < 1e-12 && rate.low < -0.14 && rate.high > -0.14 && rate.high < 0.0);
    assert_eq!(found.left_out, ["score(contains)"], "its scores are the passes again");
    assert_eq!((found.flips.better, found.flips.worse), (1, 15));
    let listed = &found.listed;
    assert_eq!(listed.len(), 16);
    assert!(!listed[0].better && listed[15].better);
    assert_eq!(listed[0].case, "s0/p/row r0");
    assert_eq!((listed[0].baseline.outcome, listed[0].candidate.outcome), (Outcome::Passed, Outcome::Failed));
}

#[test]
fn the_reverse_is_better_and_few_pairs_are_not_enough() {
    let question = Question { flips: 3, ..Question::default() };
    let found = compared(cases(100, |row| row < 70), cases(100, |row| row < 90), &question).unwrap();
    assert_eq!((found.verdict, found.listed.len(), found.flips.better), (Verdict::Better, 3, 20));
    let found = compared(cases(10, |row| row < 7), cases(10, |row| row < 8), &question).unwrap();
    assert_eq!(found.verdict, Verdict::NotEnoughData);
    assert!(found.because.contains("items would"), "{}", found.because);
}

#[test]
fn many_equal_pairs_are_the_same_and_few_are_not() {
    for (count, verdict) in [(12, Verdict::NotEnoughData), (300, Verdict::Same)] {
        let found = compared(cases(count, |row| row % 3 > 0), cases(count, |row| row % 3 > 0), &Question::default());
        assert_eq!(found.unwrap().verdict, verdict, "{count}");
    }
}

#[test]
fn trials_of_an_item_are_one_observation() {
    let trials = |passing: u32| -> Vec<Record> {
        (0..6).flat_map(|row| (0..50).map(move |trial| case(row, trial, trial < passing))).collect()
    };
    let found = compared(trials(50), trials(40), &Question::default()).unwrap();
    let rate = &found.metrics[0];
    assert_eq!((rate.pairs, rate.items, rate.one_item), (300, 6, false));
    // Six items that all fell: two of 64 choices of signs.
    assert!((rate.p - 2.0 / 64.0).abs() < 1e-15);
    let one = |passing: u32| (0..50).map(|trial| case(0, trial, trial < passing)).collect();
    let found = compared(one(50), one(40), &Question::default()).unwrap();
    assert_eq!((found.metrics[0].items, found.metrics[0].one_item), (50, true));
    assert_eq!(found.verdict, Verdict::Worse);
}

#[test]
fn errors_on_both_sides_are_no_agreement() {
    let errors = || {
        let mut records = cases(300, |_| true);
        records.iter_mut().for_each(|record| record.outcome = Outcome::Error);
        records
    };
    let found = compared(errors(), errors(), &Question::default()).unwrap();
    assert_eq!((found.verdict, found.pairing.without_verdict), (Verdict::NotEnoughData, 300));
}

#[test]
fn what_does_not_pair_is_counted() {
    let mut before = cases(20, |_| true);
    let mut after = cases(22, |_| true).split_off(2);
    before[5].outcome = Outcome::Skipped;
    after[10].outcome = Outcome::Error;
    after[10].error = Some("ProviderTimeout".into());
    after[11].outcome = Outcome::Failed;
    after[11].input = Digest::of(b"another prompt");
    let found = compared(before, after, &Question::default()).unwrap();
    let pairing = found.pairing;
    assert_eq!((pairing.pairs, pairing.errors, pairing.changed_inputs), (17, (0, 1), 1));
    assert_eq!((pairing.without_verdict, pairing.only_baseline, pairing.only_candidate), (1, 2, 2));
    assert_eq!((found.flips.worse, found.flips_of_changed_inputs.worse), (1, 1));
    assert!(!found.listed[0].changed_input && found.listed[1].changed_input);
}

#[test]
fn scores_are_compared_by_check_type() {
    let scored = |shift: f64| -> Vec<Record> {
        let score = |row: u64| (row % 11) as f64 / 20.0 + shift * (1.0 + (row % 3) as f64);
        let record = |row| {
            let mut record = case(row, 0, true);
            record.checks[0].score = Some(score(row));
            record
        };
        (0..60).map(record).collect()
    };
    let found = compared(scored(0.1), scored(0.0), &Question::default()).unwrap();
    let score = &found.metrics[1];
    assert_eq!(
        (score.metric.as_str(), score.verdict, score.test),
        ("score(contains)", Verdict::Worse, PairedTest::Permutation)
    );
    assert!((score.difference + 0.2).abs() < 1e-9 && score.low < -0.2 && score.high > -0.2);
    assert!((score.p - 1.0 / 20_001.0).abs() < 1e-15 && (score.p_adjusted - 2.0 * score.p).abs() < 1e-15);
    assert_eq!((found.verdict, found.metrics[0].verdict), (Verdict::Worse, Verdict::Same));
}

#[test]
fn other_checks_and_other_cases_are_refused() {
    let before = || cases(10, |_| true);
    let mut after = before();
    after[3].checks[0].params = serde_json::json!({"text": "other"});
    let error = compared(before(), after.clone(), &Question::default()).unwrap_err();
    assert_eq!(error.reason(), "ChecksDiffer");
    assert!(error.to_string().contains("1 of 10 pairs (s0/p/row r3)"), "{error}");
    let allowed = Question { allow_different_checks: true, ..Question::default() };
    assert_eq!(compared(before(), after, &allowed).unwrap().pairing.different_checks, 1);
    let others = (50..60).map(|row| case(row, 0, true)).collect();
    assert_eq!(compared(before(), others, &Question::default()).unwrap_err().reason(), "NothingPairs");
}
