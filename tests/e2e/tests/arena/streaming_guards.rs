//! Guardrails that watch a reply come in.

use anyhow::Result;
use arena_e2e::World;
use arena_harness::{Behaviour, Failing, Failure, FakeVendor};
use arena_model::{Author, Outcome, Record, Role, Scope};
use serde_json::{Value, json};

/// A reply whose first words are forbidden, and which goes on for long.
fn rude() -> String {
    format!("Well, damn it! {}", "and so on and on. ".repeat(20))
}

/// Sends the first half of a reply and then nothing, with the connection open.
fn silent(text: &str) -> Behaviour {
    let behaviour = Behaviour { pieces: 20, ..Behaviour::text(text) };
    behaviour.failing([Failing::always(Failure::Stall)])
}

fn world(vendor: &FakeVendor, validators: Value, checks: Value) -> Result<World> {
    let mut world = World::new()?;
    world.bundle.openai("m", &vendor.url());
    world.bundle.spec["provider_specs"]["m"]["stream_idle_timeout"] = json!("100ms");
    world.bundle.spec["prompt_specs"]["p"]["validators"] = validators;
    world.bundle.checks("s", checks);
    world.bundle.spec["scenario_specs"]["s"]["streaming"] = json!(true);
    Ok(world)
}

fn outcomes(record: &Record) -> Vec<Outcome> {
    let own = record.checks.iter().filter(|check| check.scope != Scope::Guardrail);
    own.map(|check| check.outcome).collect()
}

fn banned() -> Value {
    json!({"type": "banned_words", "params": {"words": ["damn"]}, "message": "Let us stay polite."})
}

#[test]
fn the_rest_of_a_refused_reply_is_not_waited_for() -> Result<()> {
    let vendor = FakeVendor::start(silent(&rude()))?;
    let checks = json!([
        {"type": "equals", "params": {"expected": "Let us stay polite."}},
        {"type": "guardrail_triggered", "params": {"validator": "banned_words"}},
        {"type": "contains", "params": {"patterns": ["damn"]}},
    ]);
    let record = world(&vendor, json!([banned()]), checks)?.run_one()?;
    assert_eq!(outcomes(&record), [Outcome::Passed, Outcome::Passed, Outcome::Failed], "{:?}", record.reason);
    assert_eq!(vendor.calls(), 1);
    let reply = record.messages.iter().find(|message| message.role == Role::Assistant).unwrap();
    assert_eq!((reply.by, reply.finish.as_deref(), reply.usage), (Author::Guardrail, Some("guardrail"), None));
    let event = record.events.iter().find(|event| event.kind == "guardrail").unwrap();
    assert_eq!((&event.detail["stream"], &event.detail["action"]), (&json!("ended"), &json!("replace")));
    Ok(())
}

#[test]
fn a_reply_that_is_too_long_is_cut_where_it_would_be() -> Result<()> {
    let vendor = FakeVendor::start(silent(&rude()))?;
    let validators = json!([{"type": "max_length", "params": {"max": 20}}]);
    let checks = json!([
        {"type": "equals", "params": {"expected": &rude()[..20]}},
        {"type": "min_length", "params": {"min": 21}},
    ]);
    let record = world(&vendor, validators, checks)?.run_one()?;
    assert_eq!(outcomes(&record), [Outcome::Passed, Outcome::Failed], "{:?}", record.reason);
    Ok(())
}

#[test]
fn only_the_first_guardrail_ends_a_stream() -> Result<()> {
    let vendor = FakeVendor::start(silent(&rude()))?;
    let first = json!({"type": "content_excludes", "params": {"patterns": ["never said"]}});
    // What the first would say of the rest is not known, so the rest is waited for.
    let record = world(&vendor, json!([first, banned()]), json!([]))?.run_one()?;
    assert_eq!((record.outcome, record.error.as_deref()), (Outcome::Error, Some("StreamIdle")));
    Ok(())
}

#[test]
fn a_stream_is_judged_as_the_whole_reply_is() -> Result<()> {
    let length = json!({"type": "max_length", "params": {"max": 40}});
    let late = json!({"type": "content_excludes", "params": {"patterns": ["the end"]}});
    let tolerant = json!({"type": "max_length", "params": {"max": 40, "min_score": 0.01}});
    for validators in [
        json!([banned()]),
        json!([length.clone(), banned()]),
        json!([banned(), length.clone()]),
        json!([late.clone(), length.clone(), banned()]),
        json!([tolerant, late]),
    ] {
        for text in ["All is well.".to_owned(), rude(), "hello, dam".to_owned(), format!("{}the end", rude())] {
            let vendor = FakeVendor::start(Behaviour { pieces: 30, ..Behaviour::text(&text) })?;
            let mut world = world(&vendor, validators.clone(), json!([]))?;
            let checks = json!([{"type": "guardrail_triggered", "params": {"validator": "banned_words"}},
                                {"type": "max_length", "params": {"max": 40}}]);
            let turns = json!([{"role": "user", "content": "hello", "assertions": checks}]);
            world.bundle.scenario("plain", json!({"turns": turns}));
            world.bundle.scenario("streamed", json!({"turns": turns, "streaming": true}));
            world.bundle.spec["scenario_specs"].as_object_mut().unwrap().remove("s");
            let records = world.run(&[])?;
            let seen = |record: &Record| {
                let reply = record.messages.iter().find(|message| message.role == Role::Assistant).unwrap();
                let guards: Vec<_> = record.checks.iter().map(|check| (check.scope, check.outcome)).collect();
                (reply.content.text().into_owned(), reply.by, guards, record.outcome)
            };
            assert_eq!(records[0].scenario, "plain");
            assert_eq!(seen(&records[0]), seen(&records[1]), "{validators} {text}");
        }
    }
    Ok(())
}
