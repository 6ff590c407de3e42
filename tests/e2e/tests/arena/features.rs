//! What a conversation is made of beside replies: tools, states, skills, guardrails, played users, compositions,
//! recordings. Each has a check that passes by it and one that fails by it.

use anyhow::Result;
use arena_e2e::World;
use arena_model::{Author, Content, Outcome, Record, Role, Scope};
use serde_json::{Value, json};

/// Outcomes of the checks by their place, guardrails left out.
fn outcomes(record: &Record) -> Vec<Outcome> {
    let own = record.checks.iter().filter(|check| check.scope != Scope::Guardrail);
    own.map(|check| check.outcome).collect()
}

fn prompt(template: &str, more: Value) -> Value {
    let mut prompt = json!({"task_type": "", "version": "1", "description": "d", "system_template": template});
    for (key, value) in more.as_object().into_iter().flatten() {
        prompt[key] = value.clone();
    }
    prompt
}

fn prompts(world: &mut World, prompts: &[(&str, &str, Value)]) {
    for (task, template, more) in prompts {
        let mut prompt = prompt(template, more.clone());
        prompt["task_type"] = json!(task);
        world.bundle.spec["prompt_specs"][task] = prompt;
    }
}

fn calls(name: &str, arguments: Value) -> Value {
    json!({"response": "one moment", "tool_calls": [{"name": name, "arguments": arguments}]})
}

fn tool(result: Value) -> Value {
    let object = json!({"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]});
    json!({"description": "d", "input_schema": object, "output_schema": {"type": "string"}, "mode": "mock",
           "mock_result": result})
}

#[test]
fn tools_are_called_and_their_schemas_hold() -> Result<()> {
    let mut world = World::new()?;
    let turns = json!({
        "1": {"tool_calls": [{"name": "find", "arguments": {"q": "x"}}, {"name": "count", "arguments": {"q": "x"}},
                             {"name": "find", "arguments": {"q": 1}}, {"name": "absent", "arguments": {}}]},
        "2": "found it",
    });
    world.bundle.mock("m", &json!({"scenarios": {"s": {"turns": turns}}}))?;
    world.bundle.spec["tool_specs"] = json!({"find": tool(json!("a result")), "count": tool(json!(3))});
    world.bundle.spec["prompt_specs"]["p"]["allowed_tools"] = json!(["find", "count"]);
    world.bundle.checks(
        "s",
        json!([
            {"type": "tools_called", "params": {"tools": ["find"]}},
            {"type": "tools_called", "params": {"tools": ["count"]}},
            {"type": "tools_not_called", "params": {"tools": ["find"]}},
            {"type": "contains", "params": {"patterns": ["found it"]}},
        ]),
    );
    let record = world.run_one()?;
    // The result of `count` is no text, so its call failed.
    assert_eq!(outcomes(&record), [Outcome::Passed, Outcome::Failed, Outcome::Failed, Outcome::Passed]);
    let answers: Vec<_> = record.messages.iter().filter(|message| message.role == Role::Tool).collect();
    let failed: Vec<_> = answers.iter().map(|answer| answer.finish.as_deref() == Some("error")).collect();
    assert_eq!(failed, [false, true, true, true]);
    assert_eq!(answers[0].content, Content::Text("a result".into()));
    assert!(answers[3].content.text().contains("there is no tool `absent`"));
    Ok(())
}

#[test]
fn a_tools_template_is_rendered_from_its_arguments() -> Result<()> {
    let mut world = World::new()?;
    let turns = json!({"1": calls("find", json!({"q": "gold"})), "2": "done"});
    world.bundle.mock("m", &json!({"scenarios": {"s": {"turns": turns}}}))?;
    let mut tool = tool(Value::Null);
    tool["mock_template"] = json!("{{- if eq .q \"gold\" -}} all of the {{.q}} {{- else -}} nothing {{- end -}}");
    world.bundle.spec["tool_specs"] = json!({"find": tool});
    world.bundle.spec["prompt_specs"]["p"]["allowed_tools"] = json!(["find"]);
    world.bundle.checks(
        "s",
        json!([
            {"type": "tool_result_includes", "params": {"tool": "find", "patterns": ["all of the gold"]}},
            {"type": "tool_result_includes", "params": {"tool": "find", "patterns": ["nothing"]}},
        ]),
    );
    assert_eq!(outcomes(&world.run_one()?), [Outcome::Passed, Outcome::Failed]);
    Ok(())
}

fn workflow(world: &mut World) {
    prompts(world, &[("intake", "You take in.", json!({})), ("end", "You end: {{workflow_context}}.", json!({}))]);
    world.bundle.spec["workflow"] = json!({"version": 1, "entry": "start", "states": {
        "start": {"prompt_task": "intake", "description": "d", "on_event": {"Go": "over"}},
        "over": {"prompt_task": "end", "description": "d", "terminal": true},
    }});
}

#[test]
fn a_workflow_moves_on_by_events() -> Result<()> {
    let mut world = World::new()?;
    workflow(&mut world);
    let transition = |event: &str| calls("workflow__transition", json!({"event": event, "context": "all told"}));
    world.bundle.mock(
        "m",
        &json!({"scenarios": {
            "goes": {"turns": {"1": transition("Go"), "2": "goodbye"}},
            "stays": {"turns": {"1": transition("Nowhere"), "2": "hm"}},
        }}),
    )?;
    let checks = json!([
        {"type": "state_is", "params": {"state": "over"}},
        {"type": "transitioned_to", "params": {"state": "over"}},
        {"type": "workflow_complete", "params": {}},
        {"type": "spoke_in_state", "params": {"state": "over"}},
    ]);
    for id in ["goes", "stays"] {
        world.bundle.checks(id, checks.clone());
        world.bundle.spec["scenario_specs"][id]["task_type"] = json!("intake");
    }
    let records = world.run(&[])?;
    assert_eq!(outcomes(&records[0]), [Outcome::Passed; 4]);
    assert_eq!(outcomes(&records[1]), [Outcome::Failed; 4]);
    let systems: Vec<_> = records[0].messages.iter().filter(|message| message.role == Role::System).collect();
    let texts: Vec<_> = systems.iter().map(|message| message.content.text()).collect();
    assert_eq!(texts, ["You take in.", "You end: all told."]);
    Ok(())
}

#[test]
fn a_state_that_was_visited_too_often_leads_elsewhere() -> Result<()> {
    let mut world = World::new()?;
    workflow(&mut world);
    let states = &mut world.bundle.spec["workflow"]["states"];
    states["start"]["on_event"] = json!({"Again": "start"});
    states["start"]["max_visits"] = json!(2);
    states["start"]["on_max_visits"] = json!("over");
    let again = calls("workflow__transition", json!({"event": "Again", "context": ""}));
    world.bundle.mock("m", &json!({"scenarios": {"s": {"turns": {"1": again, "2": again, "3": "end"}}}}))?;
    world.bundle.checks(
        "s",
        json!([
            {"type": "workflow_transition_order", "params": {"sequence": ["start", "over"]}},
            {"type": "state_is", "params": {"state": "start"}},
        ]),
    );
    world.bundle.spec["scenario_specs"]["s"]["task_type"] = json!("intake");
    assert_eq!(outcomes(&world.run_one()?), [Outcome::Passed, Outcome::Failed]);
    Ok(())
}

#[test]
fn skills_are_taken_up_where_the_state_lets_them_in() -> Result<()> {
    let mut world = World::new()?;
    for (folder, name) in [("skills/a", "alpha"), ("skills/b", "beta")] {
        std::fs::create_dir_all(world.path(&format!("bundle/{folder}/{name}")))?;
        let text = format!("---\nname: {name}\ndescription: about {name}\n---\nDo as {name} says.\n");
        world.bundle.file(&format!("{folder}/{name}/SKILL.md"), &text)?;
    }
    workflow(&mut world);
    world.bundle.spec["workflow"]["states"]["start"]["skills"] = json!("skills/a/*");
    world.bundle.spec["skills"] = json!([{"path": "skills/"}]);
    let activate = |name: &str| json!({"name": "skill__activate", "arguments": {"name": name}});
    let both = json!({"tool_calls": [activate("alpha"), activate("beta")]});
    world.bundle.mock("m", &json!({"scenarios": {"s": {"turns": {"1": both, "2": "ready"}}}}))?;
    world.bundle.checks(
        "s",
        json!([
            {"type": "skill_activated", "params": {"skill_names": ["alpha"]}},
            {"type": "skill_activated", "params": {"skill_names": ["beta"]}},
            {"type": "tool_result_includes", "params": {"tool": "skill__activate", "patterns": ["Do as alpha says."]}},
        ]),
    );
    world.bundle.spec["scenario_specs"]["s"]["task_type"] = json!("intake");
    assert_eq!(outcomes(&world.run_one()?), [Outcome::Passed, Outcome::Failed, Outcome::Passed]);
    Ok(())
}

#[test]
fn guardrails_act_before_checks_see_the_reply() -> Result<()> {
    let mut world = World::new()?;
    let validators = json!([
        {"type": "banned_words", "params": {"words": ["damn"]}, "message": "Let us stay polite."},
        {"type": "max_length", "params": {"max": 30}},
        {"type": "content_excludes", "params": {"patterns": ["secret"], "direction": "input"}},
    ]);
    prompts(&mut world, &[("p", "You help.", json!({"validators": validators}))]);
    world.bundle.mock(
        "m",
        &json!({"scenarios": {
            "long": {"defaultResponse": "a text of more than thirty characters"},
            "rude": {"defaultResponse": "damn it"},
        }}),
    )?;
    let checks = |text: &str, fired: &str| {
        json!([
            {"type": "equals", "params": {"expected": text}},
            {"type": "guardrail_triggered", "params": {"validator": fired}},
            {"type": "guardrail_triggered", "params": {"validator": fired, "should_trigger": false}},
        ])
    };
    world.bundle.checks("long", checks("a text of more than thirty cha", "max_length"));
    world.bundle.checks("rude", checks("Let us stay polite.", "banned_words"));
    let asked = json!({"turns": [{"role": "user", "content": "the secret?",
                                  "assertions": checks("Sorry, we can't provide this response as it would violate \
                                                        our content policy.", "content_excludes")}]});
    world.bundle.scenario("asked", asked);
    for record in world.run(&[])? {
        assert_eq!(outcomes(&record), [Outcome::Passed, Outcome::Passed, Outcome::Failed], "{}", record.scenario);
        assert!(record.messages.iter().any(|message| message.by == Author::Guardrail), "{}", record.scenario);
    }
    Ok(())
}

#[test]
fn a_guardrail_nobody_knows_is_an_error_and_no_pass() -> Result<()> {
    let mut world = World::new()?;
    prompts(&mut world, &[("p", "You help.", json!({"validators": [{"type": "nonsense", "params": {}}]}))]);
    world.bundle.says("m", "fine")?.scenario("s", json!({}));
    let record = world.run_one()?;
    assert_eq!((record.outcome, record.error.as_deref()), (Outcome::Error, Some("GuardrailFailed")));
    Ok(())
}

#[test]
fn a_persona_plays_the_user() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.mock("m", &json!({"scenarios": {"s": {"turns": {"1": "one", "2": "two", "3": "three"}}}}))?;
    let played = json!({"selfplay": {"curious": {"turns": {"1": "and then?", "2": "thanks [CONVERSATION_COMPLETE]"}}}});
    world.bundle.mock("player", &played)?;
    world.bundle.spec["self_play"] = json!({
        "personas": [], "roles": [{"id": "someone", "provider": "player"}],
        "persona_specs": {"curious": {"description": "d", "system_prompt": "You ask.", "goals": [], "constraints": []}},
    });
    let turns = json!([
        {"role": "user", "content": "hello"},
        {"role": "someone", "persona": "curious", "turns": 1, "max_turns": 5, "assertions": [
            {"type": "regex", "params": {"pattern": "two|three"}}]},
    ]);
    world.bundle.scenario(
        "s",
        json!({"turns": turns, "providers": ["m"], "conversation_assertions": [
            {"type": "contains_any", "params": {"patterns": ["three"]}},
            {"type": "contains_any", "params": {"patterns": ["four"]}},
        ]}),
    );
    let record = world.run_one()?;
    assert_eq!(outcomes(&record), [Outcome::Passed, Outcome::Passed, Outcome::Passed, Outcome::Failed]);
    let said: Vec<_> = record.messages.iter().filter(|message| message.by == Author::Persona).collect();
    let texts: Vec<_> = said.iter().map(|message| message.content.text()).collect();
    assert_eq!(texts, ["and then?", "thanks"]);
    Ok(())
}

#[test]
fn a_recording_is_judged_turn_by_turn_and_calls_nobody() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.openai("m", "http://127.0.0.1:9");
    let said = |role: &str, text: &str| json!({"type": "message", "message": {"role": role, "content": text}});
    let events = json!({"events": [said("user", "a?"), said("assistant", "yes a"), said("user", "b?"),
                                   said("assistant", "no")]});
    world.bundle.file("talk.recording.json", &events.to_string())?;
    world.bundle.spec["eval_specs"] = json!({"e": {
        "description": "d", "recording": {"path": "talk.recording.json", "type": "session"},
        "turns": [{"all_turns": {"assertions": [{"type": "contains", "params": {"patterns": ["yes"]}}]}}],
        "conversation_assertions": [{"type": "contains_any", "params": {"patterns": ["no"]}}],
    }});
    let record = world.run_one()?;
    assert_eq!((record.scenario.as_str(), record.provider.as_str()), ("e", "eval"));
    assert_eq!(outcomes(&record), [Outcome::Passed, Outcome::Failed, Outcome::Passed]);
    assert_eq!((record.usage.total(), record.cost_usd_micro), (0, Some(0)));
    Ok(())
}

#[test]
fn a_composition_answers_in_place_of_a_prompt() -> Result<()> {
    let mut world = World::new()?;
    prompts(&mut world, &[("sort", "You sort.", json!({})), ("tell", "You tell.", json!({}))]);
    let kind = |kind: &str| json!({"kind": kind}).to_string();
    world.bundle.mock(
        "m",
        &json!({"scenarios": {
            "paper": {"steps": {"sort": kind("paper"), "long": "the long tale", "short": "brief", "a": "x", "b": "y"}},
            "note": {"steps": {"sort": kind("note"), "long": "the long tale", "short": "brief", "a": "x", "b": "y"}},
            "odd": {"steps": {"sort": "no JSON at all"}},
        }}),
    )?;
    let step = |id: &str, task: &str| json!({"id": id, "kind": "prompt", "prompt_task": task, "input": "${input}"});
    let mut sort = step("sort", "sort");
    sort["output_schema"] = json!("any.json");
    let sum = json!({"id": "sum", "kind": "agent", "prompt_task": "tell", "input": "${both.output.all}"});
    world.bundle.spec["compositions"] = json!({"c": {"version": 1, "output": "both", "steps": [
        sort,
        {"id": "route", "kind": "branch", "then": "long", "else": "short",
         "predicate": {"path": "${sort.output.kind}", "op": "equals", "value": "paper"}},
        step("long", "tell"), step("short", "tell"),
        {"id": "both", "kind": "parallel", "branches": [step("a", "tell"), step("b", "tell")],
         "reduce": {"strategy": "barrier", "into": "all"}},
        sum,
    ]}});
    world.bundle.spec["workflow"] = json!({"version": 1, "entry": "only", "states": {
        "only": {"orchestration": "composition", "composition": "c", "terminal": true}}});
    for id in ["paper", "note", "odd"] {
        world.bundle.checks(
            id,
            json!([
                {"type": "composition_branch_taken", "params": {"branch": "route", "expected": "long"}},
                {"type": "composition_parallel_complete", "params": {"parallel": "both"}},
                {"type": "composition_output", "params": {"contains": "x"}},
            ]),
        );
        world.bundle.spec["scenario_specs"][id]["task_type"] = json!("");
    }
    let records = world.run(&[])?;
    let of = |id: &str| records.iter().find(|record| record.scenario == id).unwrap();
    assert_eq!(outcomes(of("paper")), [Outcome::Passed; 3]);
    assert_eq!(outcomes(of("note")), [Outcome::Failed, Outcome::Passed, Outcome::Passed]);
    // What is no JSON has no `kind`.
    assert_eq!(outcomes(of("odd")), [Outcome::Failed, Outcome::Passed, Outcome::Failed]);
    Ok(())
}

#[test]
fn a_composition_that_refers_to_nothing_is_an_error_and_no_pass() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?;
    let step = json!({"id": "a", "kind": "prompt", "prompt_task": "p", "input": "${nothing.output}"});
    world.bundle.spec["compositions"] = json!({"c": {"version": 1, "output": "a", "steps": [step]}});
    world.bundle.spec["workflow"] = json!({"version": 1, "entry": "only", "states": {
        "only": {"orchestration": "composition", "composition": "c", "terminal": true}}});
    world.bundle.checks("s", json!([{"type": "composition_output", "params": {"contains": "fine"}}]));
    world.bundle.spec["scenario_specs"]["s"]["task_type"] = json!("");
    let record = world.run_one()?;
    assert_eq!((record.outcome, record.error.as_deref()), (Outcome::Error, Some("CompositionFailed")));
    assert_eq!(outcomes(&record), [Outcome::NotRun]);
    world.arena(&["validate", "bundle"])?.code(2)?.says("there is no step `nothing`")?;
    Ok(())
}

#[test]
fn a_check_has_a_tool_called_and_goes_by_what_it_says() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "done")?;
    world.bundle.spec["tool_specs"] = json!({"suite": tool(json!("7 passed, 0 failed"))});
    let exec = |more: Value| {
        let mut params = json!({"tool": "suite", "args": {"q": "all"}});
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"type": "tool_exec", "params": params})
    };
    world.bundle.checks(
        "s",
        json!([
            exec(json!({"success_pattern": "[1-9][0-9]* passed"})),
            exec(json!({"failure_pattern": "0 failed"})),
            exec(json!({"args": {"q": 1}})),
            exec(json!({"tool": "suit"})),
            {"type": "tool_exec", "when": {"tool_called": "suite"}, "params": {"tool": "suite", "args": {"q": "never"}}},
        ]),
    );
    let record = world.run_one()?;
    let [passed, failed, error, skipped] = [Outcome::Passed, Outcome::Failed, Outcome::Error, Outcome::Skipped];
    assert_eq!(outcomes(&record), [passed, failed, failed, error, skipped]);
    let reason = |at: usize| record.checks[at].reason.as_deref().unwrap_or_default();
    assert!(reason(2).contains("does not fit its schema"), "{}", reason(2));
    assert!(reason(3).contains("did you mean `suite`?"), "{}", reason(3));
    let calls = record.events.iter().filter(|event| event.kind == "tool_exec");
    assert_eq!(calls.count(), 4, "what is skipped calls nobody");
    Ok(())
}

#[test]
fn where_no_classifier_is_asked_its_checks_are_skipped() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?;
    let params = json!({"model": "m", "expected_label": "calm"});
    world.bundle.checks(
        "s",
        json!([
            {"type": "contains", "params": {"patterns": ["fine"]}},
            {"type": "audio_emotion", "params": params},
            {"type": "image_moderation", "params": params},
        ]),
    );
    let record = world.run_one()?;
    assert_eq!(outcomes(&record), [Outcome::Passed, Outcome::Skipped, Outcome::Skipped]);
    assert_eq!(record.outcome, Outcome::Passed);
    Ok(())
}
