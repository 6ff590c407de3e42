//! Checks that are not to hold, and groups of checks.

use anyhow::Result;
use arena_e2e::World;
use arena_model::Outcome;
use serde_json::{Value, json};

use Outcome::{Error, Failed, Passed, Skipped};

fn contains(word: &str) -> Value {
    json!({"type": "contains", "params": {"patterns": [word]}})
}

/// The check with more keys.
fn with(mut check: Value, more: Value) -> Value {
    check.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    check
}

fn not(check: Value) -> Value {
    with(check, json!({"negate": true}))
}

fn group(kind: &str, checks: Value) -> Value {
    json!({"type": kind, "checks": checks})
}

/// How these end over the reply `fine day`.
fn outcomes(assertions: Value) -> Result<Vec<(Outcome, Option<f64>)>> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine day")?.checks("s", assertions);
    Ok(world.run_one()?.checks.iter().map(|check| (check.outcome, check.score)).collect())
}

#[test]
fn a_negated_check_turns_over_and_never_makes_a_pass_of_an_error() -> Result<()> {
    let half = json!({"type": "contains", "params": {"patterns": ["fine", "none"], "min_score": 0.5}});
    let checks = json!([
        not(contains("none")),
        not(contains("fine")),
        not(half),
        not(json!({"type": "contains", "params": {}})),
        not(with(contains("none"), json!({"when": {"any_tool_called": true}}))),
    ]);
    let expected = [(Passed, Some(1.0)), (Failed, Some(0.0)), (Failed, Some(0.5)), (Error, None), (Skipped, None)];
    assert_eq!(outcomes(checks)?, expected);
    Ok(())
}

#[test]
fn groups_pass_by_all_or_any_of_their_checks() -> Result<()> {
    let broken = json!({"type": "contains", "params": {}});
    let absent = with(contains("fine"), json!({"when": {"any_tool_called": true}}));
    let checks = json!([
        group("all_of", json!([contains("fine"), contains("day"), not(contains("night"))])),
        group("all_of", json!([contains("fine"), contains("night")])),
        group("any_of", json!([contains("night"), contains("day")])),
        group("any_of", json!([contains("night"), contains("dusk")])),
        group("all_of", json!([contains("fine"), absent])),
        group("all_of", json!([absent])),
        group("all_of", json!([contains("fine"), broken])),
        group("any_of", json!([contains("night"), broken])),
        group("any_of", json!([contains("fine"), broken])),
        not(group("any_of", json!([contains("night"), contains("dusk")]))),
    ]);
    let outcomes: Vec<_> = outcomes(checks)?.into_iter().map(|(outcome, _)| outcome).collect();
    assert_eq!(outcomes, [Passed, Failed, Passed, Failed, Passed, Skipped, Error, Error, Passed, Passed]);
    Ok(())
}

#[test]
fn weights_count_where_a_group_has_a_threshold() -> Result<()> {
    let weighed = |min: f64| {
        let checks = json!([with(contains("fine"), json!({"weight": 3})), contains("night")]);
        with(group("all_of", checks), json!({"params": {"min_score": min}}))
    };
    assert_eq!(outcomes(json!([weighed(0.75), weighed(0.8)]))?, [(Passed, Some(0.75)), (Failed, Some(0.75))]);

    let mut world = World::new()?;
    world.bundle.says("m", "fine")?;
    for (wrong, why) in [
        (json!({"type": "all_of"}), "a group `all_of` needs `checks`"),
        (with(contains("x"), json!({"checks": [contains("y")]})), "is a single check and has no `checks`"),
        (group("all_of", json!([with(contains("x"), json!({"weight": 0}))])), "counts for nothing"),
        (group("all_of", json!([group("any_of", json!([contains("x")]))])), "unknown key `checks`"),
    ] {
        world.bundle.checks("s", json!([wrong]));
        world.arena(&["validate", "bundle"])?.code(2)?.says(why)?;
    }
    world.bundle.checks("s", json!([group("all_of", json!([{"type": "containz"}]))]));
    world.arena(&["validate", "bundle"])?.code(2)?.says("error[CheckUnknown]")?;
    Ok(())
}
