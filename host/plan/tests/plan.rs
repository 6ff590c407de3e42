//! The plan by its public face: order, inverses, limits, digest.

use arena_model::Fault;
use arena_plan::{CaseRef, Plan, PlanError, PlanInput, PlanScenario};
use proptest::prelude::*;

fn scenario(id: &str, providers: &[u32], trials: u32, rows: Option<u64>, variants: Option<u32>) -> PlanScenario {
    let names = |count: u32| (0..count).map(|number| number.to_string()).collect();
    PlanScenario { id: id.into(), providers: providers.to_vec(), trials, rows, variants: variants.map(names) }
}

fn input(scenarios: Vec<PlanScenario>) -> PlanInput {
    let regions = vec![None, Some("eu".into())];
    PlanInput { scenarios, providers: vec!["a".into(), "b".into(), "c".into()], regions, cap: 1000 }
}

/// All cases by nested loops, the order the design fixes.
fn naive(input: &PlanInput) -> Vec<CaseRef> {
    let mut cases = vec![];
    for (number, scenario) in input.scenarios.iter().enumerate() {
        for region in 0..input.regions.len() as u32 {
            for &provider in &scenario.providers {
                for row in 0..scenario.rows.unwrap_or(1) {
                    for variant in 0..scenario.variants.as_ref().map_or(1, |names| names.len() as u32) {
                        for trial in 0..scenario.trials {
                            cases.push(CaseRef {
                                index: cases.len() as u64,
                                scenario: number as u32,
                                provider,
                                region,
                                trial,
                                row: scenario.rows.map(|_| row),
                                variant: scenario.variants.as_ref().map(|_| variant),
                            });
                        }
                    }
                }
            }
        }
    }
    cases
}

fn inputs() -> impl Strategy<Value = PlanInput> {
    let dimensions = (
        proptest::sample::subsequence(vec![0u32, 1, 2], 1..=3).prop_shuffle(),
        1..4u32,
        proptest::option::of(1..5u64),
        proptest::option::of(1..4u32),
    );
    (proptest::collection::vec(dimensions, 1..6), 1..4usize).prop_map(|(scenarios, regions)| PlanInput {
        scenarios: scenarios
            .into_iter()
            .enumerate()
            .map(|(number, (providers, trials, rows, variants))| {
                scenario(&format!("s{number}"), &providers, trials, rows, variants)
            })
            .collect(),
        providers: vec!["a".into(), "b".into(), "c".into()],
        regions: [None, Some("eu".to_owned()), Some("us".to_owned())][..regions].to_vec(),
        cap: 1_000_000,
    })
}

proptest! {
    #[test]
    fn cases_equal_the_nested_loops(input in inputs()) {
        let (plan, naive) = (Plan::new(&input).unwrap(), naive(&input));
        prop_assert_eq!(plan.len(), naive.len() as u64);
        for case in &naive {
            prop_assert_eq!(plan.case(case.index), Some(*case));
        }
        prop_assert_eq!(plan.case(plan.len()), None);
    }

    #[test]
    fn lane_and_index_are_inverse_and_lanes_keep_plan_order(input in inputs()) {
        let plan = Plan::new(&input).unwrap();
        let mut next = vec![0; plan.lanes().len()];
        for index in 0..plan.len() {
            let (lane, j) = plan.lane(index).unwrap();
            prop_assert_eq!(lane, plan.case(index).unwrap().provider);
            prop_assert_eq!(j, next[lane as usize]);
            next[lane as usize] += 1;
            prop_assert_eq!(plan.index(lane, j), Some(index));
        }
        for (lane, length) in next.into_iter().enumerate() {
            prop_assert_eq!(plan.lanes()[lane].len, length);
            prop_assert_eq!(plan.index(lane as u32, length), None);
        }
        prop_assert_eq!(plan.lane(plan.len()), None);
        prop_assert_eq!(plan.index(3, 0), None);
    }
}

#[test]
fn the_first_dimension_runs_slowest() {
    let plan = Plan::new(&input(vec![scenario("x", &[1, 0], 2, Some(2), None)])).unwrap();
    let case = plan.case(0).unwrap();
    assert_eq!((case.region, case.provider, case.trial, case.row, case.variant), (0, 1, 0, Some(0), None));
    let case = plan.case(plan.len() - 1).unwrap();
    assert_eq!((case.region, case.provider, case.trial, case.row, case.variant), (1, 0, 1, Some(1), None));
    assert_eq!(plan.lanes()[2].len, 0);
}

#[test]
fn the_cap_itself_is_allowed_and_one_more_says_by_how_much() {
    let mut input = input(vec![scenario("x", &[0], 3, Some(2), Some(2))]);
    input.cap = 24;
    assert_eq!(Plan::new(&input).unwrap().len(), 24);
    input.cap = 23;
    let error = Plan::new(&input).unwrap_err();
    assert_eq!(error, PlanError::PlanTooLarge { cases: 24, cap: 23, over: 1 });
    assert_eq!(error.reason(), "PlanTooLarge");
    assert!(error.to_string().starts_with("the plan has 24 cases, 1 more than the cap of 23"));
}

#[test]
fn a_product_past_64_bits_is_too_large_too() {
    let input = input(vec![scenario("x", &[0], u32::MAX, Some(u64::MAX), Some(3))]);
    assert!(matches!(Plan::new(&input), Err(PlanError::PlanTooLarge { cases, .. }) if cases > u128::from(u64::MAX)));
}

#[test]
fn empty_and_ambiguous_input_is_refused() {
    let reason = |input: &PlanInput| Plan::new(input).unwrap_err().reason();
    assert_eq!(reason(&input(vec![])), "NothingSelected");
    assert_eq!(reason(&input(vec![scenario("x", &[], 1, None, None)])), "PlanDimensionEmpty");
    assert_eq!(reason(&input(vec![scenario("x", &[0], 0, None, None)])), "PlanDimensionEmpty");
    assert_eq!(reason(&input(vec![scenario("x", &[0], 1, Some(0), None)])), "PlanDimensionEmpty");
    assert_eq!(reason(&input(vec![scenario("x", &[0], 1, None, Some(0))])), "PlanDimensionEmpty");
    assert_eq!(reason(&input(vec![scenario("x", &[3], 1, None, None)])), "PlanProviderIndexInvalid");
    assert_eq!(reason(&input(vec![scenario("x", &[1, 1], 1, None, None)])), "PlanDuplicate");
    let one = || scenario("x", &[0], 1, None, None);
    assert_eq!(reason(&input(vec![one(), one()])), "PlanDuplicate");
    let mut regions = input(vec![one()]);
    regions.regions = vec![None, None];
    assert_eq!(reason(&regions), "PlanDuplicate");
    regions.regions = vec![];
    assert_eq!(Plan::new(&regions).unwrap_err().to_string(), "plan: regions is 0; it must be at least 1");
}

#[test]
fn the_digest_follows_the_cases_and_nothing_else() {
    let base = input(vec![scenario("x", &[0, 1], 2, Some(3), None), scenario("y", &[2], 1, None, None)]);
    let digest = |input: &PlanInput| Plan::new(input).unwrap().digest().clone();
    let changes: [fn(&mut PlanInput); 8] = [
        |input| input.scenarios[0].trials = 3,
        |input| input.scenarios[0].rows = Some(4),
        |input| input.scenarios[1].rows = Some(1),
        |input| input.scenarios[1].variants = Some(vec!["v".to_owned()]),
        |input| input.scenarios[0].providers = vec![1, 0],
        |input| input.scenarios[1].id = "z".into(),
        |input| input.regions[1] = Some("us".into()),
        |input| input.providers[0] = "d".into(),
    ];
    for change in changes {
        let mut changed = base.clone();
        change(&mut changed);
        assert_ne!(digest(&base), digest(&changed), "{changed:?}");
    }
    let mut unselected = base.clone();
    unselected.providers.push("unused".into());
    unselected.cap += 1;
    assert_eq!(digest(&base), digest(&unselected));
}
