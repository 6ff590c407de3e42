//! Calls over HTTP, as the vendor sees them.

use anyhow::Result;
use arena_e2e::World;
use arena_harness::{Behaviour, Failing, Failure, FakeVendor};
use arena_model::Outcome;
use serde_json::json;

fn status(status: u16) -> Failure {
    Failure::Status { status, retry_after: Some("0".to_owned()), body: None }
}

#[test]
fn the_request_carries_what_the_bundle_says() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text("fine"))?;
    let mut world = World::new()?;
    world.bundle.openai("m", &vendor.url()).scenario("s", json!({}));
    world.bundle.spec["defaults"] = json!({"temperature": 0.25, "max_tokens": 77, "seed": 5});
    let record = world.run_one()?;
    let request = vendor.last_request();
    assert_eq!(request["model"], "m");
    assert_eq!(request["messages"][0], json!({"role": "system", "content": "You help."}));
    assert_eq!(request["messages"][1], json!({"role": "user", "content": "hello"}));
    assert_eq!(
        (&request["temperature"], &request["max_completion_tokens"], &request["seed"]),
        (&json!(0.25), &json!(77), &json!(5))
    );
    assert!(request.get("stream").is_none());
    assert_eq!(record.messages[2].content.text(), "fine");
    assert_eq!((vendor.calls(), record.measured.turns[0].attempts), (1, 1));
    assert_eq!(record.measured.ttft_ms, None);
    Ok(())
}

#[test]
fn later_turns_send_the_whole_conversation() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text("fine"))?;
    let mut world = World::new()?;
    let turns = json!([{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]);
    world.bundle.openai("m", &vendor.url()).scenario("s", json!({"turns": turns}));
    world.run_one()?;
    let roles: Vec<_> =
        vendor.last_request()["messages"].as_array().unwrap().iter().map(|m| m["role"].clone()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "user"]);
    Ok(())
}

#[test]
fn streams_only_where_the_scenario_or_turn_asks() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text("fine"))?;
    let turn =
        |streaming: serde_json::Value| json!({"turns": [{"role": "user", "content": "a", "streaming": streaming}]});
    for (scenario, streams) in [
        (json!({"streaming": true}), true),
        (turn(json!(true)), true),
        (json!({"streaming": true, "turns": turn(json!(false))["turns"]}), false),
        (json!({}), false),
    ] {
        let mut world = World::new()?;
        world.bundle.openai("m", &vendor.url()).scenario("s", scenario.clone());
        let record = world.run_one()?;
        assert_eq!(vendor.last_request()["stream"] == json!(true), streams, "{scenario}");
        assert_eq!(record.measured.ttft_ms.is_some(), streams, "{scenario}");
        assert_eq!(record.messages[2].content.text(), "fine");
    }
    Ok(())
}

#[test]
fn the_vendors_key_goes_to_the_vendor_alone() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::default())?;
    let mut world = World::new()?;
    world.set("OPENAI_API_KEY", "sk-vendor").set("MY_KEY", "sk-mine");
    world.bundle.openai("m", &vendor.url()).scenario("s", json!({}));
    world.run_one()?;
    assert_eq!(vendor.last_authorization(), None);
    world.bundle.spec["provider_specs"]["m"]["credential"] = json!({"credential_env": "MY_KEY"});
    world.arena(&["run", "bundle", "--out", "named"])?.code(0)?;
    assert_eq!(vendor.last_authorization().as_deref(), Some("Bearer sk-mine"));
    for entry in ["manifest.json", "summary.json", "report.html", "junit.xml"] {
        assert!(!std::fs::read_to_string(world.path("named").join(entry))?.contains("sk-mine"), "{entry}");
    }
    assert!(!world.arena(&["results", "export", "named"])?.out.contains("sk-mine"));
    Ok(())
}

#[test]
fn a_missing_key_is_an_error_of_that_providers_cases() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::default())?;
    let mut world = World::new()?;
    world.bundle.openai("a", &vendor.url()).openai("b", &vendor.url()).scenario("s", json!({}));
    world.bundle.spec["provider_specs"]["a"]["credential"] = json!({"credential_env": "NO_SUCH_KEY"});
    world.bundle.provider("c", json!({"type": "openai", "model": "m"}));
    let records = world.run(&[])?;
    for at in [0, 2] {
        assert_eq!((records[at].outcome, records[at].error.as_deref()), (Outcome::Error, Some("CredentialMissing")));
    }
    assert_eq!((records[1].outcome, vendor.calls()), (Outcome::Passed, 1));
    Ok(())
}

#[test]
fn what_passes_is_tried_again_and_counted() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text("fine").failing([Failing::first(2, status(500))]))?;
    let mut world = World::new()?;
    world.bundle.openai("m", &vendor.url()).scenario("s", json!({}));
    let record = world.run_one()?;
    assert_eq!((record.outcome, record.measured.turns[0].attempts, vendor.calls()), (Outcome::Passed, 3, 3));
    Ok(())
}

#[test]
fn what_is_refused_is_not_tried_again() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::default().failing([Failing::always(status(401))]))?;
    let mut world = World::new()?;
    world.bundle.openai("m", &vendor.url()).scenario("s", json!({}));
    let record = world.run_one()?;
    assert_eq!((record.error.as_deref(), vendor.calls()), (Some("CredentialRefused"), 1));
    assert_eq!(record.measured.turns[0].attempts, 1);
    Ok(())
}

#[test]
fn a_provider_that_is_down_leaves_the_other_alone() -> Result<()> {
    let up = FakeVendor::start(Behaviour::text("fine"))?;
    let down = FakeVendor::start(Behaviour::default().failing([Failing::always(status(503))]))?;
    let mut world = World::new()?;
    world.bundle.openai("down", &down.url()).openai("up", &up.url());
    let fine = json!({"type": "contains", "params": {"patterns": ["fine"]}});
    world.bundle.checks("s", json!([fine.clone()]));
    world.bundle.spec["scenario_specs"]["s"]["conversation_assertions"] = json!([fine]);
    let records = world.run(&[])?;
    assert_eq!((records[0].outcome, records[0].error.as_deref()), (Outcome::Error, Some("ProviderUnavailable")));
    assert_eq!(records[0].measured.turns[0].attempts, 6);
    // What was said, which is nothing, is judged; no turn is.
    let checks: Vec<_> = records[0].checks.iter().map(|check| (check.turn, check.outcome)).collect();
    assert_eq!(checks, [(None, Outcome::Failed), (Some(0), Outcome::NotRun)]);
    assert!(records[0].reason.as_ref().unwrap().starts_with("ProviderUnavailable: "));
    assert_eq!((records[1].outcome, up.calls()), (Outcome::Passed, 1));
    Ok(())
}

#[test]
fn a_case_ends_with_its_time() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::default().failing([Failing::always(Failure::Hang)]))?;
    let mut world = World::new()?;
    world.bundle.openai("m", &vendor.url()).scenario("s", json!({}));
    world.bundle.spec["defaults"]["run_timeout"] = json!("300ms");
    let record = world.run_one()?;
    assert_eq!((record.outcome, record.error.as_deref()), (Outcome::Error, Some("ProviderTimeout")));
    Ok(())
}

#[test]
fn tokens_and_costs_add_up() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text("fine"))?;
    let mut world = World::new()?;
    let turns = json!([{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]);
    world.bundle.openai("free", &vendor.url()).openai("paid", &vendor.url()).scenario("s", json!({"turns": turns}));
    world.bundle.spec["provider_specs"]["paid"]["pricing"] =
        json!({"input_cost_per_1k": 1.0, "output_cost_per_1k": 2.0});
    let records = world.run(&[])?;
    assert_eq!((records[0].cost_usd_micro, records[0].usage.input > 0), (None, true));
    let paid = &records[1];
    let replies: Vec<_> =
        paid.messages.iter().filter_map(|message| Some((message.usage?, message.cost_usd_micro?))).collect();
    assert_eq!(replies.len(), 2);
    assert_eq!(paid.usage.input, replies.iter().map(|(usage, _)| usage.input).sum::<u64>());
    assert_eq!(paid.usage.output, replies.iter().map(|(usage, _)| usage.output).sum::<u64>());
    assert_eq!(paid.cost_usd_micro, Some(1000 * paid.usage.input + 2000 * paid.usage.output));
    let summary: serde_json::Value = serde_json::from_slice(&std::fs::read(world.path("out/summary.json"))?)?;
    assert_eq!(summary["cost_usd_micro"].as_u64().or(summary["costUsdMicro"].as_u64()), None);
    assert_eq!(summary["providers"]["paid"]["cost_usd_micro"].as_u64(), paid.cost_usd_micro);
    Ok(())
}
