//! Files that are no files, too large, or lead in circles: refused at once, with a name of their own.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use anyhow::Result;
use arena_e2e::{World, component};
use serde_json::json;

/// A bundle with one provider `m`, and a pipe that nobody writes to.
fn with_pipe() -> Result<World> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?.scenario("s", json!({}));
    assert!(Command::new("mkfifo").arg(world.path("pipe")).status()?.success());
    Ok(world)
}

#[test]
fn devices_and_pipes_are_not_read() -> Result<()> {
    let world = with_pipe()?;
    let text = component("text")?.display().to_string();
    for file in ["/dev/zero", "pipe"] {
        let named = format!("text={file}");
        for command in [
            &["run", "bundle", "--out", "out", "--mock-provider", "--mock-config", file][..],
            &["run", "bundle", "--out", "out", "--evaluator", &named],
            &["evaluator", "run", file, "--reply", "x"],
            &["evaluator", "run", &text, "--conversation", file],
            &["evaluator", "test", &text, "--cases", file],
        ] {
            world.arena(command)?.code(2)?.says("error[NotAFile]")?.says(file)?;
        }
    }
    assert!(!world.path("out").exists());
    Ok(())
}

#[test]
fn a_file_over_the_limit_is_not_read() -> Result<()> {
    let world = with_pipe()?;
    fs::File::create(world.path("large"))?.set_len((64 << 20) + 1)?;
    let run = ["run", "bundle", "--out", "out", "--mock-provider", "--mock-config", "large"];
    world.arena(&run)?.code(2)?.says("error[FileTooLarge]")?.says("67108864")?;
    world.arena(&["evaluator", "run", "large", "--reply", "x"])?.code(2)?.says("error[FileTooLarge]")?;
    Ok(())
}

#[test]
fn a_link_that_never_ends_is_bad_input() -> Result<()> {
    let mut world = with_pipe()?;
    world.bundle.write()?;
    symlink("circle.yaml", world.path("bundle/circle.yaml"))?;
    world.arena(&["run", "bundle", "--out", "alone"])?.code(0)?.says("circle.yaml: [LinkLoop]")?;
    world.bundle.spec["scenarios"] = json!([{"file": "circle.yaml"}]);
    world.arena(&["run", "bundle", "--out", "out"])?.code(2)?.says("error[LinkLoop]")?;
    Ok(())
}

#[test]
fn a_cache_that_cannot_be_used_is_a_warning() -> Result<()> {
    let mut world = with_pipe()?;
    fs::write(world.path("file"), "")?;
    let file = world.path("file").display().to_string();
    world.set("ARENA_CACHE", &file).arena(&["run", "bundle", "--out", "out"])?.code(0)?.says("compiled anew")?;
    Ok(())
}

#[test]
fn runs_within_the_bundle_do_not_change_it() -> Result<()> {
    let world = with_pipe()?;
    world.bundle.write()?;
    let run = |out: &str| -> Result<()> {
        let output = world.command(&["run", ".", "--out", out])?.current_dir(world.path("bundle")).output()?;
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    };
    run("out/one")?;
    run("out/two")?;
    let (one, two) = (world.manifest("bundle/out/one")?, world.manifest("bundle/out/two")?);
    assert_eq!(one.work_digest, two.work_digest);
    assert!(!world.path("bundle/out/two/bundle/out").exists(), "the first run lies in the second");
    world.arena(&["run", "bundle", "--resume", "bundle/out/one"])?.code(0)?;
    Ok(())
}

#[test]
fn a_missing_mock_file_is_named_once() -> Result<()> {
    let mut world = World::new()?;
    let config = json!({"mock_config": "gone.yaml"});
    world.bundle.provider("m", json!({"type": "mock", "model": "m", "additional_config": config}));
    world.bundle.scenario("s", json!({}));
    let error = world.run_one()?.reason.unwrap();
    assert_eq!(error.matches("gone.yaml").count(), 1, "{error}");
    assert!(error.contains("there is no such file in the bundle") && error.len() < 200, "{error}");
    Ok(())
}
