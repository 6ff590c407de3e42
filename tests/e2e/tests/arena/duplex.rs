//! Conversations of voices, and what a turn says of sampling.

use anyhow::Result;
use arena_e2e::World;
use arena_harness::{Behaviour, FakeVendor};
use arena_model::{Content, Outcome, Record, Role};
use serde_json::{Value, json};

fn outcomes(record: &Record) -> Vec<Outcome> {
    record.checks.iter().map(|check| check.outcome).collect()
}

fn spoken(world: &mut World) -> Result<()> {
    world.bundle.file("hello.pcm", "\0\0\0\0")?;
    let checks = json!([
        {"type": "contains", "params": {"patterns": ["I hear you"]}},
        {"type": "audio_format", "params": {"formats": ["pcm"]}},
        {"type": "contains", "params": {"patterns": ["my own words"]}},
    ]);
    let audio = json!({"type": "audio", "media": {"file_path": "hello.pcm", "mime_type": "audio/L16"}});
    let turns = json!([{"role": "user", "parts": [audio], "assertions": checks}]);
    let duplex = json!({"timeout": "30s", "turn_detection": {"mode": "asm"}});
    world.bundle.scenario("s", json!({"turns": turns, "duplex": duplex}));
    Ok(())
}

#[test]
fn a_mock_speaks_the_replies_it_is_told_to() -> Result<()> {
    let mut world = World::new()?;
    spoken(&mut world)?;
    let heard = json!({"text": "I hear you", "audio_file": "answer.pcm", "audio_sample_rate": 16000});
    let file = json!({"scenarios": {"talk": {"turns": {"1": heard}}, "s": {"defaultResponse": "my own words"}}});
    world.bundle.mock("m", &file)?;
    world.bundle.spec["provider_specs"]["m"]["additional_config"]["duplex_scenario"] = json!("talk");
    let record = world.run_one()?;
    assert_eq!(outcomes(&record), [Outcome::Passed, Outcome::Passed, Outcome::Failed], "{:?}", record.checks);
    let reply = record.messages.iter().find(|message| message.role == Role::Assistant).unwrap();
    let Content::Parts(parts) = &reply.content else { panic!("{reply:?}") };
    assert_eq!(parts[1].media.as_ref().unwrap()["file_path"], "answer.pcm");

    // Without voices it is a reply like any other, of the scenario itself.
    world.bundle.spec["scenario_specs"]["s"].as_object_mut().unwrap().remove("duplex");
    world.arena(&["run", "bundle", "--out", "plain", "--quiet"])?;
    assert_eq!(outcomes(&world.records("plain")?[0])[2], Outcome::Passed);
    Ok(())
}

#[test]
fn a_mock_without_a_script_speaks_its_response_text() -> Result<()> {
    let mut world = World::new()?;
    spoken(&mut world)?;
    world.bundle.mock("m", &json!({"defaultResponse": "my own words"}))?;
    world.bundle.spec["provider_specs"]["m"]["additional_config"]["response_text"] = json!("yes, I hear you");
    let record = world.run_one()?;
    assert_eq!((outcomes(&record)[0], outcomes(&record)[2]), (Outcome::Passed, Outcome::Failed));
    Ok(())
}

#[test]
fn other_providers_cannot_speak_yet() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text("fine"))?;
    let mut world = World::new()?;
    spoken(&mut world)?;
    world.bundle.openai("m", &vendor.url());
    let record = world.run_one()?;
    assert_eq!((record.outcome, record.error.as_deref()), (Outcome::Error, Some("FeatureUnsupported")));
    assert_eq!(vendor.calls(), 0);
    world.bundle.spec["scenario_specs"]["s"]["duplex"]["turn_detection"]["mode"] = json!("guess");
    world.arena(&["validate", "bundle"])?.code(2)?.says("UnknownValue")?;
    Ok(())
}

#[test]
fn a_turn_sets_temperature_and_seed_of_its_answers() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text("fine"))?;
    let mut world = World::new()?;
    world.bundle.openai("m", &vendor.url());
    world.bundle.spec["defaults"] = json!({"temperature": 0.25, "seed": 5});
    let sampled = |world: &mut World, out: &str, turn: Value| -> Result<(Value, Value)> {
        world.bundle.scenario("s", json!({"turns": [turn]}));
        world.arena(&["run", "bundle", "--out", out, "--quiet"])?.code(0)?;
        let request = vendor.last_request();
        Ok((request["temperature"].clone(), request["seed"].clone()))
    };
    let plain = sampled(&mut world, "plain", json!({"role": "user", "content": "a"}))?;
    assert_eq!(plain, (json!(0.25), json!(5)));
    let own = sampled(&mut world, "own", json!({"role": "user", "content": "a", "assistant_temp": 0.75, "seed": 9}))?;
    assert_eq!(own, (json!(0.75), json!(9)));
    Ok(())
}
