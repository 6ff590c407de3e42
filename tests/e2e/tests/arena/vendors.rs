//! Vendors of all kinds, as a bundle names them; and what is taken from earlier runs.

use std::fs;

use anyhow::Result;
use arena_e2e::World;
use arena_harness::{Behaviour, Failing, Failure, FakeVendor, Reply, ScriptLine};
use arena_model::Outcome;
use serde_json::json;

fn status(status: u16) -> Failure {
    Failure::Status { status, retry_after: Some("0".to_owned()), body: None }
}

fn weather() -> Result<Behaviour> {
    let line = ScriptLine {
        pattern: "weather".parse()?,
        text: String::new(),
        tool_calls: vec![("get_weather".into(), r#"{"city":"Paris"}"#.into())],
        after_tool: Some("It is sunny in Paris.".into()),
    };
    Ok(Behaviour { reply: Reply::Script(vec![line]), ..Behaviour::default() })
}

#[test]
fn a_tool_loop_runs_with_every_vendor() -> Result<()> {
    let clouds = json!({"type": "bedrock", "region": "eu-west-1"});
    for (kind, platform, below) in [
        ("openai", None, "/v1"),
        ("claude", None, ""),
        ("gemini", None, ""),
        ("ollama", None, ""),
        ("claude", Some(&clouds), ""),
    ] {
        let vendor = FakeVendor::start(weather()?)?;
        let mut world = World::new()?;
        let mut spec = json!({"type": kind, "model": "m", "base_url": format!("{}{below}", vendor.base())});
        if let Some(platform) = platform {
            spec["platform"] = platform.clone();
        }
        let tool = json!({"name": "get_weather", "description": "d", "mode": "mock", "mock_result": {"sky": "sunny"},
            "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
            "output_schema": {"type": "object"}});
        world.bundle.spec["tool_specs"] = json!({ "get_weather": tool });
        world.bundle.spec["prompt_specs"]["p"]["allowed_tools"] = json!(["get_weather"]);
        let checks = json!([
            {"type": "tools_called", "params": {"tools": ["get_weather"]}},
            {"type": "contains", "params": {"patterns": ["sunny in Paris"]}},
        ]);
        let turn = json!({"role": "user", "content": "What is the weather?", "assertions": checks});
        world.bundle.provider("m", spec).scenario("s", json!({"turns": [turn]}));
        let record = world.run_one()?;
        assert_eq!((record.outcome, vendor.calls()), (Outcome::Passed, 2), "{kind}: {record:?}");
    }
    Ok(())
}

#[test]
fn pictures_of_the_bundle_reach_the_model_and_records_keep_their_path() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text("a cat"))?;
    let mut world = World::new()?;
    let parts = json!([{"type": "text", "text": "What is it?"},
        {"type": "image", "media": {"file_path": "cat.png", "mime_type": "image/png"}}]);
    let turns = json!([{"role": "user", "parts": parts}]);
    world.bundle.openai("m", &vendor.url()).scenario("s", json!({"turns": turns})).file("cat.png", "MEOW")?;
    let record = world.run_one()?;
    assert_eq!(record.outcome, Outcome::Passed, "{record:?}");
    assert!(vendor.last_request().to_string().contains("data:image/png;base64,TUVPVw=="), "{}", vendor.last_request());
    let kept = serde_json::to_string(&record)?;
    assert!(kept.contains("cat.png") && !kept.contains("TUVPVw"), "{kept}");
    Ok(())
}

#[test]
fn kept_answers_take_the_place_of_calls() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text("fine"))?;
    let mut world = World::new()?;
    let own = world.path("cache").display().to_string();
    world.set("ARENA_CACHE", &own).bundle.openai("m", &vendor.url()).scenario("s", json!({"trials": 3}));
    let run = |out: &str, mode: &str| -> Result<Vec<arena_model::Record>> {
        world.arena(&["run", "bundle", "--out", out, "--cache", mode, "-q"])?.code(0)?;
        world.records(out)
    };
    world.bundle.write()?;
    let first = run("first", "write")?;
    assert_eq!((first.len(), vendor.calls()), (3, 3), "each trial is a call of its own");
    assert!(first.iter().all(|record| !record.measured.cached));
    let second = run("second", "read")?;
    assert_eq!(vendor.calls(), 3);
    assert!(second.iter().all(|record| record.measured.cached && record.measured.turns[0].attempts == 0));
    let again = world.arena(&["run", "--resume", "second"])?.code(0)?;
    again.says("3 cases had kept answers")?;
    let summary = fs::read(world.path("second/summary.json"))?;
    let measured = &serde_json::from_slice::<serde_json::Value>(&summary)?["measured"];
    assert_eq!((&measured["cached"], &measured["latency_ms"]), (&json!(3), &json!({})), "a file's speed is no model's");
    for (one, other) in first.iter().zip(&second) {
        assert_eq!(
            (&one.messages, one.cost_usd_micro, one.usage),
            (&other.messages, other.cost_usd_micro, other.usage)
        );
    }
    run("third", "off")?;
    assert_eq!(vendor.calls(), 6);
    world.arena(&["cache", "info"])?.code(0)?.says("3 answers")?;
    world.arena(&["cache", "prune", "--older-than", "0"])?.code(0)?.says("removed 3 answers")?;
    run("fourth", "read")?;
    assert_eq!(vendor.calls(), 9, "what was removed is asked for again, and read keeps nothing");
    run("fifth", "read")?;
    assert_eq!(vendor.calls(), 12);
    Ok(())
}

#[test]
fn errors_are_never_kept() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text("fine").failing([Failing::first(1, status(400))]))?;
    let mut world = World::new()?;
    world.bundle.openai("m", &vendor.url()).scenario("s", json!({}));
    world.bundle.write()?;
    world.arena(&["run", "bundle", "--out", "first", "--cache", "write", "-q"])?.code(1)?;
    assert_eq!(world.records("first")?[0].error.as_deref(), Some("RequestRefused"));
    world.arena(&["run", "bundle", "--out", "second", "--cache", "write", "-q"])?.code(0)?;
    assert_eq!(vendor.calls(), 2);
    Ok(())
}

#[test]
fn retries_stand_in_the_record_and_can_be_switched_off() -> Result<()> {
    for (config, outcome, calls) in [(json!({}), Outcome::Passed, 3), (json!({"retries": "off"}), Outcome::Error, 1)] {
        let vendor = FakeVendor::start(Behaviour::text("fine").failing([Failing::first(2, status(503))]))?;
        let mut world = World::new()?;
        world.bundle.openai("m", &vendor.url()).scenario("s", json!({}));
        world.bundle.spec["provider_specs"]["m"]["additional_config"] = config;
        let record = world.run_one()?;
        assert_eq!((record.outcome, vendor.calls()), (outcome, calls));
        let retried = &record.measured.turns[0].retried;
        assert_eq!(retried.len() as u64, calls - 1);
        assert!(retried.iter().all(|reason| reason == "ProviderUnavailable"));
    }
    Ok(())
}

#[test]
fn a_refused_key_costs_a_handful_of_calls() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::default().failing([Failing::always(status(401))]))?;
    let mut world = World::new()?;
    world.bundle.openai("m", &vendor.url()).scenario("s", json!({"trials": 40}));
    let records = world.run(&["-j", "1"])?;
    let of = |reason: &str| records.iter().filter(|record| record.error.as_deref() == Some(reason)).count();
    assert_eq!((of("CredentialRefused"), of("CircuitOpen"), vendor.calls()), (5, 35, 5));
    Ok(())
}

#[test]
fn limits_of_a_provider_hold_and_a_bad_one_is_told() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text("fine"))?;
    let mut world = World::new()?;
    world.bundle.openai("m", &vendor.url()).scenario("s", json!({"trials": 4}));
    world.bundle.spec["provider_specs"]["m"]["additional_config"] = json!({"limits": {"requests_per_minute": 600}});
    let records = world.run(&["-j", "4"])?;
    assert!(records.iter().all(|record| record.outcome == Outcome::Passed));
    let times = vendor.request_times();
    let span = times.iter().max().zip(times.iter().min()).map(|(last, first)| *last - *first).unwrap_or_default();
    assert!(span >= std::time::Duration::from_millis(250), "four requests at 600 a minute take 0.3 s: {span:?}");
    world.bundle.spec["provider_specs"]["m"]["additional_config"] = json!({"limits": {"requests_per_minute": 0}});
    world.bundle.write()?;
    world.arena(&["validate", "bundle"])?.code(2)?.says("ValueOutOfRange")?;
    Ok(())
}

#[test]
fn what_was_said_once_is_said_again() -> Result<()> {
    let mut world = World::new()?;
    let session = json!({"events": [
        {"type": "message.created", "data": {"role": "user", "content": "one?"}},
        {"type": "message.created", "data": {"role": "assistant", "content": "It is one."}},
        {"type": "message.created", "data": {"role": "user", "content": "two?"}},
        {"type": "message.created", "data": {"role": "assistant", "content": "It is two."}},
    ]});
    world.bundle.file("session.json", &session.to_string())?;
    let turn = |content: &str, word: &str| {
        let checks = json!([{"type": "contains", "params": {"patterns": [word]}}]);
        json!({"role": "user", "content": content, "assertions": checks})
    };
    let turns = json!([turn("one?", "one"), turn("two?", "two")]);
    let replay = json!({"type": "replay", "model": "m", "additional_config": {"recording": "session.json"}});
    world.bundle.provider("m", replay).scenario("s", json!({"turns": turns, "trials": 2}));
    let records = world.run(&["-j", "2"])?;
    assert!(records.iter().all(|record| record.outcome == Outcome::Passed), "{records:?}");
    let long = json!([turn("one?", "one"), turn("two?", "two"), turn("three?", "three")]);
    world.bundle.scenario("s", json!({"turns": long, "trials": 1}));
    let out = world.arena(&["run", "bundle", "--out", "long", "-q"])?.code(1)?;
    assert_eq!(world.records("long")?[0].error.as_deref(), Some("ReplayExhausted"), "{}", out.all());
    world.bundle.file("session.json", "{}")?;
    world.arena(&["validate", "bundle"])?.code(2)?.says("ReplayInvalid")?;
    Ok(())
}
