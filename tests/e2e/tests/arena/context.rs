//! What a model is sent of a long conversation.

use anyhow::Result;
use arena_e2e::World;
use arena_harness::{Behaviour, FakeVendor};
use arena_model::{Outcome, Record};
use serde_json::{Value, json};

/// A text of so many words, each five bytes with its space: 20 words are 26 tokens by the estimate.
fn words(count: usize) -> String {
    vec!["word"; count].join(" ")
}

/// Three turns of 20 words, the last with the checks.
fn turns(checks: Value) -> Value {
    let turn = |checks: Value| json!({"role": "user", "content": words(20), "assertions": checks});
    json!([turn(json!([])), turn(json!([])), turn(checks)])
}

fn policy(budget: u64, strategy: &str) -> Value {
    json!({"token_budget": budget, "reserve_for_output": 10, "strategy": strategy})
}

fn case<'a>(records: &'a [Record], id: &str) -> &'a Record {
    records.iter().find(|record| record.scenario == id).unwrap()
}

fn outcomes(record: &Record) -> Vec<Outcome> {
    record.checks.iter().map(|check| check.outcome).collect()
}

#[test]
fn the_oldest_exchanges_are_left_out_and_the_record_says_so() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.mock("m", &json!({"defaultResponse": words(20)}))?;
    // Whole, the three requests hold 216 tokens as the mock counts them; without the first exchange 168.
    let checks = json!([{"type": "cost_budget", "params": {"max_input_tokens": 170}}]);
    world.bundle.scenario("cut", json!({"turns": turns(checks.clone()), "context_policy": policy(120, "oldest")}));
    world.bundle.scenario("fits", json!({"turns": turns(checks.clone()), "context_policy": policy(1000, "oldest")}));
    world.bundle.scenario("whole", json!({"turns": turns(checks)}));
    let records = world.run(&[])?;
    assert_eq!(outcomes(case(&records, "cut")), [Outcome::Passed]);
    assert_eq!(outcomes(case(&records, "fits")), [Outcome::Failed]);
    assert_eq!(outcomes(case(&records, "whole")), [Outcome::Failed]);
    let cut = case(&records, "cut");
    // All of it is in the record; what was not sent is said beside it.
    assert_eq!(cut.messages.len(), 7);
    let [event] = &cut.events[..] else { panic!("{:?}", cut.events) };
    assert_eq!((event.kind.as_str(), event.turn), ("context", 2));
    let detail = &event.detail;
    assert_eq!((&detail["dropped"], &detail["first"], &detail["tokens"]), (&json!(2), &json!(3), &json!(78)));
    assert!(case(&records, "fits").events.is_empty());
    Ok(())
}

#[test]
fn the_vendor_is_sent_the_prompt_and_the_newest_exchanges() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text(words(20)))?;
    let mut world = World::new()?;
    world.bundle.openai("m", &vendor.url());
    world.bundle.scenario("s", json!({"turns": turns(json!([])), "context_policy": policy(40, "oldest")}));
    world.run_one()?;
    let request = vendor.last_request();
    let roles: Vec<_> = request["messages"].as_array().unwrap().iter().map(|message| message["role"].clone()).collect();
    assert_eq!(roles, ["system", "user"]);
    assert_eq!(vendor.calls(), 3);
    Ok(())
}

#[test]
fn what_does_not_fit_is_an_error_before_the_call() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text(words(20)))?;
    let mut world = World::new()?;
    world.bundle.openai("m", &vendor.url());
    let checks = json!([{"type": "contains", "params": {"patterns": ["word"]}}]);
    for (id, policy, said) in [
        // The third turn is too much.
        ("strict", policy(120, "fail"), 2),
        // Room for 26 tokens, one less, and the prompt alone too long.
        ("exact", policy(38, "oldest"), 3),
        ("short", policy(37, "oldest"), 0),
        ("prompt", policy(12, "oldest"), 0),
    ] {
        let calls = vendor.calls();
        world.bundle.spec["scenario_specs"] = json!({});
        world.bundle.scenario(id, json!({"turns": turns(checks.clone()), "context_policy": policy}));
        let ran = world.arena(&["run", "bundle", "--out", id, "--quiet"])?;
        let [record] = &world.records(id)?[..] else { panic!("{}", ran.all()) };
        assert_eq!(vendor.calls() - calls, said, "{id}");
        let exceeded = record.error.as_deref() == Some("ContextExceeded") && record.outcome == Outcome::Error;
        assert_eq!(exceeded, said < 3, "{id}: {:?}", record.reason);
        if exceeded {
            assert_eq!(outcomes(record), [Outcome::NotRun], "{id}");
            assert!(record.reason.as_ref().unwrap().contains("token_budget"), "{:?}", record.reason);
        }
    }
    Ok(())
}

#[test]
fn the_model_tells_in_short_what_is_left_out() -> Result<()> {
    let mut world = World::new()?;
    let said = json!({"defaultResponse": words(20), "steps": {"context_summary": "They exchanged many words."}});
    world.bundle.mock(
        "m",
        &json!({"scenarios": {"s": said, "long": {
        "defaultResponse": words(20), "steps": {"context_summary": words(90)}}}}),
    )?;
    let checks = json!([{"type": "cost_budget", "params": {"max_input_tokens": 170}}]);
    for id in ["s", "long"] {
        let turns = turns(checks.clone());
        world.bundle.scenario(id, json!({"turns": turns, "context_policy": policy(125, "summarize")}));
    }
    let records = world.run(&[])?;
    let record = case(&records, "s");
    assert_eq!(outcomes(record), [Outcome::Passed]);
    assert_eq!(record.events[0].detail["summary"], "They exchanged many words.");
    // The summary was paid for as well: more than the replies of the conversation.
    let replies: u64 = record.messages.iter().filter_map(|message| message.usage).map(|usage| usage.output).sum();
    assert!(record.usage.output > replies, "{:?}", record.usage);
    assert_eq!(case(&records, "long").error.as_deref(), Some("ContextExceeded"));
    Ok(())
}

#[test]
fn an_unknown_strategy_is_refused() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?;
    world.bundle.scenario("s", json!({"context_policy": policy(100, "newest")}));
    let ran = world.arena(&["validate", "bundle"])?.code(2)?;
    assert!(ran.all().contains("UnknownValue"), "{}", ran.all());
    Ok(())
}
