//! Bundles that would pass for a wrong reason, or never end. Each was found by attacking the program.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use anyhow::Result;
use arena_e2e::World;
use arena_harness::RawServer;
use arena_model::{Outcome, Record, Role};
use serde_json::{Value, json};

fn contains(word: &str) -> Value {
    json!({"type": "contains", "params": {"patterns": [word]}})
}

fn error_of(record: &Record) -> (Outcome, Option<&str>) {
    (record.outcome, record.error.as_deref())
}

/// A bundle whose only state is answered by a composition of one step.
fn composed(world: &mut World, step: Value) {
    world.bundle.spec["compositions"] = json!({"c": {"version": 1, "output": "a", "steps": [step]}});
    world.bundle.spec["workflow"] = json!({"version": 1, "entry": "only", "states": {
        "only": {"orchestration": "composition", "composition": "c", "terminal": true}}});
}

#[test]
fn a_check_that_is_never_come_to_is_no_pass() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?;
    world.bundle.mock("player", &json!({"selfplay": {"shy": {"turns": {"1": "[CONVERSATION_COMPLETE]"}}}}))?;
    world.bundle.spec["self_play"] = json!({
        "personas": [], "roles": [{"id": "someone", "provider": "player"}],
        "persona_specs": {"shy": {"description": "d", "system_prompt": "You ask.", "goals": [], "constraints": []}},
    });
    let turns = json!([
        {"role": "user", "content": "hello"},
        {"role": "someone", "persona": "shy", "turns": 1, "max_turns": 5, "assertions": [contains("never")]},
    ]);
    world.bundle.scenario("s", json!({"turns": turns, "providers": ["m"]}));
    assert_eq!(error_of(&world.run_one()?), (Outcome::Error, Some("CheckNotRun")));
    Ok(())
}

#[test]
fn what_cannot_be_read_of_a_recording_is_an_error_and_the_welcome_answers_nobody() -> Result<()> {
    let said = |role: &str, content: Value| json!({"role": role, "content": content});
    let (question, welcome) = (said("user", json!("a?")), said("assistant", json!("welcome")));
    let answer = |content: Value| said("assistant", content);
    for (at, (messages, wanted)) in [
        (json!([question, answer(json!("welcome"))]), (Outcome::Passed, None)),
        (json!([question, answer(json!([{"type": "text", "text": "welcome"}]))]), (Outcome::Passed, None)),
        (json!([question, {"role": "assistant", "parts": [{"text": "welcome"}]}]), (Outcome::Passed, None)),
        (json!([welcome, question]), (Outcome::Error, Some("CheckNotRun"))),
        (json!([question, welcome, question]), (Outcome::Passed, None)),
        (json!([welcome]), (Outcome::Error, Some("RecordingInvalid"))),
        (json!([question, said("model", json!("welcome"))]), (Outcome::Error, Some("RecordingInvalid"))),
        (json!([question, said("zzz", json!("x")), answer(json!("welcome"))]), (Outcome::Passed, None)),
        (json!([question, answer(json!({"text": "welcome"}))]), (Outcome::Error, Some("RecordingInvalid"))),
    ]
    .into_iter()
    .enumerate()
    {
        let mut world = World::new()?;
        world.bundle.file("talk.recording.json", &json!({"messages": messages}).to_string())?;
        world.bundle.spec["eval_specs"] = json!({"e": {
            "description": "d", "recording": {"path": "talk.recording.json", "type": "session"},
            "turns": [{"all_turns": {"assertions": [contains("welcome")]}}],
        }});
        assert_eq!(error_of(&world.run_one()?), wanted, "{at}: {messages}");
    }
    Ok(())
}

#[test]
fn sessions_as_promptkit_records_them_are_read() -> Result<()> {
    let mut world = World::new()?;
    let event = |role: &str, text: &str| json!({"type": "message.created", "data": {"role": role, "content": text}});
    let events = json!({"events": [event("user", "a?"), {"type": "provider.call", "data": {}}, event("assistant", "b \u{1f600}")]});
    // As other programs write it, with pairs of escapes.
    let text = events.to_string().replace('\u{1f600}', "\\ud83d\\ude00");
    world.bundle.file("talk.recording.json", &text)?;
    world.bundle.spec["eval_specs"] = json!({"e": {
        "description": "d", "recording": {"path": "talk.recording.json", "type": "session"},
        "turns": [{"all_turns": {"assertions": [contains("b \u{1f600}")]}}],
    }});
    assert_eq!(error_of(&world.run_one()?), (Outcome::Passed, None));
    Ok(())
}

#[test]
fn a_guardrail_that_looks_nowhere_is_an_error() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?.checks("s", json!([contains("fine")]));
    world.bundle.spec["prompt_specs"]["p"]["validators"] =
        json!([{"type": "banned_words", "params": {"words": ["x"], "direction": "inputs"}}]);
    assert_eq!(error_of(&world.run_one()?), (Outcome::Error, Some("GuardrailFailed")));
    world.arena(&["validate", "bundle"])?.code(2)?.says("`direction`: \"inputs\" is none of input, output, both")?;
    world.bundle.spec["prompt_specs"]["p"]["validators"] = json!([{"type": "toxicity", "params": {"min_score": 0.8}}]);
    world.arena(&["validate", "bundle"])?.code(2)?.says("this run has no judge")?;
    Ok(())
}

#[test]
fn guardrails_that_a_composition_leaves_out_are_told() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.mock("m", &json!({"scenarios": {"s": {"steps": {"a": "a word"}}}}))?;
    world.bundle.spec["prompt_specs"]["p"]["validators"] =
        json!([{"type": "banned_words", "params": {"words": ["BAD"]}}]);
    composed(&mut world, json!({"id": "a", "kind": "prompt", "prompt_task": "p", "input": "${input}"}));
    world.bundle.checks("s", json!([contains("word")]));
    world.bundle.spec["scenario_specs"]["s"]["task_type"] = json!("");
    world.arena(&["validate", "bundle"])?.code(0)?.says("warning[GuardrailUnused]")?;
    Ok(())
}

#[test]
fn an_agent_step_that_never_ends_is_ended() -> Result<()> {
    let mut world = World::new()?;
    let call = json!({"tool_calls": [{"name": "again", "arguments": {}}]});
    world.bundle.mock("m", &json!({"scenarios": {"s": {"steps": {"a": call}}}}))?;
    world.bundle.spec["tool_specs"]["again"] = json!({"description": "d", "input_schema": {}, "output_schema": {},
        "mode": "mock", "mock_result": "x".repeat(64 << 10)});
    world.bundle.spec["prompt_specs"]["p"]["allowed_tools"] = json!(["again"]);
    let end = json!({"max_steps": 4_000_000_000_u64});
    composed(&mut world, json!({"id": "a", "kind": "agent", "prompt_task": "p", "input": "go", "termination": end}));
    world.bundle.checks("s", json!([contains("x")]));
    world.bundle.spec["scenario_specs"]["s"]["task_type"] = json!("");
    assert_eq!(error_of(&world.run_one()?), (Outcome::Error, Some("CostLimitExceeded")));
    Ok(())
}

#[test]
fn results_of_tools_have_a_limit_together() -> Result<()> {
    let mut world = World::new()?;
    let calls: Vec<Value> = (0..40).map(|at| json!({"name": "large", "arguments": {"at": at}})).collect();
    world.bundle.mock("m", &json!({"scenarios": {"s": {"turns": {"1": {"tool_calls": calls}, "2": "done"}}}}))?;
    world.bundle.spec["tool_specs"]["large"] = json!({"description": "d", "input_schema": {}, "output_schema": {},
        "mode": "mock", "mock_result": "x".repeat(1 << 20)});
    world.bundle.checks("s", json!([contains("done")]));
    assert_eq!(error_of(&world.run_one()?), (Outcome::Error, Some("ToolResultsTooLarge")));
    Ok(())
}

#[test]
fn a_schema_that_takes_for_ever_ends_by_its_fuel() -> Result<()> {
    let mut definitions = json!({"d40": {}});
    for at in 0..40 {
        let next = json!({"$ref": format!("#/$defs/d{}", at + 1)});
        definitions[format!("d{at}")] = json!({"allOf": [next, next]});
    }
    let mut world = World::new()?;
    let call = json!({"tool_calls": [{"name": "find", "arguments": {"q": 1}}]});
    world.bundle.mock("m", &json!({"scenarios": {"s": {"turns": {"1": call, "2": "done"}}}}))?;
    world.bundle.spec["tool_specs"]["find"] = json!({"description": "d", "output_schema": {}, "mode": "mock",
        "mock_result": "r", "input_schema": {"$ref": "#/$defs/d0", "$defs": definitions}});
    world.bundle.checks("s", json!([contains("done")]));
    let began = Instant::now();
    let record = world.run_one()?;
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    let answers: Vec<_> = record.messages.iter().filter(|message| message.role == Role::Tool).collect();
    let answer = answers[0].content.text();
    assert!(answer.contains("the schema of the call: "), "{answer}");

    // One that refers to another is held against as before.
    let text = json!({"$ref": "#/$defs/text", "$defs": {"text": {"required": ["q"], "properties": {"q": {"type": "string"}}}}});
    world.bundle.spec["tool_specs"]["find"]["input_schema"] = text;
    world.arena(&["run", "bundle", "--quiet", "--out", "text"])?.code(0)?;
    let record = world.records("text")?.remove(0);
    let answers: Vec<_> = record.messages.iter().filter(|message| message.role == Role::Tool).collect();
    assert!(answers[0].content.text().contains("does not fit its schema"), "{}", answers[0].content.text());
    Ok(())
}

#[test]
fn what_is_of_a_wrong_kind_is_not_taken_as_absent() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?.checks("s", json!([contains("fine")]));
    for (key, value) in [("workflow", json!("x")), ("compositions", json!([1])), ("memory", json!("no"))] {
        world.bundle.spec[key] = value;
        world
            .arena(&["validate", "bundle"])?
            .code(2)?
            .says(&format!("error[WrongType] spec.{key}: expected a mapping"))?;
        world.bundle.spec.as_object_mut().unwrap().remove(key);
    }
    fs::create_dir_all(world.path("bundle/fragments"))?;
    world.bundle.file("fragments/broken.yaml", "content: [")?;
    world.bundle.spec["prompt_specs"]["p"]["fragments"] = json!([{"name": "broken", "required": false}]);
    world.arena(&["validate", "bundle"])?.code(2)?.says("fragment `broken`")?;
    Ok(())
}

#[test]
fn names_that_nothing_bears_are_told_where_they_switch_something_off() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?;
    let mock = json!({"description": "d", "input_schema": {}, "output_schema": {}, "mode": "mock", "mock_result": 1});
    world.bundle.spec["tool_specs"]["find"] = mock;
    world.bundle.spec["prompt_specs"]["p"]["allowed_tools"] = json!(["fnid"]);
    world.bundle.spec["prompt_specs"]["p"]["variables"] =
        json!([{"name": "customer", "required": false, "default": "y"}]);
    let denied = json!({"type": "tools_not_called", "params": {"tool_names": ["finb"]}});
    let turn = json!({"role": "user", "content": "to {town}", "assertions": [denied], "perturbations": {"city": ["a", "b"]},
        "chaos": {"tool_failures": [{"tool": "finc", "mode": "error"}]}, "consent_overrides": {"fine": "deny"}});
    world
        .bundle
        .scenario("s", json!({"turns": [turn], "variables": {"custmer": "x"}, "tool_policy": {"blocklist": ["fins"], "tool_choice": "auto", "max_tool_calls_per_turn": 5}}));
    let said = world.arena(&["validate", "bundle"])?.code(0)?;
    for name in ["fnid", "finb", "finc", "fine", "fins"] {
        said.clone().says(&format!("there is no tool `{name}`"))?;
    }
    said.clone().says("did you mean `find`?")?;
    said.clone().says("no turn has a place `{city}`")?;
    said.says("has the variable `custmer`; did you mean `customer`?")?;
    Ok(())
}

#[test]
fn a_server_that_answers_nonsense_has_no_tools_and_no_success() -> Result<()> {
    let start = |list: &'static str, called: &'static str| {
        RawServer::start(move |request| {
            let asked: Value = serde_json::from_str(&request.body).unwrap_or_default();
            let result = match asked["method"].as_str().unwrap_or_default() {
                "initialize" => json!({"protocolVersion": "2025-06-18", "capabilities": {}}).to_string(),
                "tools/list" => list.to_owned(),
                "tools/call" => called.to_owned(),
                _ => return "HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".to_owned(),
            };
            RawServer::answer(&format!("{{\"jsonrpc\": \"2.0\", \"id\": {}, \"result\": {result}}}", asked["id"]))
        })
    };
    let run = |server: &RawServer| -> Result<Record> {
        let mut world = World::new()?;
        let call = json!({"tool_calls": [{"name": "mcp__t__a", "arguments": {}}]});
        world.bundle.mock("m", &json!({"scenarios": {"s": {"turns": {"1": call, "2": "done"}}}}))?;
        world.bundle.spec["mcp_servers"] = json!([{"name": "t", "url": server.url("/")}]);
        world.bundle.checks("s", json!([{"type": "no_tool_errors"}]));
        Ok(world.run(&["--allow-host", &server.address()])?.remove(0))
    };
    for list in ["{}", r#"{"tools": "a"}"#, r#"{"tools": [{}]}"#, r#"{"tools": [], "nextCursor": 1}"#] {
        let server = start(list, "{}")?;
        assert_eq!(error_of(&run(&server)?), (Outcome::Error, Some("McpFailed")), "{list}");
    }
    let one = r#"{"tools": [{"name": "a"}]}"#;
    for (called, outcome) in [
        (r#"{"content": [{"type": "text", "text": "x"}]}"#, Outcome::Passed),
        ("0", Outcome::Failed),
        ("{}", Outcome::Failed),
        (r#"{"content": [], "isError": "true"}"#, Outcome::Failed),
    ] {
        let server = start(one, called)?;
        assert_eq!(run(&server)?.outcome, outcome, "{called}");
    }
    Ok(())
}

#[test]
fn reports_replace_files_and_nothing_else() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?.checks("s", json!([contains("fine")]));
    fs::write(world.path("kept"), "kept")?;
    symlink(world.path("kept"), world.path("link"))?;
    let ran = world.arena(&["run", "bundle", "--quiet", "--out", "out", "--junit-file", "link"])?.code(3)?;
    ran.says("it is a link, a pipe, a device or a folder")?;
    assert_eq!(fs::read_to_string(world.path("kept"))?, "kept");
    Ok(())
}

#[test]
fn mock_files_say_what_they_cannot_repeat() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "a BAD word")?;
    world.bundle.spec["prompt_specs"]["p"]["validators"] =
        json!([{"type": "banned_words", "params": {"words": ["BAD"]}}]);
    let turn = |text: &str| json!({"role": "user", "content": text});
    world.bundle.scenario("a b", json!({"turns": [turn("x")]})).scenario("a_b", json!({"turns": [turn("y")]}));
    world.arena(&["run", "bundle", "--quiet", "--out", "guarded"])?.code(0)?;
    world.arena(&["mocks", "generate", "guarded"])?.code(2)?.says("a reply that is its model's own")?;
    world.bundle.spec["prompt_specs"]["p"]["validators"] = json!([]);
    world.arena(&["run", "bundle", "--quiet", "--out", "plain"])?.code(0)?;
    let each = ["mocks", "generate", "plain", "--per-scenario", "--out", "mocks"];
    world.arena(&each)?.code(2)?.says("a b and a_b would be one file")?;
    assert!(!world.path("mocks").exists());
    Ok(())
}

#[test]
fn variables_that_tools_may_send_are_a_part_of_the_work() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?.checks("s", json!([contains("fine")]));
    world.set("SOME_KEY", "value-of-a-key");
    world.arena(&["run", "bundle", "--quiet", "--out", "with", "--tool-env", "SOME_KEY"])?.code(0)?;
    assert_eq!(world.manifest("with")?.work.config["toolEnv"], json!(["SOME_KEY"]));
    world.arena(&["run", "bundle", "--quiet", "--out", "without"])?.code(0)?;
    assert_ne!(world.manifest("with")?.work_digest, world.manifest("without")?.work_digest);
    Ok(())
}
