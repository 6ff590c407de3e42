//! `arena validate`.

use anyhow::Result;
use arena_e2e::World;
use arena_harness::{Behaviour, FakeVendor};
use serde_json::json;

#[test]
fn a_good_bundle_is_valid_and_nobody_is_called() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::default())?;
    let mut world = World::new()?;
    world.bundle.openai("m", &vendor.url()).says("n", "x")?;
    world.bundle.checks("s", json!([{"type": "contains", "params": {"patterns": ["x"]}}]));
    let ran = world.arena(&["validate", "bundle"])?.code(0)?.says("valid: 1 scenarios, 2 cases")?;
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
    world.bundle.scenario("s", json!({}));
    let out = world.arena(&["validate", "bundle"])?.code(0)?.out;
    for line in [
        "provider a: m at api.openai.com, with the key in $OPENAI_API_KEY\n",
        "provider b: m at 127.0.0.1:9, without a key\n",
        "provider c: m at 127.0.0.1:9, with the key in $MY_KEY, with the headers X-Team\n",
        "provider d: m at 127.0.0.1:9, with the key in the bundle\n",
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
    for reason in
        ["[BadParams] check `contains`", "[CheckUnknown] check `contians`", "VariableMissing", "ProviderTypeUnknown"]
    {
        assert!(ran.out.contains(reason), "{reason}: {}", ran.out);
    }
    assert!(ran.out.contains("4 of e2e cannot run as it is"), "{}", ran.out);
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
