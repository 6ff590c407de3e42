//! Repetitions of a test, and how many of them must pass.

use anyhow::Result;
use arena_e2e::World;
use arena_model::Outcome;
use serde_json::{Value, json};

/// Three trials of two turns; the mock says the right thing in the second trial's place only where `right` is asked.
fn world(threshold: Value, trials: u32) -> Result<World> {
    let mut world = World::new()?;
    world.bundle.says("m", "yes")?;
    let mut check = json!({"type": "contains", "params": {"patterns": ["no"]}});
    if !threshold.is_null() {
        check["pass_threshold"] = threshold;
    }
    let later = json!({"type": "contains", "params": {"patterns": ["yes"]}});
    let turns = json!([
        {"role": "user", "content": "hello", "assertions": [check]},
        {"role": "user", "content": "again", "assertions": [later]},
    ]);
    world.bundle.scenario("s", json!({"trials": trials, "turns": turns}));
    Ok(world)
}

#[test]
fn a_check_with_a_threshold_stops_no_conversation_and_fails_by_its_share() -> Result<()> {
    let short = world(json!(0.5), 3)?;
    let ran = short.arena(&["run", "bundle", "--out", "out"])?.code(1)?;
    ran.says("threshold short s / m turn 0 contains: 0 of 3 trials, least 0.5")?;
    for record in short.records("out")? {
        let outcomes: Vec<_> = record.checks.iter().map(|check| (check.outcome, check.pass_threshold)).collect();
        assert_eq!(outcomes, [(Outcome::Failed, Some(0.5)), (Outcome::Passed, None)]);
        assert_eq!(record.outcome, Outcome::Failed, "each trial says what happened in it");
    }
    let met = world(json!(0), 3)?;
    met.arena(&["run", "bundle", "--out", "out"])?.code(0)?.says("threshold met s / m turn 0 contains: 0 of 3")?;
    Ok(())
}

#[test]
fn without_a_threshold_or_with_one_trial_a_failed_turn_is_the_end() -> Result<()> {
    for world in [world(Value::Null, 3)?, world(json!(0), 1)?] {
        let records = world.run(&[])?;
        assert!(records.iter().all(|record| record.checks[1].outcome == Outcome::NotRun));
        world.arena(&["run", "bundle", "--out", "again"])?.code(1)?;
    }
    Ok(())
}

#[test]
fn each_combination_of_words_is_a_case_of_its_own() -> Result<()> {
    let mut world = World::new()?;
    let replies = json!({"scenarios": {"s": {"turns": {"1": "a"}}}, "defaultResponse": "a"});
    world.bundle.mock("m", &replies)?;
    let check = json!({"type": "contains", "params": {"patterns": ["a"]}});
    let turns = json!([{"role": "user", "content": "{greeting}, {who}!", "assertions": [check],
        "perturbations": {"who": ["you", "all"], "greeting": ["Hi"]}}]);
    world.bundle.scenario("s", json!({"turns": turns, "trials": 2}));
    let records = world.run(&[])?;
    let found: Vec<_> = records
        .iter()
        .map(|record| {
            (
                record.variant.as_deref().unwrap_or_default(),
                record.trial,
                record.messages[1].content.text().into_owned(),
            )
        })
        .collect();
    let said = |variant, trial, text: &str| (variant, trial, text.to_owned());
    assert_eq!(
        found,
        [
            said("greeting=Hi,who=you", 0, "Hi, you!"),
            said("greeting=Hi,who=you", 1, "Hi, you!"),
            said("greeting=Hi,who=all", 0, "Hi, all!"),
            said("greeting=Hi,who=all", 1, "Hi, all!"),
        ]
    );
    let inputs: std::collections::BTreeSet<_> = records.iter().map(|record| record.input.as_str()).collect();
    assert_eq!(inputs.len(), 2, "variants are other inputs, trials are not");
    Ok(())
}

#[test]
fn too_many_variants_and_empty_ones_are_bad_input() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "a")?;
    let many: Vec<String> = (0..101).map(|number| number.to_string()).collect();
    for (values, reason) in
        [(json!({"a": many, "b": many}), "TooManyVariants"), (json!({"a": []}), "PerturbationEmpty")]
    {
        world.bundle.scenario("s", json!({"turns": [{"role": "user", "content": "{a}", "perturbations": values}]}));
        world.arena(&["validate", "bundle"])?.code(2)?.says(reason)?;
    }
    Ok(())
}

#[test]
fn trials_of_one_test_stand_next_to_each_other() -> Result<()> {
    let mut world = world(Value::Null, 3)?;
    world.bundle.says("n", "yes")?;
    let found: Vec<_> = world.run(&[])?.into_iter().map(|record| (record.provider, record.trial)).collect();
    let wanted = ["m", "n"].into_iter().flat_map(|id| (0..3).map(move |trial| (id.to_owned(), trial)));
    assert_eq!(found, wanted.collect::<Vec<_>>());
    Ok(())
}
