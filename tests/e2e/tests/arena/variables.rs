//! What takes the places of a prompt's tokens: values that keep the rules of their variables, fragments within fragments,
//! templates and parameters of single models.

use anyhow::Result;
use arena_e2e::World;
use arena_harness::{Behaviour, FakeVendor};
use arena_model::{Outcome, Record, Role};
use serde_json::{Value, json};

fn prompt(template: &str, more: Value) -> Value {
    let mut prompt = json!({"task_type": "p", "version": "1", "description": "d", "system_template": template});
    for (key, value) in more.as_object().into_iter().flatten() {
        prompt[key] = value.clone();
    }
    prompt
}

/// The prompt that a record's model had.
fn system(record: &Record) -> String {
    let mut messages = record.messages.iter().filter(|message| message.role == Role::System);
    messages.next().map(|message| message.content.text().into_owned()).unwrap_or_default()
}

fn of<'r>(records: &'r [Record], scenario: &str) -> &'r Record {
    records.iter().find(|record| record.scenario == scenario).unwrap()
}

#[test]
fn a_value_against_the_rules_is_an_error_before_any_call() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text("fine"))?;
    let mut world = World::new()?;
    let rules = json!([
        {"name": "email", "type": "string", "required": true, "validation": {"pattern": "^[^@]+@[^@]+$", "maxLength": 20}},
        {"name": "age", "type": "number", "required": false, "default": 30, "validation": {"minimum": 18, "max": 120}},
        {"name": "tier", "required": false, "default": "gold", "validation": {"enum": ["gold", "silver"]}},
    ]);
    world.bundle.spec["prompt_specs"]["p"] = prompt("{{email}} {{age}} {{tier}}", json!({"variables": rules}));
    world.bundle.openai("m", &vendor.url());
    for (id, variables) in [
        ("good", json!({"email": "a@b"})),
        ("pattern", json!({"email": "nobody"})),
        ("length", json!({"email": "a@bbbbbbbbbbbbbbbbbbb"})),
        ("range", json!({"email": "a@b", "age": "17"})),
        ("type", json!({"email": "a@b", "age": "old"})),
        ("enum", json!({"email": "a@b", "tier": "lead"})),
    ] {
        world.bundle.checks(id, json!([{"type": "contains", "params": {"patterns": ["fine"]}}]));
        world.bundle.spec["scenario_specs"][id]["variables"] = variables;
    }
    let records = world.run(&[])?;
    assert_eq!(
        (of(&records, "good").outcome, system(of(&records, "good"))),
        (Outcome::Passed, "a@b 30 gold".to_owned())
    );
    for (id, part) in [
        ("pattern", "variable `email` is \"nobody\": it does not match `pattern`"),
        ("length", "its length is 21, above `max_length` 20"),
        ("range", "variable `age` is \"17\": it is below `minimum` 18"),
        ("type", "variable `age` is \"old\": `type` wants a number"),
        ("enum", "variable `tier` is \"lead\": `enum` allows gold, silver"),
    ] {
        let record = of(&records, id);
        assert_eq!((record.outcome, record.error.as_deref()), (Outcome::Error, Some("VariableInvalid")), "{id}");
        assert!(record.reason.as_deref().unwrap_or_default().contains(part), "{id}: {:?}", record.reason);
    }
    assert_eq!(vendor.calls(), 1);
    let out = world.arena(&["validate", "bundle"])?.code(2)?.out;
    assert_eq!(out.matches("error[VariableInvalid] scenario").count(), 5, "{out}");
    Ok(())
}

#[test]
fn the_rules_of_a_later_state_hold_from_the_start() -> Result<()> {
    let mut world = World::new()?;
    let rules = json!([{"name": "limit", "type": "integer", "required": false, "default": "many"}]);
    world.bundle.spec["prompt_specs"]["end"] = prompt("At most {{limit}}.", json!({"variables": rules}));
    world.bundle.spec["prompt_specs"]["end"]["task_type"] = json!("end");
    world.bundle.spec["workflow"] = json!({"version": 1, "entry": "start", "states": {
        "start": {"prompt_task": "p", "on_event": {"Go": "over"}},
        "over": {"prompt_task": "end", "terminal": true},
    }});
    world.bundle.says("m", "fine")?.scenario("bad", json!({})).scenario("good", json!({"variables": {"limit": "3"}}));
    let records = world.run(&[])?;
    assert_eq!(of(&records, "bad").error.as_deref(), Some("VariableInvalid"));
    assert_eq!(of(&records, "good").outcome, Outcome::Passed);
    Ok(())
}

#[test]
fn rules_and_defaults_are_looked_at_by_validate() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?.scenario("s", json!({"variables": {"n": "5"}}));
    let variable =
        |validation: Value| json!([{"name": "n", "required": false, "default": "9", "validation": validation}]);
    world.bundle.spec["prompt_specs"]["p"] = prompt("{{n}}", json!({"variables": variable(json!({"maximum": 5}))}));
    world.arena(&["validate", "bundle"])?.code(0)?.says("warning[VariableInvalid]")?.says("it is above `maximum` 5")?;
    world.bundle.spec["prompt_specs"]["p"] = prompt("{{n}}", json!({"variables": variable(json!({"pattern": "("}))}));
    world.arena(&["validate", "bundle"])?.code(2)?.says("error[VariableRuleInvalid]")?;
    Ok(())
}

#[test]
fn fragments_stand_in_fragments_and_values_are_not_looked_at_again() -> Result<()> {
    let mut world = World::new()?;
    std::fs::create_dir_all(world.path("bundle/fragments"))?;
    world.bundle.file("fragments/tone.md", "Be {{fragment:mood}} to {{name}}.")?;
    world.bundle.file("fragments/mood.yaml", "version: v1\ncontent: kind and {{degree}}\n")?;
    world.bundle.file("fragments/degree.txt", "brief")?;
    let named = |name: &str| json!({"name": name, "required": true});
    let fragments = json!([named("tone"), named("mood"), named("degree"), {"name": "absent", "required": false}]);
    world.bundle.spec["prompt_specs"]["p"] =
        prompt("{{tone}} {{fragment:degree}}{{fragment:absent}}", json!({"fragments": fragments}));
    world.bundle.says("m", "fine")?;
    world.bundle.scenario("plain", json!({"variables": {"name": "Ann"}}));
    world.bundle.scenario("sly", json!({"variables": {"name": "{{fragment:degree}} {{degree}}"}}));
    world.bundle.scenario("own", json!({"variables": {"name": "Ann", "degree": "wordy"}}));
    let records = world.run(&[])?;
    assert_eq!(system(of(&records, "plain")), "Be kind and brief to Ann. brief");
    assert_eq!(system(of(&records, "sly")), "Be kind and brief to {{fragment:degree}} {{degree}}. brief");
    // A variable goes before a fragment of its name; the longer token still means the fragment.
    assert_eq!(system(of(&records, "own")), "Be kind and wordy to Ann. brief");
    Ok(())
}

#[test]
fn fragments_that_contain_each_other_are_refused_with_the_cycle() -> Result<()> {
    let mut world = World::new()?;
    std::fs::create_dir_all(world.path("bundle/fragments"))?;
    world.bundle.file("fragments/a.md", "A {{b}}")?.file("fragments/b.md", "B {{fragment:a}}")?;
    let fragments = json!([{"name": "a", "required": true}, {"name": "b", "required": true}]);
    world.bundle.spec["prompt_specs"]["p"] = prompt("{{a}}", json!({"fragments": fragments}));
    world.bundle.says("m", "fine")?.scenario("s", json!({}));
    let ran = world.arena(&["validate", "bundle"])?.code(2)?;
    assert!(ran.all().contains("error[FragmentCycle]") && ran.all().contains("a -> b -> a"), "{}", ran.all());
    world.bundle.spec["prompt_specs"]["p"] = prompt("{{fragment:c}}", json!({}));
    world.arena(&["validate", "bundle"])?.code(2)?.says("error[FragmentMissing]")?;
    Ok(())
}

#[test]
fn a_model_may_have_a_template_and_parameters_of_its_own() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text("fine"))?;
    let mut world = World::new()?;
    let overrides = json!({
        "big": {"system_template_prefix": "[", "system_template_suffix": "] {{who}}", "parameters": {"temperature": 0.9}},
        "small": {"system_template": "Short.", "system_template_suffix": " {{who}}"},
    });
    world.bundle.spec["prompt_specs"]["p"] = prompt(
        "You help {{who}}.",
        json!({"model_overrides": overrides, "parameters": {"temperature": 0.1, "top_p": 0.5, "max_tokens": 9}}),
    );
    for model in ["big", "other", "small"] {
        world.bundle.provider(model, json!({"type": "openai", "model": model, "base_url": vendor.url()}));
    }
    world.bundle.scenario("s", json!({"variables": {"who": "Ann"}, "providers": ["big", "other", "small"]}));
    let records = world.run(&[])?;
    let systems: Vec<String> = records.iter().map(system).collect();
    assert_eq!(systems, ["[You help Ann.] Ann", "You help Ann.", "Short. Ann"]);
    for (model, temperature) in [("big", 0.9), ("other", 0.1)] {
        let mut one = World::new()?;
        one.bundle.spec = world.bundle.spec.clone();
        one.bundle.spec["scenario_specs"]["s"]["providers"] = json!([model]);
        one.run_one()?;
        let request = vendor.last_request();
        assert_eq!((&request["temperature"], &request["top_p"]), (&json!(temperature), &json!(0.5)), "{model}");
        assert_eq!(request["max_completion_tokens"], json!(9));
        // What the arena says goes before.
        one.bundle.spec["defaults"] = json!({"temperature": 0.3});
        one.arena(&["run", "bundle", "--out", "again"])?.code(0)?;
        assert_eq!(vendor.last_request()["temperature"], json!(0.3));
    }
    Ok(())
}
