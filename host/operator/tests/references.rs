//! Configs and Providers: what is missing, and what is said of it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod world;

use arena_crd::{ArenaSource, Condition, ConditionStatus, Provider};
use arena_operator::{ProviderObservation, SecretSeen, plan_provider};
use serde_json::json;
use world::{World, artifact, at, object, ready, said};

#[test]
fn a_config_with_all_it_needs_is_ready() {
    let status = World::new().plan_config();
    assert_eq!(said(&status.conditions), ["Ready=True/Resolved"]);
    assert_eq!(status.source.unwrap().revision, "main@sha1:abc");
}

#[test]
fn what_is_missing_is_named() {
    let mut world = World::new();
    world.providers.clear();
    let status = world.plan_config();
    let message = "Provider \"claude-provider\" (entry \"claude-provider\") does not exist in this namespace; create it, \
                   or mend its name";
    assert_eq!(Condition::find(&status.conditions, "Ready").unwrap().message, message);
    assert_eq!(status.source, None);

    let mut world = World::new();
    let failed = Condition {
        status: ConditionStatus::False,
        reason: "BundleInvalid".to_owned(),
        message: "prompts/a.yaml:3: [UnknownKey] unknown key `temprature`".to_owned(),
        ..ready()
    };
    let status = world.source.as_mut().unwrap().status.as_mut().unwrap();
    (status.artifact, status.conditions) = (None, vec![failed]);
    let status = world.plan_config();
    let condition = Condition::find(&status.conditions, "Ready").unwrap();
    assert_eq!(condition.reason, "BundleInvalid");
    assert!(condition.message.contains("temprature"), "{}", condition.message);
}

#[test]
fn a_table_comes_from_a_source_of_its_own() {
    let mut world = World::new();
    let config = world.config.as_mut().unwrap();
    config.spec.dataset = serde_json::from_value(json!({"sourceRef": {"name": "tables"}, "path": "t.csv"})).unwrap();
    let status = world.plan_config();
    assert_eq!(said(&status.conditions)[0], "Ready=False/SourceNotFound");
    assert!(Condition::find(&status.conditions, "Ready").unwrap().message.contains("\"tables\""), "{status:?}");

    let spec = json!({"type": "git", "contents": "dataset", "git": {"url": "https://git/acme/tables"}});
    let mut tables: ArenaSource = object("ArenaSource", "tables", spec);
    tables.status = Some(Default::default());
    world.dataset = Some(tables.clone());
    assert_eq!(said(&world.plan_config().conditions)[0], "Ready=False/SourceNotReady");
    tables.status.as_mut().unwrap().artifact = Some(artifact("main@sha1:def"));
    world.dataset = Some(tables.clone());
    assert_eq!(said(&world.plan_config().conditions), ["Ready=True/Resolved"]);

    world.source = Some(tables);
    assert_eq!(said(&world.plan_config().conditions)[0], "Ready=False/SourceIsDataset", "tables are no bundle");
}

#[test]
fn a_provider_says_where_its_key_is_missed() {
    let provider: Provider =
        object("Provider", "p", json!({"type": "openai", "model": "m", "credential": {"secretRef": {"name": "keys"}}}));
    for (secret, expected, part) in [
        (SecretSeen::Good, "Ready=True/Ready", "Secret \"keys\""),
        (SecretSeen::NotNamed, "Ready=True/Ready", "no key"),
        (SecretSeen::NotFound, "Ready=False/SecretNotFound", "\"keys\" does not exist"),
        (SecretSeen::KeyMissing, "Ready=False/SecretKeyMissing", "no key \"api-key\""),
        (SecretSeen::KeyInvalid, "Ready=False/SecretKeyInvalid", "empty or no text"),
    ] {
        let status = plan_provider(&ProviderObservation { provider: &provider, secret, now: at(0) });
        assert_eq!(said(&status.conditions)[0], expected);
        assert!(Condition::find(&status.conditions, "Ready").unwrap().message.contains(part), "{status:?}");
    }
}
