//! What `validate` says of bad input, one case a kind, held in `bad_input.txt`. `ARENA_UPDATE=1` writes that file.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use arena_e2e::World;
use serde_json::{Value, json};

/// What makes a good bundle bad.
type Spoil = fn(&mut World) -> Result<()>;

/// A scenario document with more lines in its spec.
fn scenario(more: &str) -> String {
    let head = "apiVersion: promptkit.altairalabs.ai/v1alpha1\nkind: Scenario\nmetadata: {name: f}\nspec:\n";
    format!("{head}  task_type: p\n  description: d\n  turns: [{{role: user, content: hello}}]\n{more}")
}

/// The file `f.yaml`, referred to as a scenario.
fn file(world: &mut World, bytes: &[u8]) -> Result<()> {
    world.bundle.spec["scenarios"] = json!([{"file": "f.yaml"}]);
    world.bundle.file("f.yaml", "")?;
    std::fs::write(world.bundle.path().join("f.yaml"), bytes).context("f.yaml")
}

fn yaml(world: &mut World, more: &str) -> Result<()> {
    file(world, scenario(more).as_bytes())
}

/// A link that leads out of the bundle.
fn link(world: &mut World, name: &str) -> Result<()> {
    std::os::unix::fs::symlink("../outside", world.bundle.path().join(name)).context(name.to_owned())
}

fn spec(world: &mut World, key: &str, value: Value) -> Result<()> {
    world.bundle.spec[key] = value;
    Ok(())
}

const KINDS: &[(&str, Spoil)] = &[
    ("a missing file", |world| spec(world, "scenarios", json!([{"file": "none.yaml"}]))),
    ("a path that leads out, which a case would open", |world| {
        let media = json!({"file_path": "../secret.png", "mime_type": "image/png"});
        world.bundle.scenario("s", json!({"turns": [{"role": "user", "parts": [{"type": "image", "media": media}]}]}));
        Ok(())
    }),
    ("a path that leads out, which no case opens", |world| {
        let config = json!({"recording": "../elsewhere/r.recording.json"});
        world.bundle.provider("r", json!({"type": "mock", "model": "m", "additional_config": config}));
        Ok(())
    }),
    ("a reference that leads out", |world| spec(world, "scenarios", json!([{"file": "../f.yaml"}]))),
    ("a link that leads out, which nothing refers to", |world| link(world, "link.yaml")),
    ("a link that leads out, which the arena refers to", |world| {
        spec(world, "scenarios", json!([{"file": "f.yaml"}]))?;
        link(world, "f.yaml")
    }),
    ("a bomb of aliases", |world| {
        let mut bomb = String::from("  labels:\n    a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let below = vec![format!("*a{}", level - 1); 10].join(", ");
            writeln!(bomb, "    a{level}: &a{level} [{below}]")?;
        }
        yaml(world, &bomb)
    }),
    ("an alias of nothing", |world| yaml(world, "  variables: {a: *nothing}\n")),
    ("a key given twice", |world| yaml(world, "  description: again\n")),
    ("two scenarios of one name", |world| {
        world.bundle.file("g.yaml", &scenario(""))?;
        yaml(world, "")?;
        spec(world, "scenarios", json!([{"file": "f.yaml"}, {"file": "g.yaml"}]))
    }),
    ("a file listed twice", |world| {
        yaml(world, "")?;
        spec(world, "scenarios", json!([{"file": "f.yaml"}, {"file": "f.yaml"}]))
    }),
    ("a value given twice", |world| {
        let turn = "content: 'hello {a}', perturbations: {a: [x, x]}";
        file(world, scenario("").replace("content: hello", turn).as_bytes())
    }),
    ("fragments that contain each other", |world| {
        world.bundle.file("a.md", "{{b}}")?.file("b.md", "{{a}}")?;
        let fragment = |name: &str| json!({"name": name, "path": format!("{name}.md"), "required": true});
        world.bundle.spec["prompt_specs"]["p"]["fragments"] = json!([fragment("a"), fragment("b")]);
        world.bundle.spec["prompt_specs"]["p"]["system_template"] = json!("{{b}}");
        Ok(())
    }),
    ("a second document", |world| yaml(world, "---\nkind: Scenario\n")),
    ("a second document that is empty", |world| yaml(world, "---\n# nothing\n")),
    ("a document of 100 MB", |world| file(world, &vec![b' '; 100_000_000])),
    ("bytes that are not UTF-8", |world| file(world, b"kind: \xff\n")),
    ("a NUL byte", |world| file(world, b"kind: \0\n")),
    ("deep nesting", |world| yaml(world, &format!("  labels: {}{}\n", "[".repeat(2000), "]".repeat(2000)))),
    ("wrong types", |world| yaml(world, "  trials: many\n  providers: m\n  variables: [a]\n")),
    ("an unknown kind", |world| file(world, scenario("").replace("kind: Scenario", "kind: Szenario").as_bytes())),
    ("an unknown key", |world| yaml(world, "  trails: 3\n")),
    ("no YAML", |world| yaml(world, "  labels: {a: [}\n")),
    ("nothing to run", |world| spec(world, "scenario_specs", json!({}))),
    ("a matrix over the cap", |world| {
        world.bundle.scenario("s", json!({"trials": 4_000_000_000u64}));
        Ok(())
    }),
];

#[test]
fn each_kind_of_bad_input_has_its_message() -> Result<()> {
    let mut all = String::new();
    for (kind, spoil) in KINDS {
        let mut world = World::new()?;
        world.bundle.says("m", "ok")?.scenario("s", json!({}));
        spoil(&mut world)?;
        let ran = world.arena(&["validate", "bundle"])?;
        writeln!(all, "{kind}: exit {}\n{}", ran.code, ran.all())?;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/arena/bad_input.txt");
    if std::env::var_os("ARENA_UPDATE").is_some() {
        std::fs::write(&path, &all)?;
    }
    assert_eq!(all, std::fs::read_to_string(&path).context("bad_input.txt")?);
    Ok(())
}

#[test]
fn reports_beside_the_folder_of_a_run_change_no_bundle() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "ok")?.scenario("s", json!({}));
    let reports = ["--formats", "markdown,html,json,junit", "--junit-file", "bundle/results/junit.xml"];
    let run = |out: &str, world: &World| {
        world.arena(&[&["run", "bundle", "--out", out][..], &reports].concat())?.code(0)?;
        world.manifest(out)
    };
    let first = run("bundle/results/one", &world)?;
    assert!(world.path("bundle/results/junit.xml").is_file());
    let second = run("bundle/results/two", &world)?;
    assert_eq!(first.work.bundle, second.work.bundle);
    Ok(())
}

#[test]
fn what_is_there_twice_is_a_warning_before_a_run_and_an_error_under_strict() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "ok")?;
    world.bundle.file("f.yaml", &scenario(""))?.file("g.yaml", &scenario(""))?;
    world.bundle.spec["scenarios"] = json!([{"file": "f.yaml"}, {"file": "g.yaml"}]);
    world.arena(&["run", "bundle", "--out", "out"])?.code(0)?.says("[DuplicateScenario]")?;
    world.arena(&["run", "bundle", "--strict", "--out", "strict"])?.code(2)?.says("error[DuplicateScenario]")?;
    world.arena(&["validate", "bundle"])?.code(2)?.says("error[DuplicateScenario]")?;
    Ok(())
}
