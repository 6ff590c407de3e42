//! Agents that a model calls.

use anyhow::Result;
use arena_e2e::World;
use arena_harness::{Behaviour, FakeVendor};
use arena_model::{Outcome, Record, Role};
use serde_json::{Value, json};

fn outcomes(record: &Record) -> Vec<Outcome> {
    record.checks.iter().map(|check| check.outcome).collect()
}

fn agent() -> Value {
    let says = |text: &str| json!({"parts": [{"text": text}]});
    json!({
        "name": "research",
        "card": {"name": "Research Agent", "description": "Searches", "skills": [
            {"id": "search_papers", "name": "Search", "description": "Searches for papers"},
            {"id": "translate", "name": "Translate", "description": "Translates"},
        ]},
        "responses": [
            {"skill": "search_papers", "match": {"contains": "QUANTUM"}, "response": says("three papers on quanta")},
            {"skill": "search_papers", "match": {"regex": "^broken"}, "error": "the index is gone"},
            {"skill": "search_papers", "response": says("one paper")},
            {"skill": "translate", "match": {"contains": "French"}, "response": says("bonjour")},
        ],
    })
}

#[test]
fn agents_answer_as_their_script_says() -> Result<()> {
    let mut world = World::new()?;
    let ask = |skill: &str, arguments: Value| json!({"name": format!("a2a__research_agent__{skill}"), "arguments": arguments});
    let turn = json!({"response": "one moment", "tool_calls": [
        ask("search_papers", json!({"query": "papers on quantum computing"})),
        ask("search_papers", json!({"query": "anything else"})),
        ask("search_papers", json!({"query": "broken things"})),
        ask("translate", json!({"query": "to German"})),
        ask("translate", json!({"text": "no query"})),
    ]});
    world.bundle.mock("m", &json!({"scenarios": {"s": {"turns": {"1": turn, "2": "done"}}}}))?;
    world.bundle.spec["a2a_agents"] = json!([agent()]);
    let search = "a2a__research_agent__search_papers";
    world.bundle.checks(
        "s",
        json!([
            {"type": "agent_invoked", "params": {"agents": [search]}},
            {"type": "agent_response_contains", "params": {"agent": search, "contains": "three papers on quanta"}},
            {"type": "agent_response_contains", "params": {"agent": search, "contains": "bonjour"}},
            {"type": "agent_not_invoked", "params": {"agents": [search]}},
            {"type": "tools_called", "params": {"tools": ["a2a__research_agent__translate"]}},
        ]),
    );
    let record = world.run_one()?;
    let expected = [Outcome::Passed, Outcome::Passed, Outcome::Failed, Outcome::Failed, Outcome::Failed];
    assert_eq!(outcomes(&record), expected);
    let answers: Vec<_> = record.messages.iter().filter(|message| message.role == Role::Tool).collect();
    let failed: Vec<_> = answers.iter().map(|answer| answer.finish.as_deref() == Some("error")).collect();
    assert_eq!(failed, [false, false, true, true, true]);
    assert_eq!(answers[1].content.text(), r#"{"response":"one paper"}"#);
    assert!(answers[2].content.text().contains("the index is gone"));
    Ok(())
}

#[test]
fn the_model_is_told_of_the_agents_its_prompt_allows() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text("fine"))?;
    let mut world = World::new()?;
    world.bundle.openai("m", &vendor.url()).scenario("s", json!({}));
    world.bundle.spec["a2a_agents"] = json!([agent()]);
    world.bundle.spec["prompt_specs"]["p"]["allowed_tools"] = json!(["a2a__research_agent__translate"]);
    world.run_one()?;
    let request = vendor.last_request();
    let tools = request["tools"].as_array().unwrap();
    assert_eq!((tools.len(), &tools[0]["function"]["description"]), (1, &json!("Translates")));
    assert_eq!(tools[0]["function"]["parameters"]["required"], json!(["query"]));
    Ok(())
}

#[test]
fn agents_elsewhere_are_not_called_and_wrong_patterns_are_refused() -> Result<()> {
    let mut world = World::new()?;
    let call = json!({"tool_calls": [{"name": "a2a__far__x", "arguments": {"query": "q"}}]});
    world.bundle.mock("m", &json!({"scenarios": {"s": {"turns": {"1": call, "2": "done"}}}}))?;
    world.bundle.spec["a2a_agents"] = json!([{"name": "far", "url": "http://127.0.0.1:9"}, agent()]);
    world.bundle.checks("s", json!([{"type": "tools_called", "params": {"tools": ["a2a__far__x"]}}]));
    world.arena(&["validate", "bundle"])?.says("agents elsewhere are not called")?;
    assert_eq!(outcomes(&world.run_one()?), [Outcome::Failed]);
    world.bundle.spec["a2a_agents"][1]["responses"][1]["match"]["regex"] = json!("(");
    world.arena(&["validate", "bundle"])?.code(2)?.says("PatternInvalid")?;
    Ok(())
}
