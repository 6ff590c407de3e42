//! What a model is sent of a long conversation where the likeness of texts decides.

use anyhow::Result;
use arena_e2e::World;
use arena_harness::{Behaviour, Failing, Failure, FakeVendor};
use arena_model::{Outcome, Record};
use serde_json::{Value, json};

/// Seven words each: about 9 tokens. The last is about the first.
const SAID: [&str; 4] = [
    "my parcel number seven is lost today",
    "what is the weather like in Oslo",
    "and how warm is it in Bergen",
    "say where parcel number seven is now",
];

/// The turns, the last with these checks.
fn turns(checks: &Value) -> Value {
    let turn = |(at, text): (usize, &str)| {
        let checks = if at + 1 == SAID.len() { checks.clone() } else { json!([]) };
        json!({"role": "user", "content": text, "assertions": checks})
    };
    SAID.into_iter().enumerate().map(turn).collect()
}

/// Room for two exchanges beside the newest message less one token: for one.
fn policy(relevance: &Value) -> Value {
    let mut policy = json!({"token_budget": 40, "reserve_for_output": 10, "strategy": "relevance"});
    if !relevance.is_null() {
        policy["relevance"] = relevance.clone();
    }
    policy
}

fn scenario(checks: &Value, relevance: &Value) -> Value {
    json!({"turns": turns(checks), "context_policy": policy(relevance)})
}

/// What the model was sent last, system prompt apart.
fn sent(vendor: &FakeVendor) -> Vec<String> {
    let request = vendor.last_request();
    let messages = request["messages"].as_array().unwrap().iter().skip(1);
    messages.map(|message| message["content"].as_str().unwrap().to_owned()).collect()
}

/// The record of a run with its one scenario.
fn run(world: &World, out: &str) -> Result<Record> {
    let ran = world.arena(&["run", "bundle", "--out", out, "--quiet"])?;
    match &mut world.records(out)?[..] {
        [record] => Ok(record.clone()),
        _ => anyhow::bail!("{}", ran.all()),
    }
}

fn details(record: &Record) -> Vec<&Value> {
    record.events.iter().filter(|event| event.kind == "context").map(|event| &event.detail).collect()
}

#[test]
fn the_exchanges_that_are_about_the_question_are_sent() -> Result<()> {
    let (model, embedder) = (FakeVendor::start(Behaviour::text("fine"))?, FakeVendor::start(Behaviour::default())?);
    let mut world = World::new()?;
    world.bundle.openai("m", &model.url());
    world.bundle.provider("words", json!({"type": "mock", "role": "embedding"}));
    let near = json!({"provider": "words", "min_recent_messages": 1});
    world.bundle.scenario("s", scenario(&json!([]), &near));
    let record = run(&world, "run-1")?;
    assert_eq!(sent(&model), [SAID[0], "fine", SAID[3]]);
    // All of it is in the record; what was not sent is said beside it.
    assert_eq!(record.messages.len(), 9);
    let [at_three, at_four] = details(&record)[..] else { panic!("{:?}", record.events) };
    assert_eq!((&at_three["dropped"], &at_four["dropped"]), (&json!(2), &json!(4)));
    assert_eq!((&at_four["embedder"], &at_four["room"]), (&json!("words"), &json!(28)));
    let exchanges = at_four["exchanges"].as_array().unwrap();
    let told: Vec<_> = exchanges.iter().map(|it| (it["first"].as_u64().unwrap(), it["sent"] == true)).collect();
    assert_eq!(told, [(0, true), (3, false), (5, false)]);
    assert!(exchanges[0]["score"].as_f64() > exchanges[1]["score"].as_f64());
    // The vectors were paid for, too.
    let replies: u64 = record.messages.iter().filter_map(|message| message.usage).map(|usage| usage.input).sum();
    assert!(record.usage.input > replies, "{:?}", record.usage);

    // The newest messages are sent whatever they are about.
    let recent = json!({"provider": "words", "min_recent_messages": 3});
    world.bundle.scenario("s", scenario(&json!([]), &recent));
    run(&world, "run-2")?;
    assert_eq!(sent(&model), [SAID[2], "fine", SAID[3]]);

    // What was said is asked for once.
    world
        .bundle
        .provider("words", json!({"type": "openai", "role": "embedding", "model": "e", "base_url": embedder.url()}));
    world.bundle.scenario("s", scenario(&json!([]), &json!({"provider": "openai", "model": "e"})));
    let record = run(&world, "run-3")?;
    assert_eq!((record.outcome, embedder.calls()), (Outcome::Passed, 2), "{:?}", record.reason);
    world.bundle.scenario("s", scenario(&json!([]), &json!({"provider": "openai", "min_recent_messages": 1})));
    run(&world, "run-4")?;
    assert_eq!((embedder.calls(), &embedder.last_request()["input"]), (4, &json!([SAID[3]])));
    Ok(())
}

#[test]
fn what_is_compared_with_what_decides_the_verdict() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?;
    world.bundle.provider("words", json!({"type": "mock", "role": "embedding"}));
    // One exchange more in the request is 9 tokens more as the mock counts them.
    let checks = json!([{"type": "cost_budget", "params": {"max_input_tokens": 45}}]);
    for (id, relevance) in [
        ("usual", Value::Null),
        ("strict", json!({"provider": "mock", "min_recent_messages": 1, "similarity_threshold": 0.9})),
        ("near", json!({"provider": "words", "min_recent_messages": 1})),
        (
            "custom",
            json!({"provider": "words", "min_recent_messages": 1, "similarity_threshold": 0.5,
            "query_source": "custom", "custom_query": "parcel number seven is lost"}),
        ),
    ] {
        world.bundle.scenario(id, scenario(&checks, &relevance));
    }
    let records = world.run(&[])?;
    let outcome = |id: &str| records.iter().find(|record| record.scenario == id).unwrap().outcome;
    assert_eq!(outcome("strict"), Outcome::Passed);
    for id in ["usual", "near", "custom"] {
        assert_eq!(outcome(id), Outcome::Failed, "{id}");
    }
    // The same again gives the same records, times apart.
    world.arena(&["run", "bundle", "--out", "again", "--quiet"])?.code(1)?;
    for (again, record) in world.records("again")?.into_iter().zip(&records) {
        assert_eq!(Record { measured: record.measured.clone(), ..again }, *record);
    }
    Ok(())
}

#[test]
fn without_vectors_the_case_is_an_error_that_says_what_to_add() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?;
    world.bundle.scenario("s", scenario(&json!([]), &json!({"provider": "openai"})));
    let record = run(&world, "run-5")?;
    assert_eq!((record.outcome, record.error.as_deref()), (Outcome::Error, Some("EmbedderMissing")));
    let ran = world.arena(&["validate", "bundle"])?.code(2)?;
    assert!(ran.all().contains("role: embedding"), "{}", ran.all());

    let vendor = FakeVendor::start(Behaviour::default().failing([Failing::always(Failure::Status {
        status: 401,
        retry_after: None,
        body: None,
    })]))?;
    world.bundle.provider("e", json!({"type": "vllm", "role": "embedding", "model": "e", "base_url": vendor.url()}));
    world.bundle.scenario("s", scenario(&json!([]), &json!({"provider": "e", "min_recent_messages": 1})));
    assert_eq!(run(&world, "run-6")?.error.as_deref(), Some("CredentialRefused"));

    world.bundle.provider("e", json!({"type": "claude", "role": "embedding", "model": "e"}));
    let ran = world.arena(&["validate", "bundle"])?.code(2)?;
    assert!(ran.all().contains("EmbeddingsUnsupported"), "{}", ran.all());
    assert_eq!(run(&world, "run-7")?.error.as_deref(), Some("EmbeddingsUnsupported"));
    Ok(())
}
