//! Keys: where they are found, and that they stay nowhere.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use arena_e2e::{Signal, World, until};
use arena_harness::{Behaviour, Failing, Failure, FakeVendor};
use arena_model::Outcome;
use serde_json::{Value, json};

const KEY: &str = "sk-0123456789abcdef";

/// A bundle whose provider `m` at `vendor` has this credential.
fn with(vendor: &FakeVendor, credential: Value) -> Result<World> {
    let mut world = World::new()?;
    world.bundle.openai("m", &vendor.url()).scenario("s", json!({}));
    world.bundle.spec["provider_specs"]["m"]["credential"] = credential;
    Ok(world)
}

/// Files below `folder` that hold `text`; sealed records count unpacked, as they are exported.
pub fn holders(folder: &Path, text: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(holders(&path, text)?);
        } else if fs::read(&path)?.windows(text.len()).any(|window| window == text.as_bytes()) {
            found.push(path.display().to_string());
        }
    }
    Ok(found)
}

#[test]
fn a_key_in_the_bundle_is_not_copied_unasked() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text("fine"))?;
    let mut world = with(&vendor, json!({"api_key": KEY}))?;
    let run = ["run", "bundle", "--out", "out"];
    let refused = world.arena(&run)?.code(2)?.says("error[InlineKey]")?.says("credential_env")?;
    assert!(!refused.all().contains(KEY) && !world.path("out").exists() && vendor.calls() == 0);
    let valid = world.arena(&["validate", "bundle"])?.code(0)?.says("warning[InlineKey]")?.says("credential_env")?;
    assert!(!valid.all().contains(KEY));

    world.arena(&[&run[..], &["--allow-inline-keys"]].concat())?.code(0)?.says("[InlineKey]")?;
    assert_eq!(vendor.last_authorization(), Some(format!("Bearer {KEY}")));
    world.arena(&["run", "--resume", "out"])?.code(0)?;

    world.bundle.spec["provider_specs"]["m"]["credential"] = json!({});
    world.bundle.spec["provider_specs"]["m"]["headers"] = json!({"X-Api-Key": KEY, "X-Team": "support"});
    let refused = world.arena(&["run", "bundle", "--out", "other"])?.code(2)?.says("headers.X-Api-Key")?;
    assert!(!refused.all().contains("X-Team"), "{}", refused.all());
    Ok(())
}

#[test]
fn a_key_that_a_server_says_back_is_kept_nowhere() -> Result<()> {
    let echo = format!("your key is {KEY}");
    let refusing =
        Failure::Status { status: 400, retry_after: None, body: Some(json!({"error": {"message": echo}}).to_string()) };
    for behaviour in [Behaviour::text(&echo), Behaviour::text("fine").failing([Failing::always(refusing)])] {
        let vendor = FakeVendor::start(behaviour)?;
        let mut world = with(&vendor, json!({"credential_env": "MY_KEY"}))?;
        world.set("MY_KEY", KEY).set("ARENA_LOG", "debug");
        world.bundle.checks("s", json!([{"type": "contains", "params": {"patterns": ["your key is ***"]}}]));
        let ran = world.arena(&["run", "bundle", "--out", "out"])?;
        assert!(!ran.all().contains(KEY), "{}", ran.all());
        assert!(!world.arena(&["results", "export", "out"])?.code(0)?.all().contains(KEY));
        assert_eq!(holders(&world.path("out"), KEY)?, Vec::<String>::new());
        assert_eq!(vendor.last_authorization(), Some(format!("Bearer {KEY}")));
    }
    Ok(())
}

#[test]
fn a_key_file_is_looked_for_beside_the_bundle() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text("fine"))?;
    let mut world = with(&vendor, json!({"credential_file": "keys/.m"}))?;
    fs::create_dir_all(world.path("bundle/keys"))?;
    world.bundle.file("keys/.m", &format!("{KEY}\n"))?;
    world.run_one()?;
    assert_eq!(vendor.last_authorization(), Some(format!("Bearer {KEY}")));
    assert_eq!(holders(&world.path("out"), KEY)?, Vec::<String>::new());

    fs::write(world.path("absolute"), KEY)?;
    let path = world.path("absolute").display().to_string();
    world.bundle.spec["provider_specs"]["m"]["credential"] = json!({"credential_file": path});
    vendor.reset();
    world.arena(&["run", "bundle", "--out", "absolutely"])?.code(0)?;
    assert_eq!(vendor.last_authorization(), Some(format!("Bearer {KEY}")));
    Ok(())
}

#[test]
fn a_run_is_resumed_from_elsewhere_with_its_bundle_for_the_key_file() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::default().failing([Failing::always(Failure::Hang)]))?;
    let mut world = with(&vendor, json!({"credential_file": ".key"}))?;
    world.bundle.file(".key", KEY)?;
    let mut running = world.start(&["run", "bundle", "--out", "out", "-q"])?;
    until("the call", || vendor.calls() == 1)?;
    running.signal(Signal::INT)?;
    running.wait_for("finishing the cases in flight")?;
    running.signal(Signal::INT)?;
    running.end()?.code(130)?;

    vendor.reset();
    vendor.behave(Behaviour::text("fine"));
    let out = world.path("out").display().to_string();
    let elsewhere = tempfile::tempdir()?;
    let bundle = world.path("bundle").display().to_string();
    let ended = world.command(&["run", "--resume", &out, &bundle])?.current_dir(elsewhere.path()).output()?;
    assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stdout));
    assert_eq!(vendor.last_authorization(), Some(format!("Bearer {KEY}")));
    Ok(())
}

#[test]
fn a_key_file_that_is_none_is_the_providers_error() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text("fine"))?;
    let mut world = World::new()?;
    world.bundle.file("part-of-the-bundle", KEY)?.file(".empty", "")?.file(".large", &"x".repeat((64 << 10) + 1))?;
    fs::write(world.path("outside"), KEY)?;
    assert!(Command::new("mkfifo").arg(world.path("bundle/.pipe")).status()?.success());
    let cases = [
        ("part-of-the-bundle", "CredentialInvalid", "begin its name with a dot"),
        ("../outside", "CredentialInvalid", "leads out of the bundle"),
        (".pipe", "CredentialInvalid", "not a regular file"),
        ("/dev/zero", "CredentialInvalid", "not a regular file"),
        (".large", "CredentialInvalid", "65536 bytes"),
        (".empty", "CredentialMissing", "is empty"),
        (".gone", "CredentialMissing", "cannot be read"),
    ];
    for (at, (file, ..)) in cases.iter().enumerate() {
        let id = format!("p{at}");
        world.bundle.openai(&id, &vendor.url());
        world.bundle.spec["provider_specs"][&id]["credential"] = json!({"credential_file": file});
    }
    world.bundle.scenario("s", json!({}));
    let records = world.run(&[])?;
    assert_eq!((records.len(), vendor.calls()), (cases.len(), 0));
    for (record, (file, reason, part)) in records.iter().zip(cases) {
        assert_eq!((record.outcome, record.error.as_deref()), (Outcome::Error, Some(reason)), "{file}");
        assert!(record.reason.as_ref().unwrap().contains(part), "{file}: {:?}", record.reason);
    }
    Ok(())
}

#[test]
fn a_reply_over_the_limit_is_the_error_of_its_case() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text("fine").failing([Failing::always(Failure::Oversize(5 << 20))]))?;
    let fine = FakeVendor::start(Behaviour::text("fine"))?;
    let mut world = World::new()?;
    world.bundle.openai("large", &vendor.url()).openai("small", &fine.url()).scenario("s", json!({}));
    let records = world.run(&[])?;
    assert_eq!((records[0].outcome, records[0].error.as_deref()), (Outcome::Error, Some("ReplyTooLarge")));
    assert_eq!(records[1].outcome, Outcome::Passed);
    Ok(())
}
