//! `arena run -f`: the YAML of a cluster on a laptop.

use std::fs;

use anyhow::Result;
use arena_e2e::{Signal, World, until};
use arena_harness::{Behaviour, Failing, Failure, FakeVendor};
use serde_json::json;

use crate::keys::holders;

const KEY: &str = "sk-0123456789abcdef";
/// In a header whose name says nothing.
const TOKEN: &str = "t0ken-of-a-team";

/// A bundle of one case for the provider `m`, and the files that bind it to `vendor`.
fn world(vendor: &FakeVendor) -> Result<World> {
    let mut world = World::new()?;
    world.bundle.openai("m", "http://127.0.0.1:9").scenario("s", json!({}));
    let head = "apiVersion: omnia.altairalabs.ai/v1alpha1";
    let provider = format!(
        "{head}\nkind: Provider\nmetadata: {{name: m}}\nspec:\n  type: openai\n  model: small\n  baseURL: {}\n  \
         credential: {{secretRef: {{name: s}}}}\n  headers: {{X-Team: {TOKEN}}}\n",
        vendor.url()
    );
    let config = format!(
        "{head}\nkind: ArenaConfig\nmetadata: {{name: c}}\nspec: {{sourceRef: {{name: s}}, providers: [{{name: m}}]}}\n"
    );
    fs::write(world.path("provider.yaml"), provider)?;
    fs::write(world.path("config.yaml"), config)?;
    world.set("ARENA_KEY_M", KEY);
    Ok(world)
}

#[test]
fn where_providers_are_called_is_not_kept_and_is_given_again() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::default().failing([Failing::always(Failure::Hang)]))?;
    let world = world(&vendor)?;
    let files = ["-f", "config.yaml", "-f", "provider.yaml"];
    let mut running = world.start(&[&["run", "bundle", "--out", "out"][..], &files].concat())?;
    until("the call", || vendor.calls() == 1)?;
    running.signal(Signal::INT)?;
    running.wait_for("once more to stop at once")?;
    running.signal(Signal::INT)?;
    running.end()?.code(130)?.says("/out -f config.yaml -f provider.yaml`")?;
    vendor.behave(Behaviour::text("fine"));

    world.arena(&["run", "--resume", "out"])?.code(2)?.says("error[ConfigNotFound]")?;
    assert_eq!(vendor.calls(), 1);
    let other = fs::read_to_string(world.path("provider.yaml"))?.replace("model: small", "model: large");
    fs::write(world.path("other.yaml"), other)?;
    let resume = ["run", "--resume", "out", "-f", "config.yaml", "-f"];
    world.arena(&[&resume[..], &["other.yaml"]].concat())?.code(2)?.says("error[WorkChanged]")?;
    world.arena(&[&resume[..], &["provider.yaml"]].concat())?.code(0)?;
    assert_eq!((vendor.calls(), vendor.last_authorization()), (2, Some(format!("Bearer {KEY}"))));
    // Without cases left nothing is needed.
    world.arena(&["run", "--resume", "out", "-q"])?.code(0)?;
    for secret in [KEY, TOKEN] {
        assert_eq!(holders(&world.path("out"), secret)?, Vec::<String>::new(), "{secret}");
    }
    Ok(())
}

#[test]
fn without_a_key_nothing_is_run_and_nothing_is_kept_of_a_bundles_own() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text("fine"))?;
    let mut world = world(&vendor)?;
    let arguments = ["run", "bundle", "--out", "out", "-f", "config.yaml", "-f", "provider.yaml"];
    world.set("ARENA_KEY_M", "");
    world.arena(&arguments)?.code(2)?.says("error[CredentialMissing]")?.says("ARENA_KEY_M")?;
    world.set("ARENA_KEY_M", KEY);
    // The config takes the provider's place, but its file would be copied.
    world.bundle.spec["provider_specs"]["m"]["credential"] = json!({"api_key": KEY});
    world.arena(&arguments)?.code(2)?.says("error[InlineKey]")?;
    assert!(!world.path("out").exists());
    assert_eq!(vendor.calls(), 0);
    Ok(())
}

#[test]
fn a_provider_that_no_config_binds_is_refused_as_in_a_cluster() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text("fine"))?;
    let mut world = world(&vendor)?;
    world.bundle.openai("own", &vendor.url());
    let arguments = ["run", "bundle", "--out", "out", "-f", "config.yaml", "-f", "provider.yaml"];
    world.arena(&arguments)?.code(2)?.says("error[ProviderUnmapped]")?.says("own")?;
    assert!(!world.path("out").exists());
    assert_eq!(vendor.calls(), 0);
    world.arena(&[&arguments[..], &["--mock-provider"]].concat())?.code(0)?;
    Ok(())
}

#[test]
fn validate_checks_the_run_that_the_files_make() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text("fine"))?;
    let mut world = world(&vendor)?;
    let files = ["-f", "config.yaml", "-f", "provider.yaml"];
    let validate = |world: &World, more: &[&str]| world.arena(&[&["validate", "bundle"][..], &files, more].concat());
    // The provider is called where the files say, and not where the bundle does.
    let valid = validate(&world, &[])?.code(0)?.says("1 case")?;
    valid.says(&format!("small at {}", vendor.url()))?.says("$ARENA_KEY_M")?;
    world.arena(&["validate", "bundle"])?.says("http://127.0.0.1:9/")?;
    assert_eq!(vendor.calls(), 0);

    // What is wrong with the bundle is told with the files as without.
    world.bundle.spec["scenario_specs"]["s"]["task_type"] = json!("nowhere");
    validate(&world, &[])?.code(2)?.says("[PromptMissing]")?;
    // All is told at once: of each file, and of the bundle.
    let config = fs::read_to_string(world.path("config.yaml"))?;
    fs::write(world.path("config.yaml"), config.replace("sourceRef", "sauceRef"))?;
    let provider = fs::read_to_string(world.path("provider.yaml"))?;
    fs::write(world.path("provider.yaml"), provider.replace("model:", "modle:"))?;
    let told = validate(&world, &[])?.code(2)?.says("config.yaml: error[ManifestInvalid]")?;
    told.says("provider.yaml: error[ManifestInvalid]")?.says("[PromptMissing]")?;
    for format in ["json", "sarif"] {
        let told = validate(&world, &["--format", format])?.code(2)?;
        told.says("ManifestInvalid")?.says("provider.yaml")?.says("PromptMissing")?;
    }
    world.arena(&["validate", "bundle", "-f", "none.yaml"])?.code(2)?.says("none.yaml")?;
    Ok(())
}
