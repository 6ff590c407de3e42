//! From an assertion to its verdict.

use anyhow::Result;
use arena_e2e::World;
use arena_model::{CheckRecord, Outcome};
use serde_json::{Value, json};

/// What the checks say of the reply `fine day`.
fn judge(assertions: Value) -> Result<Vec<CheckRecord>> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine day")?.checks("s", assertions);
    Ok(world.run_one()?.checks)
}

fn outcomes(checks: &[CheckRecord]) -> Vec<Outcome> {
    checks.iter().map(|check| check.outcome).collect()
}

#[test]
fn the_users_threshold_wins() -> Result<()> {
    let half = |extra: Value| {
        let mut params = json!({"patterns": ["fine", "none"]});
        params.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        json!({"type": "contains", "params": params})
    };
    let checks = judge(json!([
        half(json!({})),
        half(json!({"min_score": 0.5})),
        half(json!({"min_score": 0.51})),
        half(json!({"max_score": 0.5})),
        half(json!({"max_score": 0.49})),
        half(json!({"min_score": "much"})),
    ]))?;
    use Outcome::{Error, Failed, Passed};
    assert_eq!(outcomes(&checks), [Failed, Passed, Failed, Passed, Failed, Error]);
    assert_eq!(checks[1].score, Some(0.5));
    assert_eq!(checks[1].params["min_score"], 0.5);
    assert_eq!(checks[5].error.as_deref(), Some("BadParams"));
    Ok(())
}

#[test]
fn the_wrapper_is_taken_off() -> Result<()> {
    let wrap = |params: Value| json!({"type": "assertion", "params": params});
    let inner = json!({"patterns": ["fine", "none"]});
    let checks = judge(json!([
        wrap(json!({"eval_type": "contains", "eval_params": {"patterns": ["fine"]}})),
        wrap(json!({"eval_type": "contains", "eval_params": inner.clone(), "min_score": 0.5})),
        wrap(json!({"eval_type": "contains", "eval_params": inner})),
        wrap(json!({"eval_params": {}})),
    ]))?;
    assert_eq!(outcomes(&checks), [Outcome::Passed, Outcome::Passed, Outcome::Failed, Outcome::Error]);
    assert_eq!(checks[0].kind, "assertion");
    assert_eq!(checks[0].evaluator.as_ref().unwrap().name, "text");
    assert!(checks[3].reason.as_ref().unwrap().contains("eval_type"));
    Ok(())
}

#[test]
fn a_condition_that_does_not_hold_skips_and_one_that_cannot_be_decided_is_an_error() -> Result<()> {
    let when = |when: Value| json!({"type": "contains", "params": {"patterns": ["none"]}, "when": when});
    let checks = judge(json!([when(json!({"any_tool_called": true})), when(json!({"any_tool_called": false}))]))?;
    assert_eq!(outcomes(&checks), [Outcome::Skipped, Outcome::Failed]);
    assert!(checks[0].reason.as_ref().unwrap().contains("any_tool_called"));
    assert_eq!((checks[0].fuel, checks[0].evaluator.clone()), (0, None));
    let mut world = World::new()?;
    world.bundle.says("m", "x")?.checks("s", json!([when(json!({"any_tool_called": true}))]));
    assert_eq!(world.run_one()?.outcome, Outcome::Passed);
    Ok(())
}

#[test]
fn an_unknown_check_is_its_own_error_and_says_what_was_meant() -> Result<()> {
    let mut world = World::new()?;
    let fine = json!({"type": "contains", "params": {"patterns": ["fine"]}});
    world.bundle.says("m", "fine")?.checks("s", json!([{"type": "contians"}, fine.clone(), {"type": "zebra_stripes"}]));
    world.bundle.checks("t", json!([fine]));
    let records = world.run(&[])?;
    let checks = &records[0].checks;
    assert_eq!(outcomes(checks), [Outcome::Error, Outcome::Passed, Outcome::Error]);
    assert_eq!(checks[0].error.as_deref(), Some("CheckUnknown"));
    assert!(checks[0].reason.as_ref().unwrap().contains("did you mean `contains`?"), "{checks:?}");
    assert!(!checks[2].reason.as_ref().unwrap().contains("did you mean"), "{checks:?}");
    assert_eq!((records[0].outcome, records[0].error.as_deref()), (Outcome::Error, Some("CheckError")));
    assert_eq!(records[1].outcome, Outcome::Passed);
    Ok(())
}

#[test]
fn the_record_holds_what_the_check_was_and_used() -> Result<()> {
    let checks = judge(json!([
        {"type": "content_includes", "params": {"patterns": ["none"]}, "message": "says it"},
        {"type": "is_valid_json", "params": {}},
    ]))?;
    let check = &checks[0];
    assert_eq!((check.kind.as_str(), check.message.as_deref()), ("content_includes", Some("says it")));
    assert_eq!(check.params, json!({"patterns": ["none"]}));
    assert!(check.fuel > 0 && check.memory_bytes > 0 && !check.reused);
    assert_eq!(checks[1].evaluator.as_ref().unwrap().name, "json");
    Ok(())
}

#[test]
fn the_same_work_gives_the_same_records() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?.says("n", "bad")?;
    world.bundle.checks("s", json!([{"type": "contains", "params": {"patterns": ["fine"]}}]));
    world.bundle.spec["scenario_specs"]["s"]["trials"] = json!(10);
    for (out, concurrency) in [("one", "1"), ("many", "16")] {
        world.arena(&["run", "bundle", "--out", out, "-j", concurrency])?.code(1)?;
    }
    let (one, many) = (world.path("one"), world.path("many"));
    let (one, many) = (arena_results::RunDir::open(&one)?, arena_results::RunDir::open(&many)?);
    assert_eq!(arena_results::equal(&one, &many)?, Vec::<String>::new());
    Ok(())
}
