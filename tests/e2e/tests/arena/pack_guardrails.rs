//! Checks on guardrails that no prompt has.

use anyhow::Result;
use arena_e2e::World;
use arena_model::{Outcome, Scope};
use serde_json::json;

#[test]
fn a_check_on_a_guardrail_that_is_not_there_is_an_error_and_no_pass() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.spec["prompt_specs"]["p"]["validators"] =
        json!([{"type": "banned_words", "params": {"words": ["damn"]}}]);
    let check = |params: serde_json::Value| json!({"type": "guardrail_triggered", "params": params});
    world.bundle.says("m", "fine")?.checks(
        "s",
        json!([
            check(json!({"validator": "banned_words", "should_trigger": false})),
            check(json!({"validator_type": "banned_words"})),
            check(json!({"validator": "banned_wrods", "should_trigger": false})),
            {"type": "assertion", "params": {"eval_type": "guardrail_triggered",
                                             "eval_params": {"guardrail": "nothing", "should_trigger": false}}},
        ]),
    );
    let record = world.run_one()?;
    let own: Vec<_> = record.checks.iter().filter(|check| check.scope == Scope::Turn).collect();
    let outcomes: Vec<Outcome> = own.iter().map(|check| check.outcome).collect();
    assert_eq!(outcomes, [Outcome::Passed, Outcome::Failed, Outcome::Error, Outcome::Error]);
    assert_eq!(own[2].error.as_deref(), Some("BadParams"));
    let reason = own[2].reason.as_deref().unwrap_or_default();
    assert!(reason.contains("`banned_wrods`") && reason.ends_with("did you mean `banned_words`?"), "{reason}");
    let out = world.arena(&["validate", "bundle"])?.code(2)?.out;
    assert_eq!(out.matches("error[BadParams] check").count(), 2, "{out}");
    Ok(())
}

#[test]
fn validate_tries_guardrails_with_their_params() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?.scenario("s", json!({}));
    for (validator, part) in [
        (json!({"type": "nonsense", "params": {}}), "CheckUnknown"),
        (json!({"type": "max_length", "params": {"max": -1}}), "BadParams"),
    ] {
        world.bundle.spec["prompt_specs"]["p"]["validators"] = json!([validator]);
        let ran = world.arena(&["validate", "bundle"])?.code(2)?;
        assert!(ran.out.contains("error[GuardrailFailed]"), "{part}: {}", ran.out);
    }
    world.bundle.spec["prompt_specs"]["p"]["validators"] = json!([{"type": "max_length", "params": {"max": 9}}]);
    world.arena(&["validate", "bundle"])?.code(0)?;
    Ok(())
}
