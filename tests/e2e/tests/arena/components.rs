//! Components a bundle brings: checks, template engines, limits, grants, and what goes wrong with them.

use std::fs;

use anyhow::Result;
use arena_e2e::{World, component, example, hostile};
use arena_model::{Outcome, Record};
use serde_json::{Value, json};

/// A world with a check that is fine and one of `kind`, judged first.
fn world(kind: &str, params: Value) -> Result<World> {
    let mut world = World::new()?;
    let fine = json!({"type": "contains", "params": {"patterns": ["fine"]}});
    world.bundle.says("m", "fine")?.checks("s", json!([{"type": kind, "params": params}, fine]));
    Ok(world)
}

/// Fails unless the first check is this error and the second passed.
fn only_its_own(record: &Record, error: &str) {
    let first = &record.checks[0];
    assert_eq!((first.outcome, first.error.as_deref()), (Outcome::Error, Some(error)), "{first:?}");
    assert!(first.reason.as_ref().unwrap().starts_with(error), "{first:?}");
    assert_eq!(record.checks[1].outcome, Outcome::Passed);
}

#[test]
fn a_bundles_evaluator_judges() -> Result<()> {
    let mut world = world("no_apology_loop", json!({"max": 0}))?;
    world.bundle.says("m", "I am sorry, fine")?;
    world.bundle.evaluator("polite", &example("quickstart/evaluators/polite-evaluator.wasm")?, json!({}))?;
    let record = world.run_one()?;
    let check = &record.checks[0];
    assert_eq!((check.outcome, check.score), (Outcome::Failed, Some(0.0)));
    assert_eq!(check.evaluator.as_ref().unwrap().name, "polite");
    let evidence = &check.evidence[0];
    let text = record.messages[evidence.message as usize].content.text().into_owned();
    assert_eq!(&text[evidence.start as usize..evidence.end as usize], "sorry");
    Ok(())
}

#[test]
fn two_components_cannot_share_a_check_type() -> Result<()> {
    let mut world = world("contains", json!({"patterns": ["fine"]}))?;
    world.bundle.evaluator("mine", &component("text")?, json!({}))?;
    let ran = world.arena(&["run", "bundle", "--out", "out"])?.code(2)?.says("error[CheckTypeTaken]")?;
    assert!(ran.err.contains("`text` (standard library)") && ran.err.contains("`mine`"), "{}", ran.err);
    world.arena(&["validate", "bundle"])?.code(2)?.says("error[CheckTypeTaken]")?;
    Ok(())
}

#[test]
fn an_entry_of_a_standard_name_replaces_that_component() -> Result<()> {
    let mut world = world("trap", json!({"kind": "none"}))?;
    world.bundle.evaluator("text", &hostile("trap")?, json!({}))?;
    let record = world.run_one()?;
    assert_eq!(record.checks[0].outcome, Outcome::Passed);
    assert_eq!(record.checks[1].error.as_deref(), Some("CheckUnknown"));
    Ok(())
}

#[test]
fn an_entrys_limits_hold() -> Result<()> {
    let looping = hostile("infinite-loop")?;
    let mut tight = world("infinite-loop", json!({"amount": 10_000}))?;
    tight.bundle.evaluator("loop", &looping, json!({"limits": {"fuel": 1000}}))?;
    only_its_own(&tight.run_one()?, "FuelExhausted");
    let mut wide = world("infinite-loop", json!({"amount": 10_000}))?;
    wide.bundle.evaluator("loop", &looping, json!({"limits": {"fuel": 10_000_000}}))?;
    assert_eq!(wide.run_one()?.outcome, Outcome::Passed);
    assert_eq!(wide.manifest("out")?.work.evaluators["loop"].limits["fuel"], 10_000_000);
    Ok(())
}

#[test]
fn a_limit_that_cannot_be_is_bad_input() -> Result<()> {
    for limits in [json!({"fuel": 0}), json!({"speed": 1}), json!({"fuel": "much"})] {
        let mut world = world("trap", json!({"kind": "none"}))?;
        world.bundle.evaluator("trap", &hostile("trap")?, json!({"limits": limits}))?;
        world.arena(&["run", "bundle", "--out", "out"])?.code(2)?.says("LimitInvalid")?;
    }
    Ok(())
}

#[test]
fn without_its_grant_only_that_components_checks_are_errors() -> Result<()> {
    let mut denied = world("judge-flood", json!({"amount": 0}))?;
    denied.bundle.evaluator("flood", &hostile("judge-flood")?, json!({}))?;
    only_its_own(&denied.run_one()?, "CapabilityDenied");
    let mut granted = world("judge-flood", json!({"amount": 0}))?;
    granted.bundle.evaluator("flood", &hostile("judge-flood")?, json!({"grants": ["judge"]}))?;
    assert_eq!(granted.run_one()?.outcome, Outcome::Passed);
    assert_eq!(granted.manifest("out")?.work.evaluators["flood"].grants, ["judge"]);
    Ok(())
}

#[test]
fn an_unknown_grant_is_bad_input() -> Result<()> {
    let mut world = world("trap", json!({"kind": "none"}))?;
    world.bundle.evaluator("trap", &hostile("trap")?, json!({"grants": ["http"]}))?;
    world.arena(&["run", "bundle", "--out", "out"])?.code(2)?.says("error[CapabilityUnknown]")?.says("http")?;
    Ok(())
}

#[test]
fn a_broken_component_fails_its_own_checks() -> Result<()> {
    let mut world = world("broken", json!({}))?;
    let whole = fs::read(hostile("trap")?)?;
    fs::write(world.path("half.wasm"), &whole[..whole.len() / 2])?;
    let half = world.path("half.wasm");
    world.bundle.evaluator("broken", &half, json!({}))?;
    only_its_own(&world.run_one()?, "InvalidWasm");
    world.arena(&["validate", "bundle"])?.code(2)?.says("error[InvalidWasm]")?;
    Ok(())
}

#[test]
fn a_component_of_another_world_fails_its_own_checks() -> Result<()> {
    let mut world = world("wrong-world", json!({}))?;
    world.bundle.evaluator("wrong-world", &hostile("wrong-world")?, json!({}))?;
    only_its_own(&world.run_one()?, "ContractMismatch");
    Ok(())
}

#[test]
fn a_trap_is_an_error_and_the_next_check_runs() -> Result<()> {
    let mut world = world("trap", json!({"kind": "panic"}))?;
    world.bundle.evaluator("trap", &hostile("trap")?, json!({}))?;
    only_its_own(&world.run_one()?, "GuestTrap");
    Ok(())
}

#[test]
fn not_applicable_is_skipped_and_not_a_failure() -> Result<()> {
    let mut world = world("retryable", json!({"error": "not-applicable"}))?;
    world.bundle.evaluator("retryable", &hostile("retryable")?, json!({}))?;
    let record = world.run_one()?;
    assert_eq!((record.outcome, record.checks[0].outcome), (Outcome::Passed, Outcome::Skipped));
    Ok(())
}

#[test]
fn a_bundles_template_engine_renders() -> Result<()> {
    let mut world = world("contains", json!({"patterns": ["fine"]}))?;
    fs::copy(component("template")?, world.bundle.path().join("engine.wasm"))?;
    world.bundle.spec["template"] = json!({"component": "engine.wasm"});
    assert_eq!(world.run_one()?.outcome, Outcome::Passed);
    // An evaluator is no template engine.
    fs::copy(hostile("trap")?, world.bundle.path().join("engine.wasm"))?;
    world.arena(&["run", "bundle", "--out", "other", "-q"])?.code(1)?;
    let record = &world.records("other")?[0];
    assert_eq!((record.outcome, record.error.as_deref()), (Outcome::Error, Some("ContractMismatch")));
    Ok(())
}
