//! `arena validate`.

use anyhow::Result;
use arena_e2e::World;
use arena_harness::{Behaviour, FakeVendor};
use serde_json::{Value, json};

#[test]
fn a_good_bundle_is_valid_and_nobody_is_called() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::default())?;
    let mut world = World::new()?;
    world.bundle.openai("m", &vendor.url()).says("n", "x")?;
    world.bundle.checks("s", json!([{"type": "contains", "params": {"patterns": ["x"]}}]));
    let ran = world.arena(&["validate", "bundle"])?.code(0)?.says("valid: 1 scenario, 2 cases")?;
    assert!(ran.out.contains("provider n: m, called nowhere"), "{}", ran.out);
    assert_eq!(vendor.calls() + vendor.connections(), 0);
    Ok(())
}

#[test]
fn it_says_which_key_goes_where() -> Result<()> {
    let mut world = World::new()?;
    world.set("OPENAI_API_KEY", "sk-vendor").set("MY_KEY", "sk-mine");
    let own = |extra: serde_json::Value| {
        let mut spec = json!({"type": "openai", "model": "m", "base_url": "http://127.0.0.1:9/v1"});
        spec.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        spec
    };
    world.bundle.provider("a", json!({"type": "openai", "model": "m"}));
    world.bundle.provider("b", own(json!({})));
    world
        .bundle
        .provider("c", own(json!({"credential": {"credential_env": "MY_KEY"}, "headers": {"X-Team": "sk-team"}})));
    world.bundle.provider("d", own(json!({"credential": {"api_key": "sk-inline"}})));
    world
        .bundle
        .provider("e", json!({"type": "openai", "model": "m", "base_url": "http://api.openai.com/v1?k=sk-query"}));
    world.bundle.scenario("s", json!({}));
    let out = world.arena(&["validate", "bundle"])?.code(0)?.out;
    for line in [
        "provider a: m at https://api.openai.com/v1/chat/completions, with the key in $OPENAI_API_KEY or $OPENAI_TOKEN\n",
        "provider b: m at http://127.0.0.1:9/v1/chat/completions, without a key\n",
        "provider c: m at http://127.0.0.1:9/v1/chat/completions, with the key in $MY_KEY, with the headers X-Team\n",
        "provider d: m at http://127.0.0.1:9/v1/chat/completions, with the key in the bundle\n",
        "provider e: m at http://api.openai.com/v1/chat/completions, without a key\n",
    ] {
        assert!(out.contains(line), "{out}");
    }
    assert!(!out.contains("sk-"), "{out}");
    Ok(())
}

#[test]
fn a_missing_key_is_a_warning() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.provider("a", json!({"type": "openai", "model": "m"})).scenario("s", json!({}));
    world.arena(&["validate", "bundle"])?.code(0)?.says("warning[CredentialMissing]")?;
    Ok(())
}

#[test]
fn all_problems_of_the_documents_come_at_once() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "x")?.scenario("s", json!({"oops": 1, "trials": "many"}));
    world.bundle.spec["providers"] = json!([{"file": "missing.yaml"}]);
    let ran = world.arena(&["validate", "bundle"])?.code(2)?;
    for reason in ["UnknownKey", "WrongType", "FileMissing"] {
        assert!(ran.all().contains(reason), "{reason}: {}", ran.all());
    }
    Ok(())
}

#[test]
fn all_problems_of_checks_prompts_and_providers_come_at_once() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.provider("m", json!({"type": "carrier-pigeon", "model": "m"}));
    world.bundle.spec["prompt_specs"]["p"]["variables"] = json!([{"name": "who", "required": true}]);
    world.bundle.checks("s", json!([{"type": "contains"}, {"type": "contians", "params": {}}]));
    let ran = world.arena(&["validate", "bundle"])?.code(2)?;
    for reason in [
        "[BadParams] check `contains`",
        "[CheckUnknown] check `contians`",
        "VariableMissing",
        "config.arena.yaml: error[ProviderTypeUnknown]",
    ] {
        assert!(ran.out.contains(reason), "{reason}: {}", ran.out);
    }
    assert!(ran.out.contains("4 errors: e2e cannot run as it is"), "{}", ran.out);
    Ok(())
}

#[test]
fn a_type_that_nobody_knows_is_refused_even_where_a_mock_answers() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.provider("m", json!({"type": "carrier-pigeon", "model": "m"})).scenario("s", json!({}));
    world.arena(&["run", "bundle", "--out", "out", "--mock-provider"])?.code(2)?.says("error[ProviderTypeUnknown]")?;
    assert!(!world.path("out").exists());
    Ok(())
}

#[test]
fn a_token_without_a_variable_is_a_warning() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.spec["prompt_specs"]["p"]["system_template"] = json!("Hi {{nobody}}");
    world.bundle.says("m", "x")?.scenario("s", json!({}));
    world.arena(&["validate", "bundle"])?.code(0)?.says("warning[VariableUnresolved]")?.says("nobody")?;
    Ok(())
}

#[test]
fn what_makes_cases_errors_is_an_error() -> Result<()> {
    let check = |kind: &str, params: serde_json::Value| json!({"type": kind, "params": params});
    let mut world = World::new()?;
    world.bundle.says("m", "x")?.scenario("no-prompt", json!({"task_type": "q"}));
    world.bundle.scenario("role", json!({"turns": [{"role": "narrator", "content": "a"}]}));
    let inner = json!({"eval_type": "contains", "eval_params": {"patterns": ["a"], "max_score": "1"}});
    world.bundle.checks(
        "checks",
        json!([
            check("contains", json!({"patterns": ["a"], "min_score": 1.5})),
            check("assertion", inner),
            check("llm_judge", json!({"criteria": "c"})),
            check("max_length", json!({"max": "9"})),
        ]),
    );
    let out = world.arena(&["validate", "bundle"])?.code(2)?.out;
    for part in [
        "error[PromptMissing] spec.scenario_specs.no-prompt.task_type",
        "error[TurnRoleUnknown] spec.scenario_specs.role.turns[0].role",
        "error[BadParams] check `contains`: `min_score` is 1.5; give a number from 0 to 1",
        "error[BadParams] check `assertion`: `max_score` is \"1\"; give a number from 0 to 1",
        "error[BadParams] check `llm_judge`: this run has no judge",
        "error[BadParams] check `max_length`: parameter `max`: expected a whole number of 0 or more, found the text \"9\"",
        "6 errors: e2e cannot run as it is",
    ] {
        assert!(out.contains(part), "{part}\n{out}");
    }
    world.bundle.spec["judge_specs"] = json!({"strict": {"provider": "m"}});
    world.bundle.checks("checks", json!([check("llm_judge", json!({"criteria": "c", "judge": "strikt"}))]));
    world.arena(&["validate", "bundle"])?.code(2)?.says("no judge is named `strikt`; did you mean `strict`?")?;
    Ok(())
}

#[test]
fn a_parameter_that_nothing_reads_is_a_warning_here_and_before_a_run() -> Result<()> {
    let check = |kind: &str, params: serde_json::Value| json!({"type": kind, "params": params});
    let mut world = World::new()?;
    let inner =
        json!({"eval_type": "contains", "eval_params": {"patterns": ["x"], "case_sensitve": true}, "minscore": 1});
    world
        .bundle
        .says("m", "x")?
        .checks("s", json!([check("regex", json!({"pattern": "x", "flags": "i"})), check("assertion", inner)]));
    let lines = [
        "[ParamUnknown] check `regex`: it has no parameter `flags`, which has no effect; it has expect_match, pattern",
        "check `assertion`: it has no parameter `case_sensitve`, which has no effect; did you mean `case_sensitive`?",
        "check `assertion`: it has no parameter `minscore`, which has no effect; did you mean `min_score`?",
    ];
    let valid = world.arena(&["validate", "bundle"])?.code(0)?;
    let ran = world.arena(&["run", "bundle", "--out", "out"])?.code(0)?;
    for line in lines {
        assert!(valid.out.contains(line), "{line}\n{}", valid.out);
        assert_eq!(ran.err.matches(line).count(), 1, "{line}\n{}", ran.err);
    }
    Ok(())
}

#[test]
fn a_run_says_first_what_validate_says_each_once_and_with_its_file() -> Result<()> {
    let mut world = World::new()?;
    // The format knows it; this engine does not speak it yet.
    world.bundle.provider("pigeon", json!({"type": "cartesia", "model": "m"}));
    world
        .bundle
        .provider("lost", json!({"type": "mock", "model": "m", "additional_config": {"mock_config": "gone.yaml"}}));
    world.bundle.spec["prompt_specs"]["p"]["variables"] = json!([{"name": "who", "required": true}]);
    world.bundle.spec["globals"] =
        json!({"conversation_assertions": [{"type": "contains", "params": {"pattern": "x"}}]});
    world.bundle.scenario("s", json!({"provider_group": "nowhere"})).scenario("t", json!({}));
    let valid = world.arena(&["validate", "bundle"])?.code(2)?;
    let ran = world.arena(&["run", "bundle", "--out", "out"])?.code(1)?;
    for (reason, times) in [
        ("[ProviderTypeUnsupported]", 1),
        ("[MockFileMissing]", 1),
        ("[VariableMissing]", 2),
        ("[ProviderGroupEmpty]", 1),
        ("[BadParams]", 1),
        ("`gone.yaml`", 1),
    ] {
        assert_eq!(valid.out.matches(reason).count(), times, "{reason}: {}", valid.out);
        assert_eq!(ran.err.matches(reason).count(), times, "{reason}: {}", ran.err);
    }
    assert!(ran.err.lines().all(|line| line.starts_with("warning: config.arena.yaml:")), "{}", ran.err);
    let record = world.records("out")?.remove(0);
    assert!(record.reason.as_ref().unwrap().contains("config.arena.yaml: "), "{record:?}");
    Ok(())
}

#[test]
fn what_cannot_be_planned_names_its_file() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.scenario("s", json!({}));
    let ran = world.arena(&["validate", "bundle"])?.code(2)?;
    assert!(ran.err.contains("config.arena.yaml: scenario `s`: there is no provider to run with"), "{}", ran.err);
    assert!(!ran.err.contains("filter"), "{}", ran.err);
    Ok(())
}

#[test]
fn findings_are_for_programs_too() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "x")?.checks("s", json!([{"type": "contains"}]));
    world.bundle.scenario("bare", json!({}));
    let ran = world.arena(&["validate", "bundle", "--format", "json"])?.code(2)?;
    let list: Vec<Value> = serde_json::from_str(&ran.out)?;
    let seen: Vec<_> =
        list.iter().map(|it| (it["reason"].as_str().unwrap(), it["severity"].as_str().unwrap())).collect();
    assert_eq!(seen, [("ChecksMissing", "warning"), ("BadParams", "error"), ("ProviderCalled", "note")]);
    assert_eq!((&list[2]["value"], &list[2]["message"]), (&json!("m"), &json!("provider m: m, called nowhere")));
    assert!(list[1]["file"] == "config.arena.yaml" && list[1]["line"].as_u64() > Some(1), "{list:?}");

    let ran = world.arena(&["validate", "bundle", "--format", "sarif"])?.code(2)?;
    let log: Value = serde_json::from_str(&ran.out)?;
    let run = &log["runs"][0];
    assert_eq!((&log["version"], &run["tool"]["driver"]["rules"][0]["id"]), (&json!("2.1.0"), &json!("BadParams")));
    let result = &run["results"][1];
    assert_eq!(
        (&result["ruleId"], &result["ruleIndex"], &result["level"]),
        (&json!("BadParams"), &json!(0), &json!("error"))
    );
    let note = &run["results"][2];
    assert_eq!((&note["ruleId"], &note["level"]), (&json!("ProviderCalled"), &json!("note")));
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "bundle/config.arena.yaml");
    assert_eq!(place["region"]["startLine"], list[1]["line"]);

    // What does not load is listed as well.
    world.bundle.spec["oops"] = json!(1);
    let ran = world.arena(&["validate", "bundle", "--format", "json"])?.code(2)?;
    let list: Vec<Value> = serde_json::from_str(&ran.out)?;
    assert_eq!((&list[0]["reason"], &list[0]["path"]), (&json!("UnknownKey"), &json!("spec.oops")));
    let ran = world.arena(&["validate", "nowhere", "--format", "sarif"])?.code(2)?;
    assert_eq!(serde_json::from_str::<Value>(&ran.out)?["runs"][0]["results"][0]["ruleId"], "BundleMissing");
    Ok(())
}

#[test]
fn strict_counts_warnings_as_errors() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "x")?.scenario("bare", json!({}));
    world.arena(&["validate", "bundle"])?.code(0)?.says("warning[ChecksMissing]")?;
    world.arena(&["validate", "bundle", "--strict"])?.code(2)?.says("error[ChecksMissing]")?.says("1 error: e2e")?;
    let ran = world.arena(&["validate", "bundle", "--strict", "--format", "json"])?.code(2)?;
    assert_eq!(serde_json::from_str::<Value>(&ran.out)?[0]["severity"], "error");
    world.bundle.checks("bare", json!([{"type": "contains", "params": {"patterns": ["x"]}}]));
    world.arena(&["validate", "bundle", "--strict"])?.code(0)?;
    Ok(())
}
