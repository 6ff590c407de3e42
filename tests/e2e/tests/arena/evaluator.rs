//! `arena evaluator`: everything but the build, which needs a compiler.

use std::fs;

use anyhow::Result;
use arena_e2e::{World, example, hostile};

/// `arena evaluator run` of the example's component.
const REPLY: &str = "I am sorry.";

fn polite() -> Result<String> {
    Ok(example("quickstart/evaluators/polite-evaluator.wasm")?.display().to_string())
}

#[test]
fn new_writes_a_project_that_knows_its_name() -> Result<()> {
    let world = World::new()?;
    world.arena(&["evaluator", "new", "polite-tone"])?.code(0)?.says("arena evaluator build polite-tone")?;
    let manifest = fs::read_to_string(world.path("polite-tone/Cargo.toml"))?;
    assert!(manifest.contains("polite-tone") && !manifest.contains("{{"), "{manifest}");
    for file in ["src/lib.rs", "cases.yaml", "README.md", "vendor/arena-guest/Cargo.toml"] {
        assert!(world.path("polite-tone").join(file).is_file(), "{file}");
    }
    world.arena(&["evaluator", "new", "polite-tone"])?.code(2)?.says("error[FolderExists]")?;
    world.arena(&["evaluator", "new", "polite-tone", "--dir", "else/where"])?.code(0)?;
    assert!(world.path("else/where/Cargo.toml").is_file());
    Ok(())
}

#[test]
fn new_refuses_names_that_cannot_be() -> Result<()> {
    let world = World::new()?;
    let long = "a".repeat(65);
    for name in ["Polite", "9lives", "a_b", "a-", "../up", "a b", "", "ä", &long] {
        world.arena(&["evaluator", "new", name])?.code(2)?.says("error[NameInvalid]")?;
    }
    world.arena(&["evaluator", "new", &"a".repeat(64)])?.code(0)?;
    Ok(())
}

#[test]
fn build_wants_a_project() -> Result<()> {
    let world = World::new()?;
    world.arena(&["evaluator", "build", "bundle"])?.code(2)?.says("error[ProjectMissing]")?;
    Ok(())
}

#[test]
fn run_says_the_verdict_by_its_exit_code() -> Result<()> {
    let (world, polite) = (World::new()?, polite()?);
    let run = |params: &str| world.arena(&["evaluator", "run", &polite, "--params", params, "--reply", REPLY]);
    run(r#"{"max": 1}"#)?.code(0)?.says("passed, score 1:")?.says("evidence message 0: sorry")?.says(" fuel, ")?;
    run(r#"{"max": 0}"#)?.code(1)?.says("failed, score 0:")?;
    run(r#"{"max": "few"}"#)?.code(2)?.says("error BadParams")?;
    for wrong in ["{", "[]", "1"] {
        run(wrong)?.code(2)?.says("error[ParamsInvalid]")?;
    }
    Ok(())
}

#[test]
fn run_without_a_verdict_is_4() -> Result<()> {
    let world = World::new()?;
    let polite = polite()?;
    fs::write(world.path("silent.json"), r#"[{"role": "user", "content": "hello?"}]"#)?;
    let params = r#"{"max": 1}"#;
    let run = ["evaluator", "run", &polite, "--params", params, "--conversation", "silent.json"];
    world.arena(&run)?.code(4)?.says("skipped: there is no reply yet")?;
    let trap = hostile("trap")?.display().to_string();
    world
        .arena(&["evaluator", "run", &trap, "--params", r#"{"kind": "panic"}"#, "--reply", "x"])?
        .code(4)?
        .says("GuestTrap")?;
    Ok(())
}

#[test]
fn run_reads_conversations_and_records() -> Result<()> {
    let (world, polite) = (World::new()?, polite()?);
    let messages =
        "- {role: user, content: a}\n- {role: assistant, content: sorry}\n- {role: assistant, content: sorry}\n";
    fs::write(world.path("list.yaml"), messages)?;
    fs::write(world.path("record.json"), r#"{"v": 1, "messages": [{"role": "assistant", "content": "fine"}]}"#)?;
    fs::write(world.path("wrong.json"), r#"[{"content": "who?"}]"#)?;
    let run =
        |file: &str| world.arena(&["evaluator", "run", &polite, "--params", r#"{"max": 5}"#, "--conversation", file]);
    run("list.yaml")?.code(1)?.says("two of them in a row")?;
    run("record.json")?.code(0)?;
    run("wrong.json")?.code(2)?.says("error[ConversationInvalid]")?.says("no `role`")?;
    run("missing.json")?.code(2)?.says("error[FileUnreadable]")?;
    Ok(())
}

#[test]
fn run_names_the_checks_there_are() -> Result<()> {
    let world = World::new()?;
    let text = arena_e2e::component("text")?.display().to_string();
    world
        .arena(&["evaluator", "run", &text, "--reply", "x"])?
        .code(2)?
        .says("error[CheckUnknown]")?
        .says("contains_any")?;
    let check = |name: &str| {
        let params = r#"{"patterns": ["x"]}"#;
        world.arena(&["evaluator", "run", &text, "--check", name, "--params", params, "--reply", "x"])
    };
    check("content_includes")?.code(0)?;
    check("polite")?.code(2)?.says("error[CheckUnknown]")?;
    let template = arena_e2e::component("template")?.display().to_string();
    world.arena(&["evaluator", "run", &template, "--reply", "x"])?.code(2)?.says("error[ContractMismatch]")?;
    Ok(())
}

#[test]
fn run_answers_for_the_judge() -> Result<()> {
    let world = World::new()?;
    let judge = arena_e2e::component("judge")?.display().to_string();
    let params = r#"{"criteria": "kind"}"#;
    let run = ["evaluator", "run", &judge, "--check", "llm_judge", "--params", params, "--reply", "x"];
    let answer = r#"{"passed": true, "score": 1, "reasoning": "so kind"}"#;
    world.arena(&[&run[..], &["--judge", answer]].concat())?.code(0)?.says("so kind")?;
    world.arena(&run)?.code(4)?.says("no further answer")?;
    Ok(())
}

#[test]
fn test_runs_the_cases() -> Result<()> {
    let (world, polite) = (World::new()?, polite()?);
    let cases = example("polite-evaluator/cases.yaml")?.display().to_string();
    world.arena(&["evaluator", "test", &polite, "--cases", &cases])?.code(0)?.says(" passed, 0 failed")?;
    let case = |rest: &str| format!("- name: it\n  reply: sorry\n  params: {{max: 1}}\n{rest}");
    for (name, text) in [("wrong-word", "  expect: failed\n"), ("wrong-score", "  expect: passed\n  score: 0.3\n")] {
        fs::write(world.path(name), case(text))?;
        world.arena(&["evaluator", "test", &polite, "--cases", name])?.code(1)?.says("FAIL it: expected ")?;
    }
    let both = "- name: it\n  reply: a\n  messages: []\n  expect: passed\n";
    for (name, text) in [("none", "[]"), ("both", both), ("unknown", "- name: it\n  oops: 1\n")] {
        fs::write(world.path(name), text)?;
        world.arena(&["evaluator", "test", &polite, "--cases", name])?.code(2)?.says("error[CasesInvalid]")?;
    }
    Ok(())
}

#[test]
fn test_finds_the_component_of_a_project() -> Result<()> {
    let world = World::new()?;
    fs::create_dir(world.path("project"))?;
    world.arena(&["evaluator", "test", "project"])?.code(2)?;
    fs::write(world.path("project/cases.yaml"), "- name: it\n  reply: fine\n  params: {max: 1}\n  expect: passed\n")?;
    world.arena(&["evaluator", "test", "project"])?.code(2)?.says("error[ComponentMissing]")?;
    fs::copy(polite()?, world.path("project/a.wasm"))?;
    world.arena(&["evaluator", "test", "project"])?.code(0)?;
    fs::copy(polite()?, world.path("project/b.wasm"))?;
    world.arena(&["evaluator", "test", "project"])?.code(2)?.says("several .wasm files")?;
    Ok(())
}
