//! Some cases of a plan: which, in which order, in which lanes.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeSet;

use arena_model::{CaseKey, Fault, Selection};
use arena_plan::{Listed, Plan, PlanError, PlanInput, PlanScenario, pick};
use proptest::prelude::*;

fn input(trials: &[u32]) -> PlanInput {
    let scenarios = trials.iter().enumerate().map(|(at, trials)| PlanScenario {
        id: format!("s{at}"),
        providers: if at % 2 == 0 { vec![0, 1] } else { vec![1] },
        trials: *trials,
        rows: None,
        variants: None,
    });
    let regions = vec![Some("eu".into()), Some("us".into())];
    PlanInput {
        scenarios: scenarios.collect(),
        providers: vec!["a".into(), "b".into(), "c".into()],
        regions,
        cap: 1000,
    }
}

fn keys(plan: &Plan, input: &PlanInput) -> Vec<CaseKey> {
    (0..plan.len()).map(|index| input.id(&plan.case(index).unwrap()).unwrap().key()).collect()
}

fn picked(input: &PlanInput, selection: &Selection, listed: Option<&Listed>, seed: u64) -> Plan {
    pick_of(input, selection, listed, seed).unwrap()
}

fn pick_of(input: &PlanInput, selection: &Selection, listed: Option<&Listed>, seed: u64) -> Result<Plan, PlanError> {
    let plan = Plan::new(input).unwrap();
    let all = plan.clone();
    pick(plan, input, selection, listed, seed, |index| Some(input.id(&all.case(index)?)?.key()))
}

#[test]
fn without_a_selection_the_plan_stays_what_it_is() {
    let input = input(&[2, 3]);
    let plan = picked(&input, &Selection::default(), None, 1);
    assert_eq!(plan.digest(), Plan::new(&input).unwrap().digest());
}

#[test]
fn trials_count_from_one_and_must_be_there() {
    let input = input(&[2, 3]);
    let selection = Selection { trials: vec![3], ..Selection::default() };
    let plan = picked(&input, &selection, None, 1);
    let cases: Vec<_> = (0..plan.len()).map(|index| plan.case(index).unwrap()).collect();
    assert!(cases.len() == 2 && cases.iter().all(|case| case.trial == 2 && case.scenario == 1), "{cases:?}");
    let selection = Selection { trials: vec![1, 4], ..Selection::default() };
    let error = pick_of(&input, &selection, None, 1).unwrap_err();
    assert_eq!((error.reason(), error.to_string().contains("no trial 4")), ("NothingSelected", true));
}

#[test]
fn a_list_that_names_nothing_of_the_plan_is_an_error() {
    let input = input(&[1]);
    let listed = Listed::from([CaseKey("other".into())]);
    let error = pick_of(&input, &Selection::default(), Some(&listed), 1).unwrap_err();
    assert_eq!(error.reason(), "NothingSelected");
}

#[test]
fn a_sample_has_the_same_cases_whatever_their_order() {
    let one = input(&[4, 4, 4]);
    let mut other = one.clone();
    other.scenarios.reverse();
    other.regions.reverse();
    let sample = Selection { sample: Some(7), ..Selection::default() };
    let of = |input: &PlanInput, seed| keys(&picked(input, &sample, None, seed), input);
    let set = |keys: &[CaseKey]| keys.iter().cloned().collect::<BTreeSet<_>>();
    assert_eq!(of(&one, 5).len(), 7);
    assert_eq!(set(&of(&one, 5)), set(&of(&other, 5)));
    assert_ne!(set(&of(&one, 5)), set(&of(&one, 6)));
    // It is no larger than the plan.
    let all = Selection { sample: Some(1000), ..Selection::default() };
    assert_eq!(picked(&one, &all, None, 5).len(), Plan::new(&one).unwrap().len());
}

#[test]
fn the_first_are_the_first() {
    let input = input(&[2, 3]);
    let first = Selection { first: Some(5), ..Selection::default() };
    let all = keys(&Plan::new(&input).unwrap(), &input);
    assert_eq!(keys(&picked(&input, &first, None, 1), &input), all[..5]);
}

proptest! {
    /// The picked cases are those of the list in plan order; lanes and indexes are each other's inverse.
    #[test]
    fn a_list_is_picked_in_plan_order(trials in proptest::collection::vec(1..4u32, 1..6), chosen in any::<u64>()) {
        let input = input(&trials);
        let all = keys(&Plan::new(&input).unwrap(), &input);
        let kept = all.iter().enumerate().filter(|(at, _)| (chosen >> (at % 64)) & 1 == 1);
        let listed: Listed = kept.map(|(_, key)| key.clone()).collect();
        prop_assume!(!listed.is_empty());
        let plan = picked(&input, &Selection::default(), Some(&listed), 1);
        let expected: Vec<CaseKey> = all.iter().filter(|key| listed.contains(key)).cloned().collect();
        prop_assert_eq!(keys(&plan, &input), expected);
        prop_assert_eq!(plan.lanes().iter().map(|lane| lane.len).sum::<u64>(), plan.len());
        for (lane, of) in (0..).zip(plan.lanes()) {
            let indexes: Vec<u64> = (0..of.len).map(|j| plan.index(lane, j).unwrap()).collect();
            prop_assert!(indexes.is_sorted());
            for (j, index) in (0..).zip(&indexes) {
                prop_assert_eq!(plan.lane(*index), Some((lane, j)));
                prop_assert_eq!(plan.case(*index).unwrap().provider, lane);
            }
            prop_assert_eq!(plan.index(lane, of.len), None);
        }
        prop_assert_eq!((plan.case(plan.len()), plan.lane(plan.len())), (None, None));
    }
}
