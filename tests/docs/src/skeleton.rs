//! A whole bundle around a piece of YAML, so that a piece is validated as it is printed.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::root;

const EVALUATOR: &str = "evaluators/polite-evaluator.wasm";

/// Keys of an arena's spec with what stands there if the piece has none.
const ARENA: [(&str, &str); 11] = [
    ("prompt_configs", "prompt_configs: [{ id: support, file: prompt.yaml }]"),
    ("providers", "providers: [{ file: provider.yaml }, { file: judge.yaml, group: judges }]"),
    ("judges", "judges: [{ name: quality, provider: judge }]"),
    ("evaluators", "evaluators: [{ name: polite, component: evaluators/polite-evaluator.wasm }]"),
    ("template", ""),
    ("tool_specs", "tool_specs: { find_order: { description: d, input_schema: {}, output_schema: {}, mode: mock } }"),
    ("mcp_servers", ""),
    ("globals", ""),
    ("scenarios", "scenarios: [{ file: scenario.yaml }]"),
    ("scenario_specs", ""),
    ("defaults", "defaults: {}"),
];

/// Keys of a scenario's spec, likewise.
const SCENARIO: [(&str, &str); 10] = [
    ("task_type", "task_type: support"),
    ("description", "description: a piece"),
    ("turns", "turns: [{ role: user, content: Hello }]"),
    ("conversation_assertions", ""),
    ("variables", ""),
    ("trials", ""),
    ("dataset", ""),
    ("streaming", ""),
    ("providers", ""),
    ("provider_group", ""),
];

/// The table that a piece may name.
const TABLE: (&str, &str) = ("data/test.jsonl", "{\"language\": \"en\", \"reviewed\": true, \"topic\": \"lamps\"}\n");
const PROMPT: &str = "task_type: support\nversion: v1.0.0\ndescription: a piece\nsystem_template: Be kind.\n";
const MOCK: &str = "type: mock\nmodel: mock-model\n";

fn document(kind: &str, name: &str, spec: &str) -> String {
    let spec = indent(spec, 2);
    format!("apiVersion: promptkit.altairalabs.ai/v1alpha1\nkind: {kind}\nmetadata:\n  name: {name}\nspec:\n{spec}")
}

fn indent(text: &str, spaces: usize) -> String {
    let pad = " ".repeat(spaces);
    text.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("{pad}{line}\n") }).collect()
}

/// The keys on the outermost level.
fn keys(yaml: &str) -> Vec<&str> {
    let outermost = yaml.lines().filter(|line| !line.starts_with([' ', '#', '-']) && !line.is_empty());
    outermost.filter_map(|line| line.split_once(':').map(|(key, _)| key)).collect()
}

/// A spec of the piece and, for the keys it does not have, what stands in the table.
fn filled(piece: &str, table: &[(&str, &str)]) -> String {
    let given = keys(piece);
    let rest = table.iter().filter(|(key, default)| !given.contains(key) && !default.is_empty());
    rest.map(|(_, default)| format!("{default}\n")).collect::<String>() + piece
}

/// Writes a bundle around `yaml` into `to`: a Provider, Scenario or PromptConfig, assertions, or keys of an arena's or
/// a scenario's spec. Gives whether it is a mock file, which lies beside the bundle as `mock.yaml` and must be run with.
pub fn bundle_around(yaml: &str, to: &Path) -> Result<bool> {
    let mut files = vec![
        ("config.arena.yaml", document("Arena", "skeleton", &filled("", &ARENA))),
        ("prompt.yaml", document("PromptConfig", "support", PROMPT)),
        ("provider.yaml", document("Provider", "mock", MOCK)),
        ("judge.yaml", document("Provider", "judge", MOCK)),
        ("scenario.yaml", document("Scenario", "hello", &filled("", &SCENARIO))),
    ];
    let names = keys(yaml);
    let all_of = |table: &[(&str, &str)]| names.iter().all(|name| table.iter().any(|(key, _)| key == name));
    let turn = |assertions: &str| {
        filled(&format!("turns:\n  - role: user\n    content: Hello\n{}", indent(assertions, 4)), &SCENARIO)
    };
    let mock =
        !names.is_empty() && names.iter().all(|name| ["defaultResponse", "scenarios", "tool_responses"].contains(name));
    let (file, text) = if names.contains(&"kind") {
        let kind = yaml.lines().find_map(|line| line.strip_prefix("kind: ")).unwrap_or_default();
        let file = match kind {
            "Provider" => "provider.yaml",
            "Scenario" => "scenario.yaml",
            "PromptConfig" => "prompt.yaml",
            other => bail!("a document of kind {other:?} needs the directive `file: PATH` and commands that use it"),
        };
        (file, yaml.to_owned())
    } else if mock {
        ("mock.yaml", yaml.to_owned())
    } else if names.is_empty() && yaml.lines().any(|line| line.starts_with("- type:")) {
        ("scenario.yaml", document("Scenario", "hello", &turn(&format!("assertions:\n{}", indent(yaml, 2)))))
    } else if names == ["assertions"] {
        ("scenario.yaml", document("Scenario", "hello", &turn(yaml)))
    } else if !names.is_empty() && all_of(&ARENA) {
        ("config.arena.yaml", document("Arena", "skeleton", &filled(yaml, &ARENA)))
    } else if !names.is_empty() && all_of(&SCENARIO) {
        ("scenario.yaml", document("Scenario", "hello", &filled(yaml, &SCENARIO)))
    } else {
        bail!("no known piece of a bundle: the outermost keys are {names:?}");
    };
    match files.iter_mut().find(|(name, _)| *name == file) {
        Some((_, old)) => *old = text,
        None => files.push((file, text)),
    }
    fs::create_dir_all(to.join("evaluators"))?;
    let component = root().join("examples/quickstart").join(EVALUATOR);
    fs::copy(&component, to.join(EVALUATOR)).with_context(|| format!("{}: run `./x build`", component.display()))?;
    fs::create_dir_all(to.join("data"))?;
    fs::write(to.join(TABLE.0), TABLE.1)?;
    for (name, text) in files {
        fs::write(to.join(name), text)?;
    }
    Ok(mock)
}
