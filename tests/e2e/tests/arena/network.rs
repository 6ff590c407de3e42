//! How vendors are reached.

use std::fs;

use anyhow::Result;
use arena_e2e::World;
use arena_harness::{Authority, Behaviour, FakeVendor};
use arena_model::Outcome;
use serde_json::json;

#[test]
fn a_certificate_is_trusted_once_its_authority_is_named() -> Result<()> {
    let authority = Authority::new("test")?;
    let vendor = FakeVendor::start_tls(Behaviour::text("fine"), &authority.issue(&["127.0.0.1"])?, None)?;
    let mut world = World::new()?;
    world.bundle.openai("m", &vendor.url()).scenario("s", json!({}));
    world.bundle.spec["provider_specs"]["m"]["additional_config"] = json!({"retries": "off"});
    fs::write(world.path("ca.pem"), authority.certificate())?;
    world.arena(&["run", "bundle", "--out", "without", "-q"])?.code(1)?;
    assert_eq!(world.records("without")?[0].error.as_deref(), Some("ProviderUnreachable"));
    world.arena(&["run", "bundle", "--out", "with", "-q", "--ca-file", "ca.pem"])?.code(0)?;
    world.set("ARENA_CA_FILE", "ca.pem").arena(&["run", "bundle", "--out", "variable", "-q"])?.code(0)?;
    world.arena(&["run", "bundle", "--out", "gone", "-q", "--ca-file", "gone.pem"])?.code(2)?.says("gone.pem")?;
    assert_eq!(vendor.calls(), 2);
    Ok(())
}

#[test]
fn a_vendor_that_asks_for_a_certificate_is_shown_one() -> Result<()> {
    let (authority, clients) = (Authority::new("servers")?, Authority::new("clients")?);
    let served = authority.issue(&["127.0.0.1"])?;
    let vendor = FakeVendor::start_tls(Behaviour::text("fine"), &served, Some(&clients))?;
    let mut world = World::new()?;
    world.bundle.openai("m", &vendor.url()).scenario("s", json!({}));
    world.bundle.spec["provider_specs"]["m"]["additional_config"] = json!({"retries": "off"});
    let own = clients.issue(&["me"])?;
    fs::write(world.path("ca.pem"), authority.certificate())?;
    fs::write(world.path("me.pem"), format!("{}{}", own.chain, own.key))?;
    world.arena(&["run", "bundle", "--out", "without", "-q", "--ca-file", "ca.pem"])?.code(1)?;
    let all = ["run", "bundle", "--out", "with", "-q", "--ca-file", "ca.pem", "--client-cert", "me.pem"];
    world.arena(&all)?.code(0)?;
    assert_eq!((world.records("with")?[0].outcome, vendor.calls()), (Outcome::Passed, 1));
    // As Kubernetes mounts a Secret.
    fs::create_dir(world.path("me"))?;
    fs::write(world.path("me/tls.crt"), &own.chain)?;
    fs::write(world.path("me/tls.key"), &own.key)?;
    world.set("ARENA_CA_FILE", "ca.pem").set("ARENA_CLIENT_CERT", "me");
    world.arena(&["run", "bundle", "--out", "mounted", "-q"])?.code(0)?;
    assert_eq!(vendor.calls(), 2);
    let wrong = ["run", "bundle", "--out", "wrong", "-q", "--client-cert", "ca.pem"];
    world.arena(&wrong)?.code(2)?.says("CertificateInvalid")?.says("ca.pem: there is no private key")?;
    Ok(())
}

#[test]
fn a_proxy_is_used_only_when_it_is_asked_for() -> Result<()> {
    let proxy = FakeVendor::start(Behaviour::text("fine"))?;
    let mut world = World::new()?;
    world.set("HTTP_PROXY", &proxy.base());
    world.bundle.openai("m", "http://vendor.invalid/v1").scenario("s", json!({}));
    world.bundle.spec["provider_specs"]["m"]["additional_config"] = json!({"retries": "off"});
    world.arena(&["run", "bundle", "--out", "direct", "-q"])?.code(1)?;
    assert_eq!(proxy.calls(), 0);
    world.arena(&["run", "bundle", "--out", "proxied", "-q", "--proxy-from-env"])?.code(0)?;
    assert_eq!(proxy.calls(), 1);
    Ok(())
}
