//! Passwords, Docker configs and certificates of `arena bundle`.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use anyhow::Result;
use arena_e2e::{Ran, World};
use arena_harness::{Authority, Registry, RegistryOptions};

use crate::bundle_registry::{bundle, stand};

/// A bundle command with plain HTTP and a password on standard input.
fn logged_in(world: &World, arguments: &[&str], password: &str) -> Result<Ran> {
    let all = [&["bundle"][..], arguments, &["--insecure", "--username", Registry::USER, "--password-stdin"]].concat();
    let mut command = world.command(&all)?;
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    child.stdin.take().unwrap().write_all(password.as_bytes())?;
    let output = child.wait_with_output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Ran { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) })
}

#[tokio::test]
async fn a_locked_registry_wants_its_password() -> Result<()> {
    let options = RegistryOptions { locked: true, ..RegistryOptions::default() };
    let Some((registry, mut world)) = stand("passwords", options).await? else { return Ok(()) };
    let url = format!("oci://{}/team/e2e:v1", registry.address());
    let (push, pull) = (["push", "bundle", &url], ["pull", &url, "-o", "new"]);
    for command in [&push[..], &pull] {
        bundle(&world, command)?.code(2)?.says("error[AuthenticationFailed]")?.says("docker login")?;
        let refused = logged_in(&world, command, "wrong-word")?.code(2)?.says("error[AuthenticationFailed]")?;
        assert!(!refused.all().contains("wrong-word"), "{}", refused.all());
        logged_in(&world, command, "")?.code(2)?.says("error[PasswordInvalid]")?;
        world
            .arena(&[&["bundle"][..], command, &["--username", "user"]].concat())?
            .code(2)?
            .says("--password-stdin")?;
    }
    logged_in(&world, &push, &format!("{}\n", Registry::PASSWORD))?.code(0)?;
    logged_in(&world, &pull, Registry::PASSWORD)?.code(0)?;

    let config = |text: String| -> Result<()> {
        fs::create_dir_all(world.path(".docker"))?;
        Ok(fs::write(world.path(".docker/config.json"), text)?)
    };
    let address = registry.address();
    // user:secret
    config(format!(r#"{{"auths": {{"{address}": {{"auth": "dXNlcjpzZWNyZXQ="}}}}, "credsStore": "desktop"}}"#))?;
    bundle(&world, &push)?.code(0)?;
    bundle(&world, &["inspect", &url])?.code(0)?;
    config(format!(r#"{{"auths": {{"{address}": {{}}}}, "credsStore": "desktop"}}"#))?;
    let refused = bundle(&world, &push)?.code(2)?.says("error[CredentialHelperUnsupported]")?;
    refused.says("docker-credential-desktop")?.says("--password-stdin")?;
    config(r#"{"auths": "secret-thing"}"#.to_owned())?;
    let refused = bundle(&world, &push)?.code(2)?.says("error[DockerConfigInvalid]")?;
    assert!(!refused.all().contains("secret-thing"), "{}", refused.all());
    logged_in(&world, &push, Registry::PASSWORD)?.code(0)?;

    fs::write(
        world.path("auth.json"),
        format!(r#"{{"auths": {{"{address}/team": {{"username": "user", "password": "secret"}}}}}}"#),
    )?;
    world.set("REGISTRY_AUTH_FILE", "auth.json");
    bundle(&world, &push)?.code(0)?;
    world.set("REGISTRY_AUTH_FILE", "nowhere.json");
    bundle(&world, &push)?.code(2)?.says("error[DockerConfigInvalid]")?;
    Ok(())
}

#[tokio::test]
async fn certificates_of_ones_own_are_trusted_by_name() -> Result<()> {
    let authority = Authority::new("e2e")?;
    let certificate = Some(authority.issue(&["127.0.0.1"])?);
    let options = RegistryOptions { certificate, ..RegistryOptions::default() };
    let Some((registry, world)) = stand("certificates", options).await? else { return Ok(()) };
    let url = format!("oci://{}/team/e2e:v1", registry.address());
    fs::write(world.path("ca.pem"), authority.certificate())?;
    fs::write(world.path("none.pem"), "nothing")?;
    world.arena(&["bundle", "push", "bundle", &url])?.code(2)?.says("error[RemoteUnreachable]")?.says("--ca")?;
    world.arena(&["bundle", "push", "bundle", &url, "--ca", "none.pem"])?.code(2)?.says("error[CertificateInvalid]")?;
    world.arena(&["bundle", "push", "bundle", &url, "--ca", "ca.pem"])?.code(0)?;
    world.arena(&["bundle", "pull", &url, "-o", "new", "--ca", "ca.pem"])?.code(0)?;
    Ok(())
}
