//! What a good bundle becomes.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::path::Path;
use std::time::Duration;

use arena_bundle::{Bundle, Limits, RateLimit, load};
use arena_model::{Content, Digest};
use serde_json::json;
use tempfile::TempDir;

const HEAD: &str = "apiVersion: promptkit.altairalabs.ai/v1alpha1\n";

fn document(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "{HEAD}kind: {kind}\nmetadata: {{name: {name}, labels: {{tier: meta}}}}\nspec:\n  {}\n",
        spec.replace('\n', "\n  ")
    )
}

fn folder(files: &[(&str, String)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        write(dir.path(), name, text);
    }
    dir
}

fn write(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn loaded(dir: &Path) -> Bundle {
    load(dir, &Limits::default()).unwrap_or_else(|problems| panic!("{problems}"))
}

fn full() -> TempDir {
    let arena = "\
prompt_configs: [{id: support, file: prompts/p.yaml, vars: {shop: Ours}}]
providers: [{file: providers/a.yaml}, {file: providers/judge.yaml, group: judge}, {file: providers/voice.yaml}]
provider_specs: {inline: {type: mock}}
scenarios: [{file: scenarios/b.yaml}]
scenario_specs: {a-inline: {task_type: t, description: d, turns: [{role: user, content: Hi}], trials: 3}}
prompt_specs: {other: {task_type: t2, version: v1, description: d, system_template: ''}}
judges: [{name: strict, provider: the-judge}]
judge_specs: {soft: {provider: inline}}
globals: {conversation_assertions: [{type: global}]}
defaults: {temperature: 0.5, max_tokens: 100, seed: 42, concurrency: 3, run_timeout: 1m30s, output: {dir: ./out, formats: []}}
evaluators: [{name: tone, component: evaluators/tone.wasm, grants: [judge], limits: {fuel: 1000, memory: 64Mi}}]
template: {component: evaluators/tone.wasm}";
    let prompt = "\
task_type: t
version: v1
description: d
system_template: Hello {{shop}}
parameters: {temperature: 0.1, max_tokens: 50, top_p: 0.9, top_k: 5}
variables:
  - {name: shop, required: true}
  - {name: open, required: false, default: 9 to 5}
  - {name: count, required: false, default: 7}";
    let provider = "\
id: ignored
type: openai
model: gpt
base_url: https://example.test/v1
headers: {X-Key: sk-header}
capabilities: [text, vision]
unsupported_params: [seed]
credential: {api_key: sk-secret}
platform: {type: azure}
defaults: {temperature: 0, top_p: 1, max_tokens: 200}
pricing: {input_cost_per_1k: 0.001, output_cost_per_1k: 0.002}
rate_limit: {rps: 5, burst: 10}
request_timeout: 1m
stream_idle_timeout: 250ms
additional_config: {x: [1]}";
    let scenario = "\
task_type: t
description: d
labels: {tier: spec, area: x}
providers: [a]
provider_group: judge
required_capabilities: [vision]
variables: {shop: Theirs}
streaming: true
conversation_assertions: [{type: own}]
turns:
  - role: user
    parts: [{type: text, text: Look}, {type: image, media: {mime_type: image/png, file_path: media/i.png}}]
    streaming: false
    assertions:
      - {type: contains, params: {b: 1, a: [x]}, message: m, when: {any_tool_called: true}, pass_threshold: 0.5}
  - role: robot
    content: beep";
    folder(&[
        ("config.arena.yaml", document("Arena", "full", arena)),
        ("prompts/p.yaml", document("PromptConfig", "p", prompt)),
        ("providers/a.yaml", document("Provider", "a", provider)),
        ("providers/judge.yaml", document("Provider", "the-judge", "type: mock")),
        ("providers/voice.yaml", document("Provider", "voice", "type: openai\nrole: tts")),
        ("scenarios/b.yaml", document("Scenario", "b", scenario)),
        ("evaluators/tone.wasm", "wasm".into()),
        ("media/i.png", "png".into()),
        ("out/result.json", "{}".into()),
    ])
}

#[test]
fn arena_and_prompts() {
    let dir = full();
    let bundle = loaded(dir.path());
    assert_eq!((bundle.name.as_str(), bundle.entry.as_str()), ("full", "config.arena.yaml"));
    assert_eq!(bundle.root, dir.path());
    let defaults = &bundle.defaults;
    assert_eq!((defaults.temperature, defaults.max_tokens, defaults.seed), (Some(0.5), Some(100), Some(42)));
    assert_eq!((defaults.concurrency, defaults.run_timeout), (Some(3), Some(Duration::from_secs(90))));
    assert_eq!(
        bundle.judges.iter().map(|(a, b)| format!("{a}={b}")).collect::<Vec<_>>(),
        ["soft=inline", "strict=the-judge"]
    );
    let component = &bundle.components[0];
    assert_eq!((component.name.as_str(), component.component.as_str()), ("tone", "evaluators/tone.wasm"));
    assert_eq!((&component.digest, component.line), (&Digest::of(b"wasm"), 15));
    assert_eq!(
        (component.grants.join(","), &component.limits),
        ("judge".into(), &json!({"fuel": 1000, "memory": "64Mi"}))
    );
    assert_eq!(bundle.template.as_ref().unwrap().component, "evaluators/tone.wasm");

    let prompt = &bundle.prompts["t"];
    assert_eq!((prompt.id.as_str(), prompt.system_template.as_str()), ("support", "Hello {{shop}}"));
    assert_eq!(
        (&*prompt.file, prompt.version.as_str(), prompt.overrides["shop"].as_str()),
        ("prompts/p.yaml", "v1", "Ours")
    );
    let variables: Vec<_> =
        prompt.variables.iter().map(|it| (it.name.as_str(), it.required, it.default.as_deref())).collect();
    assert_eq!(variables, [("shop", true, None), ("open", false, Some("9 to 5")), ("count", false, Some("7"))]);
    let parameters = &prompt.parameters;
    assert_eq!((parameters.temperature, parameters.top_p), (Some(0.1), Some(0.9)));
    assert_eq!(parameters.max_tokens, Some(50));
    assert_eq!((bundle.prompts["t2"].id.as_str(), &*bundle.prompts["t2"].file), ("other", "config.arena.yaml"));
}

#[test]
fn providers() {
    let dir = full();
    let bundle = loaded(dir.path());
    let ids: Vec<_> = bundle.providers.iter().map(|it| format!("{} {} {}", it.id, it.group, it.kind)).collect();
    assert_eq!(ids, ["a default openai", "inline default mock", "the-judge judge mock"], "no tts");
    let unsupported: Vec<_> = bundle.warnings.iter().map(|it| format!("{}:{} {}", it.file, it.line, it.path)).collect();
    assert_eq!(
        unsupported,
        [
            "prompts/p.yaml:9 spec.parameters.top_k",
            "providers/a.yaml:19 spec.additional_config.x",
            "providers/voice.yaml:6 spec.role",
            "scenarios/b.yaml:20 spec.turns[1].role",
        ],
        "what has no effect is said"
    );
    let provider = &bundle.providers[0];
    assert_eq!((provider.model.as_str(), provider.base_url.as_deref()), ("gpt", Some("https://example.test/v1")));
    assert_eq!(
        (provider.headers["X-Key"].as_str(), provider.credential.api_key.as_deref()),
        ("sk-header", Some("sk-secret"))
    );
    assert_eq!(
        (provider.capabilities.join(","), provider.unsupported_params.join(",")),
        ("text,vision".into(), "seed".into())
    );
    assert_eq!(provider.platform, Some(json!({"type": "azure"})));
    assert_eq!((provider.defaults.temperature, provider.defaults.max_tokens), (Some(0.0), Some(200)));
    assert_eq!(provider.pricing.unwrap().output_cost_per_1k, 0.002);
    assert_eq!(provider.rate_limit, Some(RateLimit { rps: 5, burst: 10 }));
    assert_eq!(provider.request_timeout, Some(Duration::from_secs(60)));
    assert_eq!(provider.stream_idle_timeout, Some(Duration::from_millis(250)));
    assert_eq!((&provider.additional_config, &bundle.providers[1].additional_config), (&json!({"x": [1]}), &json!({})));
    let shown = format!("{bundle:?}");
    assert!(shown.contains("X-Key") && !shown.contains("sk-"), "no key in a debug dump");
}

#[test]
fn scenarios() {
    let dir = full();
    let bundle = loaded(dir.path());
    let ids: Vec<_> = bundle.scenarios.iter().map(|it| (it.id.as_str(), it.trials, &*it.file)).collect();
    assert_eq!(ids, [("a-inline", 3, "config.arena.yaml"), ("b", 1, "scenarios/b.yaml")]);
    let scenario = &bundle.scenarios[1];
    assert_eq!(scenario.labels.iter().map(|(a, b)| format!("{a}={b}")).collect::<Vec<_>>(), ["area=x", "tier=meta"]);
    assert_eq!((scenario.providers.join(","), scenario.provider_group.as_deref()), ("a".into(), Some("judge")));
    assert_eq!(
        (scenario.required_capabilities.join(","), scenario.variables["shop"].as_str()),
        ("vision".into(), "Theirs")
    );
    assert_eq!(
        (scenario.task_type.as_str(), scenario.description.as_str(), scenario.streaming),
        ("t", "d", Some(true))
    );
    let kinds: Vec<_> = scenario.conversation_assertions.iter().map(|it| it.kind.as_str()).collect();
    assert_eq!(kinds, ["global", "own"]);

    let turn = &scenario.turns[0];
    let Content::Parts(parts) = &turn.content else { panic!("{:?}", turn.content) };
    assert_eq!((parts[0].text.as_deref(), parts[1].kind.as_str()), (Some("Look"), "image"));
    assert_eq!(parts[1].media, Some(json!({"mime_type": "image/png", "file_path": "media/i.png"})));
    let check = &turn.assertions[0];
    assert_eq!((check.kind.as_str(), check.params.to_value()), ("contains", json!({"a": ["x"], "b": 1})));
    assert_eq!((check.message.as_deref(), check.pass_threshold), (Some("m"), Some(0.5)));
    assert_eq!(
        (check.when.as_deref(), &*check.file, check.line),
        (Some(&json!({"any_tool_called": true})), "scenarios/b.yaml", 19)
    );
    assert_eq!(turn.streaming, Some(false));
    let robot = &scenario.turns[1];
    assert_eq!((robot.role.as_str(), &robot.content), ("robot", &Content::Text("beep".into())), "an error of the case");
    assert_eq!(check.params.as_str(), r#"{"a":["x"],"b":1}"#);
    assert_eq!(scenario.conversation_assertions[0].params.to_value(), json!({}));
}

#[test]
fn the_digest_covers_what_can_be_read_and_nothing_else() {
    let dir = full();
    let bundle = loaded(dir.path());
    let paths: Vec<_> = bundle.files.iter().map(|file| file.path.as_str()).collect();
    assert!(paths.is_sorted() && !paths.contains(&"out/result.json"), "{paths:?}");
    assert_eq!(
        bundle.files.last().unwrap().digest,
        Digest::of(&std::fs::read(dir.path().join("scenarios/b.yaml")).unwrap())
    );

    write(dir.path(), ".git/HEAD", "x");
    write(dir.path(), "media/.hidden", "x");
    write(dir.path(), "out/more.json", "x");
    assert_eq!(loaded(dir.path()).digest, bundle.digest, "hidden files and results do not count");
    assert_eq!(loaded(&dir.path().join("config.arena.yaml")).digest, bundle.digest, "the file names the same bundle");
    write(dir.path(), "media/out/new.txt", "x");
    let changed = loaded(dir.path()).digest;
    assert_ne!(changed, bundle.digest, "only the top-level folder is for results");
    std::fs::rename(dir.path().join("media/out/new.txt"), dir.path().join("media/new.txt")).unwrap();
    assert_ne!(loaded(dir.path()).digest, changed, "names count");

    let arena = std::fs::read_to_string(dir.path().join("config.arena.yaml")).unwrap();
    write(dir.path(), "config.arena.yaml", &arena.replace("./out", "results"));
    assert!(loaded(dir.path()).files.iter().any(|file| file.path == "out/result.json"), "out is no name for results");
}

#[test]
fn runs_within_a_bundle_are_no_part_of_it() {
    let dir = full();
    let before = loaded(dir.path());
    for file in ["manifest.json", "lock", "bundle/config.arena.yaml", "report.html"] {
        write(dir.path(), &format!("results/one/{file}"), "x");
    }
    let after = loaded(dir.path());
    assert_eq!((after.digest, after.files), (before.digest.clone(), before.files));
    std::fs::remove_file(dir.path().join("results/one/lock")).unwrap();
    assert_ne!(loaded(dir.path()).digest, before.digest, "a folder that only looks alike counts");
}

#[test]
fn reads_only_what_was_digested() {
    let dir = full();
    let bundle = loaded(dir.path());
    assert_eq!(bundle.read("media/i.png").unwrap(), b"png");
    assert_eq!(bundle.read("./media/../media/i.png").unwrap(), b"png");
    let reason = |path: &str| bundle.read(path).unwrap_err().reason;
    assert_eq!((reason("../x"), reason("/etc/passwd"), reason("none")), ("PathEscape", "PathEscape", "FileMissing"));
    assert_eq!((reason("out/result.json"), reason("media"), reason("")), ("FileMissing", "FileMissing", "FileMissing"));
    write(dir.path(), "media/i.png", "pnG");
    assert_eq!(
        bundle.read("media/i.png").unwrap_err().to_string(),
        "media/i.png: error[FileChanged]: the file changed after the bundle was loaded; load the bundle again"
    );
}

#[test]
fn of_two_of_one_name_the_later_counts() {
    let scenario = |text: &str| {
        document(
            "Scenario",
            "same",
            &format!("task_type: t\ndescription: {text}\nturns: [{{role: user, content: Hi}}]"),
        )
    };
    let arena = "\
providers: [{file: p.yaml}, {file: p.yaml}]
scenarios: [{file: first.yaml}, {file: second.yaml}]
prompt_specs: {p: {task_type: t, version: v1, description: d, system_template: x}}
defaults: {}";
    let dir = folder(&[
        ("arena.yaml", document("Arena", "twice", arena)),
        ("p.yaml", document("Provider", "p", "type: mock")),
        ("first.yaml", scenario("one")),
        ("second.yaml", scenario("two")),
    ]);
    let bundle = loaded(dir.path());
    assert_eq!((bundle.scenarios.len(), bundle.providers.len()), (1, 1));
    assert_eq!(bundle.scenarios[0].description, "two");
    let warnings: Vec<_> = bundle.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "arena.yaml:5:31: error[DuplicateProvider] spec.providers[1]: provider `p` is listed twice and runs once; \
             give each its own name, or remove one",
            "arena.yaml:6:35: error[DuplicateScenario] spec.scenarios[1]: scenario `same` stands in first.yaml and \
             in second.yaml: only the latter counts; give each its own name, or remove one",
        ]
    );
}
