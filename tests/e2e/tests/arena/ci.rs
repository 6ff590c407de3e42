//! Command lines as users of the original runner have them in CI, and the dry run.

use std::fs;

use anyhow::Result;
use arena_e2e::World;
use arena_harness::{Behaviour, FakeVendor};
use serde_json::{Value, json};

fn world(text: &str) -> Result<World> {
    let mut world = World::new()?;
    world.bundle.says("m", text)?;
    world.bundle.checks("s", json!([{"type": "contains", "params": {"patterns": ["fine"]}}]));
    Ok(world)
}

#[test]
fn the_original_runners_command_line_works() -> Result<()> {
    let world = world("bad")?;
    let config = "bundle/config.arena.yaml";
    let flags = ["--ci", "--formats", "json,junit,html", "--junit-file", "reports/a/junit.xml"];
    let ran = world.arena(&[&["run", "--config", config, "--out", "out"][..], &flags].concat())?.code(1)?;
    assert!(!ran.all().contains('\u{1b}'), "{}", ran.all());
    assert_eq!(fs::read(world.path("reports/a/junit.xml"))?, fs::read(world.path("out/junit.xml"))?);
    let left: Vec<_> = fs::read_dir(world.path("reports/a"))?.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["junit.xml"]);
    world.arena(&["run", "-c", config, "--format", "junit", "--out", "two", "-q"])?.code(1)?;
    assert!(!world.path("out.md").exists());
    world.arena(&["run", "--resume", "two", "--ci", "--formats", "markdown", "-q"])?.code(1)?;
    let page = fs::read_to_string(world.path("two.md"))?;
    for line in [
        "# Arena: failed\n",
        "| m | 0.0 % | 0.0 % to ",
        " | 0 of 1 | 1 | 0 |",
        "<summary>failed: s / m trial 1: contains",
    ] {
        assert!(page.contains(line), "{page}");
    }
    world.arena(&["run", "--resume", "two", "--markdown-file", "a/b.md", "-q"])?.code(1)?;
    assert_eq!(fs::read_to_string(world.path("a/b.md"))?, page);
    // A finished run gives its report once more.
    world.arena(&["run", "--resume", "two", "--junit-file", "again.xml", "-q"])?.code(1)?;
    assert!(world.path("again.xml").exists());
    world.arena(&["validate", "--config", config])?.code(0)?;
    Ok(())
}

#[test]
fn unknown_formats_and_two_bundles_are_bad_input() -> Result<()> {
    let world = world("fine")?;
    world.arena(&["run", "bundle", "--formats", "json,pdf"])?.code(2)?.says("pdf")?;
    world.arena(&["run", "bundle", "--config", "bundle"])?.code(2)?;
    world
        .arena(&["run", "bundle", "--out", "out", "--junit-file", "/proc/none/junit.xml"])?
        .code(3)?
        .says("FileUnwritable")?;
    Ok(())
}

#[test]
fn a_dry_run_tells_and_does_nothing() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::default())?;
    let mut world = World::new()?;
    let priced = |model: &str| {
        json!({"type": "openai", "model": model, "base_url": vendor.url(),
               "pricing": {"input_cost_per_1k": 1.0, "output_cost_per_1k": 2.0}})
    };
    world.bundle.spec["prompt_specs"]["p"]["system_template"] = json!("x".repeat(392));
    world.bundle.provider("known", priced("m")).openai("unpriced", &vendor.url()).says("mock", "fine")?;
    let checks =
        json!([{"type": "contains", "params": {"patterns": ["a"]}}, {"type": "min_length", "params": {"min": 1}}]);
    let turn = json!({"role": "user", "content": "12345678", "assertions": checks});
    world.bundle.scenario("s", json!({"trials": 2, "turns": [turn, turn]}));

    let dry = ["run", "bundle", "--dry-run"];
    let ran = world.arena(&dry)?.code(0)?.says("PriceMissing")?;
    for text in [
        "e2e: 6 cases, nobody was called",
        "scenario s: 6 cases (known, mock, unpriced; 2 trials, 2 turns)",
        "check contains: 12 evaluations",
        "check min_length: 12 evaluations",
        // Twice (392 + 8 and 392 + 16 bytes) / 4.
        "provider known: 4 calls, about 404 tokens of prompts; cost: about 0.4040 USD for the prompts alone; no max_tokens",
        "provider mock: 4 calls, about 404 tokens of prompts; cost: nothing: it calls nobody",
        "provider unpriced: 4 calls, about 404 tokens of prompts; cost: unknown",
    ] {
        assert!(ran.out.contains(text), "no {text:?} in {}", ran.out);
    }
    world.bundle.spec["defaults"]["max_tokens"] = json!(100);
    let ran =
        world.arena(&[&dry[..], &["--formats", "json", "--provider", "known", "--trial", "1"]].concat())?.code(0)?;
    let whole: Value = serde_json::from_str(&ran.out)?;
    assert_eq!((&whole["cases"], &whole["checks"]["contains"]), (&json!(1), &json!(2)));
    let provider = &whole["providers"][0];
    // 202 tokens in and, in the second call, the first reply; two replies out.
    assert_eq!((&provider["promptsUsd"], &provider["mostUsd"]), (&json!(0.202), &json!(0.302 + 0.4)));
    assert_eq!(vendor.calls() + vendor.connections(), 0);
    assert!(!world.path("out").exists());
    world.arena(&[&dry[..], &["--scenario", "t"]].concat())?.code(2)?.says("error[NothingSelected]")?;
    Ok(())
}
