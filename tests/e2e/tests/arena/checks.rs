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
        half(json!({"min_score": 50})),
        half(json!({"max_score": null})),
    ]))?;
    use Outcome::{Error, Failed, Passed};
    assert_eq!(outcomes(&checks), [Failed, Passed, Failed, Passed, Failed, Error, Error, Error]);
    let reason = |at: usize| checks[at].reason.as_deref().unwrap_or_default();
    assert!(reason(1).starts_with("score 0.5 reaches min_score 0.5: 1 of 2 patterns"), "{}", reason(1));
    assert!(reason(2).starts_with("score 0.5 is below min_score 0.51: "), "{}", reason(2));
    assert!(reason(6).contains("`min_score` is 50; give a number from 0 to 1"), "{}", reason(6));
    assert_eq!(checks[1].score, Some(0.5));
    assert_eq!(checks[1].params["min_score"], 0.5);
    assert!(checks[5..].iter().all(|check| check.error.as_deref() == Some("BadParams")), "{checks:?}");
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
        wrap(json!({"eval_type": "contains", "eval_params": {"patterns": ["fine", "none"], "min_score": 0.5}})),
        wrap(json!({"eval_type": "contains", "eval_params": {"patterns": ["fine"], "max_score": 0.5}})),
        wrap(json!({"eval_type": "contains", "eval_params": {"patterns": ["fine"], "min_score": 2}})),
        wrap(
            json!({"eval_type": "contains", "eval_params": {"patterns": ["fine"], "min_score": 0.1}, "min_score": 0.9})
        ),
    ]))?;
    use Outcome::{Error, Failed, Passed};
    assert_eq!(outcomes(&checks), [Passed, Passed, Failed, Error, Passed, Failed, Error, Error]);
    let bad = |check: &CheckRecord| check.error.as_deref() == Some("BadParams");
    assert!(bad(&checks[6]) && bad(&checks[7]), "{checks:?}");
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
    Ok(())
}

#[test]
fn a_case_of_skipped_checks_alone_is_no_pass() -> Result<()> {
    let contains = |text: &str| json!({"type": "contains", "params": {"patterns": [text]}});
    let mut skipped = contains("none");
    skipped["when"] = json!({"any_tool_called": true});
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?.checks("s", json!([skipped, skipped]));
    let ran = world.arena(&["run", "bundle", "--out", "alone"])?.code(4)?;
    assert!(ran.out.starts_with("no verdict (nothing was judged): 1 case = 0 passed + 0 failed + 0 error + 1 skipped"));
    let ran = ran.says("skipped s / m: no check applied; contains: `when` does not hold: any_tool_called true")?;
    assert!(!ran.out.contains("passed:"), "{}", ran.out);
    assert_eq!(world.records("alone")?[0].outcome, Outcome::Skipped);
    // One check that applies is a verdict, of the case and of the run.
    world.bundle.checks("t", json!([skipped, contains("fine")]));
    world.arena(&["run", "bundle", "--out", "both"])?.code(0)?.says("2 cases = 1 passed")?;
    let outcomes: Vec<_> = world.records("both")?.iter().map(|record| record.outcome).collect();
    assert_eq!(outcomes, [Outcome::Skipped, Outcome::Passed]);
    Ok(())
}

#[test]
fn a_case_in_which_nothing_is_said_is_no_pass_and_one_without_checks_is() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?.scenario("silent", json!({"turns": []}));
    world.arena(&["run", "bundle", "--out", "silent"])?.code(4)?.says("nothing was said: the scenario has no turns")?;
    // What breaks no rule because there is nothing is not kept, but what is broken counts.
    let check = |kind: &str| json!({"type": kind, "params": {"patterns": ["none"]}});
    for (kind, code) in [("content_excludes", 4), ("contains", 1)] {
        world.bundle.scenario("silent", json!({"turns": [], "conversation_assertions": [check(kind)]}));
        world.arena(&["run", "bundle", "--out", kind])?.code(code)?;
    }
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?.scenario("smoke", json!({}));
    let ran = world.arena(&["run", "bundle", "--out", "smoke"])?.code(0)?;
    assert!(ran.err.contains("[ChecksMissing] scenario `smoke` has no checks"), "{}", ran.err);
    Ok(())
}

#[test]
fn a_pattern_of_plain_words_costs_little() -> Result<()> {
    let regex = |pattern: &str| json!({"type": "regex", "params": {"pattern": pattern}});
    let reply = format!("{} Your order has shipped.", "Thank you for waiting so long. ".repeat(8));
    let mut world = World::new()?;
    let patterns = ["(?i)(order|status|shipped|arrive)", "(?i)your.*order"];
    world.bundle.says("m", &reply)?.checks("s", json!(patterns.map(regex)));
    let checks = world.run_one()?.checks;
    assert_eq!(outcomes(&checks), [Outcome::Passed, Outcome::Passed]);
    assert!(checks[0].fuel < 60_000, "{} fuel", checks[0].fuel);
    assert!(checks[1].fuel < 300_000, "{} fuel", checks[1].fuel);
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
    let (one, many) = (arena_results::RunView::open(&one)?, arena_results::RunView::open(&many)?);
    assert_eq!(arena_results::equal(&one, &many)?, Vec::<String>::new());
    Ok(())
}
