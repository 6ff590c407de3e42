//! Each way in which a bundle can be wrong, with the words that the user reads.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::path::Path;

use arena_bundle::{Bundle, Limits, Problems, load};
use tempfile::TempDir;

const ARENA: &str = "\
apiVersion: promptkit.altairalabs.ai/v1alpha1
kind: Arena
metadata: {name: shop}
spec:
  prompt_configs: [{id: p, file: prompt.yaml}]
  providers: [{file: provider.yaml}]
  scenarios: [{file: scenario.yaml}]
  defaults: {}
";
const PROMPT: &str = "\
apiVersion: promptkit.altairalabs.ai/v1alpha1
kind: PromptConfig
metadata: {name: p}
spec: {task_type: support, version: v1, description: d, system_template: Hello}
";
const PROVIDER: &str = "\
apiVersion: promptkit.altairalabs.ai/v1alpha1
kind: Provider
metadata: {name: fake}
spec: {type: mock, model: m}
";
const SCENARIO: &str = "\
apiVersion: promptkit.altairalabs.ai/v1alpha1
kind: Scenario
metadata: {name: greet}
spec:
  task_type: support
  description: d
  turns:
    - role: user
      content: Hi
      assertions: [{type: contains, params: {patterns: [a]}}]
";

/// A good bundle with some of its files replaced.
fn bundle(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let good = [
        ("config.arena.yaml", ARENA),
        ("prompt.yaml", PROMPT),
        ("provider.yaml", PROVIDER),
        ("scenario.yaml", SCENARIO),
    ];
    for (name, text) in good.iter().chain(files) {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

fn loaded(dir: &Path) -> Bundle {
    load(dir, &Limits::default()).unwrap_or_else(|problems| panic!("{problems}"))
}

fn errors(files: &[(&str, &str)]) -> String {
    let dir = bundle(files);
    load(dir.path(), &Limits::default()).err().unwrap_or(Problems(vec![])).to_string()
}

fn warnings(files: &[(&str, &str)]) -> String {
    let dir = bundle(files);
    Problems(loaded(dir.path()).warnings).to_string()
}

#[test]
fn the_good_bundle_has_nothing_to_say() {
    assert_eq!(warnings(&[]), "");
}

#[test]
fn missing_file() {
    let arena = ARENA.replace("file: scenario.yaml", "file: scenarios/none.yaml");
    assert_eq!(
        errors(&[("config.arena.yaml", &arena)]),
        "config.arena.yaml:7:22: error[FileMissing] spec.scenarios[0].file: there is no such file in the bundle \
         (value \"scenarios/none.yaml\"); paths are relative to the folder of the arena file"
    );
    let arena = ARENA.replace("defaults: {}", "defaults: {}\n  evals: [{file: e.yaml}]\n  tools: [{file: t.yaml}]");
    let found = errors(&[("config.arena.yaml", &arena)]);
    assert_eq!(found.matches("error[FileMissing]").count(), 2, "files that are not read yet must be there: {found}");
    let arena = ARENA.replace("file: scenario.yaml", "file: 7");
    assert_eq!(errors(&[("config.arena.yaml", &arena)]).lines().count(), 1, "one defect, one error");
    let arena = ARENA.replace("file: scenario.yaml", "file: .hidden/a.yaml");
    let found = errors(&[("config.arena.yaml", &arena), (".hidden/a.yaml", SCENARIO)]);
    assert!(found.ends_with("; hidden files are no part of a bundle: rename it without the leading dot"), "{found}");
}

#[test]
fn path_escape_by_dots_and_by_root() {
    for path in ["../other/scenario.yaml", "a/../../scenario.yaml", "/etc/passwd"] {
        let arena = ARENA.replace("file: scenario.yaml", &format!("file: {path}"));
        assert_eq!(
            errors(&[("config.arena.yaml", &arena)]),
            format!(
                "config.arena.yaml:7:22: error[PathEscape] spec.scenarios[0].file: this leads out of the bundle's \
                 folder (value {path:?}); put the file into the bundle"
            )
        );
    }
    let arena = ARENA.replace("file: scenario.yaml", "file: ./a/../scenario.yaml");
    assert_eq!(errors(&[("config.arena.yaml", &arena)]), "", "inside it may go up");
}

#[test]
fn yaml_problems_name_file_and_line() {
    let scenario = format!("{SCENARIO}  task_type: other\n");
    assert_eq!(
        errors(&[("scenario.yaml", &scenario)]),
        "scenario.yaml:11:3: error[YamlDuplicateKey]: key `task_type` is given twice, on lines 5 and 11; \
         remove one of them"
    );
    let large = format!("{SCENARIO}# {}", "x".repeat(4 << 20));
    let found = errors(&[("scenario.yaml", &large)]);
    assert!(found.starts_with("scenario.yaml: error[YamlTooLarge]: the document has "), "{found}");
    let dir = bundle(&[]);
    std::fs::write(dir.path().join("prompt.yaml"), b"a: \xff").unwrap();
    std::fs::write(dir.path().join("provider.yaml"), b"a: \0").unwrap();
    let found = load(dir.path(), &Limits::default()).unwrap_err().to_string();
    assert_eq!(
        found.lines().collect::<Vec<_>>(),
        [
            "prompt.yaml:1:4: error[YamlNotUtf8]: the document is not UTF-8: byte 0xff; save the file as UTF-8",
            "provider.yaml:1:4: error[YamlNul]: the document holds a NUL byte",
        ]
    );
}

#[test]
fn all_errors_of_all_files_come_at_once_in_order() {
    let arena = ARENA.replace("defaults: {}", "defaults: {temperature: hot, run_timeout: 5 minutes}");
    let scenario = SCENARIO.replace("role: user", "roel: user").replace("content: Hi", "content: 7");
    let provider = PROVIDER.replace("type: mock", "id: x");
    let found = errors(&[("config.arena.yaml", &arena), ("scenario.yaml", &scenario), ("provider.yaml", &provider)]);
    assert_eq!(
        found.lines().collect::<Vec<_>>(),
        [
            "config.arena.yaml:8:27: error[WrongType] spec.defaults.temperature: expected a number, found text \
             (value \"hot\")",
            "config.arena.yaml:8:45: error[DurationInvalid] spec.defaults.run_timeout: this is no duration above zero \
             (value \"5 minutes\"); write it like `250ms`, `30s` or `1m30s`",
            "provider.yaml:4:7: error[MissingKey] spec: required key `type` is missing",
            "scenario.yaml:8:7: error[MissingKey] spec.turns[0]: required key `role` is missing",
            "scenario.yaml:8:7: error[UnknownKey] spec.turns[0].roel: unknown key `roel`; did you mean `role`?",
            "scenario.yaml:9:16: error[WrongType] spec.turns[0].content: expected text, found a number (value 7); \
             put the value in quotes",
        ]
    );
}

#[test]
fn unknown_kind_and_version() {
    let scenario = SCENARIO.replace("kind: Scenario", "kind: Scenaro").replace("v1alpha1", "v9");
    assert_eq!(
        warnings(&[("scenario.yaml", &scenario)]),
        "scenario.yaml:1:13: warning[ApiVersionUnknown] apiVersion: unknown apiVersion, read all the same \
         (value \"promptkit.altairalabs.ai/v9\"); write `promptkit.altairalabs.ai/v1alpha1`\n\
         scenario.yaml:2:7: error[KindMismatch] kind: expected kind Scenario (value \"Scenaro\"); \
         did you mean `Scenario`?"
    );
    let prompt = PROMPT.replace("kind: PromptConfig", "kind: Zzz");
    assert_eq!(
        errors(&[("prompt.yaml", &prompt)]),
        "prompt.yaml:2:7: error[KindMismatch] kind: expected kind PromptConfig (value \"Zzz\"); \
         kinds are Arena, PromptConfig, Scenario, Provider, Tool, Persona, Eval, RuntimeConfig"
    );
}

#[test]
fn a_cycle_of_fragments_is_told_once() {
    let prompt = PROMPT.replace(
        "system_template: Hello",
        "system_template: 'x {{b}}', fragments: [{name: a, path: a.md, required: true}, {name: b, path: b.md, required: true}]",
    );
    let found = errors(&[("prompt.yaml", &prompt), ("a.md", "{{b}}"), ("b.md", "{{a}}")]);
    assert_eq!(
        found,
        "prompt.yaml:4:96: error[FragmentCycle] spec.fragments: the fragments contain each other: a -> b -> a; \
         take one of the tokens out"
    );
}

#[test]
fn names_are_needed() {
    let scenario = SCENARIO.replace("metadata: {name: greet}", "metadata: {}");
    assert_eq!(
        errors(&[("scenario.yaml", &scenario)]),
        "scenario.yaml:1:1: error[NameMissing] metadata.name: the name is missing or empty; \
         results are kept under it: give one"
    );
    let provider = PROVIDER.replace("metadata: {name: fake}\n", "");
    assert!(errors(&[("provider.yaml", &provider)]).contains("error[NameMissing]"));
    let provider = provider.replace("{type", "{id: other, type");
    assert_eq!(errors(&[("provider.yaml", &provider)]), "", "a provider's id will do");
}

#[test]
fn judges_and_components_must_exist() {
    let arena = format!(
        "{ARENA}  judges: [{{name: j, provider: fak}}]\n  evaluators: [{{name: e, component: e.wasm}}]\n  template: \
         {{component: t.wasm}}\n"
    );
    let found = errors(&[("config.arena.yaml", &arena)]);
    let expected = [
        "config.arena.yaml:9:32: error[ProviderUnknown] spec.judges[0].provider: no provider of the arena has this id \
         (value \"fak\"); did you mean `fake`?",
        "config.arena.yaml:10:37: error[FileMissing] spec.evaluators[0].component: there is no such file in the \
         bundle (value \"e.wasm\"); paths are relative to the folder of the arena file",
        "config.arena.yaml:11:25: error[FileMissing] spec.template.component: there is no such file in the bundle \
         (value \"t.wasm\"); paths are relative to the folder of the arena file",
    ];
    assert_eq!(found.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn what_a_case_will_stumble_over_is_a_warning() {
    let arena = format!("{ARENA}  state_store: {{type: memory}}\n  tools: []\n");
    let scenario = SCENARIO
        .replace("task_type: support", "task_type: other\n  providers: [none]\n  provider_group: g")
        .replace("content: Hi", "content: ''");
    let found = warnings(&[("config.arena.yaml", &arena), ("scenario.yaml", &scenario)]);
    let reasons: Vec<_> = found.lines().map(|line| line.split(": ").take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        reasons,
        [
            "config.arena.yaml:9:3 warning[FeatureUnsupported] spec.state_store",
            "scenario.yaml:5:14 error[PromptMissing] spec.task_type",
            "scenario.yaml:6:15 error[ProviderUnknown] spec.providers[0]",
            "scenario.yaml:10:7 warning[TurnEmpty] spec.turns[0]",
        ]
    );
    let scenario = SCENARIO.replace("task_type: support", "task_type: support\n  provider_group: g");
    assert_eq!(
        warnings(&[("scenario.yaml", &scenario)]),
        "scenario.yaml:6:19: warning[ProviderGroupEmpty] spec.provider_group: no provider of the arena is in this group, \
         so the scenario runs with all of them (value \"g\")"
    );
    let scenario = SCENARIO.replace("role: user", "role: narrator");
    assert_eq!(
        warnings(&[("scenario.yaml", &scenario)]),
        "scenario.yaml:8:13: error[TurnRoleUnknown] spec.turns[0].role: neither `user` nor a role of self_play: the case \
         will be an error (value \"narrator\"); write `user`"
    );
    let found = warnings(&[(
        "scenario.yaml",
        &SCENARIO[..SCENARIO.find("    - role").unwrap()].replace("turns:", "turns: []"),
    )]);
    assert_eq!(
        found,
        "scenario.yaml:7:10: warning[TurnsEmpty] spec.turns: the scenario has no turns: nothing is said or checked"
    );
}

#[test]
fn a_document_of_another_kind_is_no_arena_and_nothing_else_is_said_of_it() {
    let dir = bundle(&[]);
    let found = load(&dir.path().join("scenario.yaml"), &Limits::default()).unwrap_err();
    assert_eq!(
        found.to_string(),
        "scenario.yaml:2:7: error[KindMismatch] kind: this is not an arena file (value \"Scenario\"); give the arena file \
         that refers to this Scenario, or the folder it lies in"
    );
}

#[test]
fn a_tool_policy_need_not_limit_the_conversation() {
    let scenario = SCENARIO
        .replace("turns:", "tool_policy: {blocklist: [a], tool_choice: auto, max_tool_calls_per_turn: 2}\n  turns:");
    let dir = bundle(&[("scenario.yaml", &scenario)]);
    let policy = loaded(dir.path()).scenarios[0].tool_policy.clone().unwrap();
    assert_eq!((policy.blocklist.as_slice(), policy.max_calls), (&["a".to_owned()][..], None));
}

#[test]
fn numbers_out_of_range() {
    let scenario = SCENARIO
        .replace("turns:", "trials: 0\n  turns:")
        .replace("{type: contains", "{pass_threshold: 1.5, type: contains");
    let provider = PROVIDER.replace("model: m", "rate_limit: {rps: 0, burst: 99999999999}");
    let arena = ARENA.replace("defaults: {}", "defaults: {seed: -1, concurrency: -1}");
    let found = errors(&[("scenario.yaml", &scenario), ("provider.yaml", &provider), ("config.arena.yaml", &arena)]);
    assert_eq!(
        found.lines().collect::<Vec<_>>(),
        [
            "config.arena.yaml:8:20: error[ValueOutOfRange] spec.defaults.seed: must be at least 0 (value -1)",
            "provider.yaml:4:38: error[ValueOutOfRange] spec.rate_limit.rps: must be at least 1 (value 0)",
            "provider.yaml:4:48: error[ValueOutOfRange] spec.rate_limit.burst: is too large (value 99999999999)",
            "scenario.yaml:7:11: error[ValueOutOfRange] spec.trials: must be at least 1 (value 0)",
            "scenario.yaml:11:37: error[ValueOutOfRange] spec.turns[0].assertions[0].pass_threshold: \
             must be from 0 to 1 (value 1.5)",
        ]
    );
}

#[test]
fn media_files_must_be_there() {
    let parts = "parts:\n        - {type: image, media: {mime_type: image/png, file_path: a.png}}\n        - {type: text}\n        - {type: pdf}";
    let scenario = SCENARIO.replace("content: Hi", parts);
    let found = errors(&[("scenario.yaml", &scenario)]);
    let places: Vec<_> = found.lines().map(|line| line.split(": ").nth(1).unwrap()).collect();
    assert_eq!(
        places,
        [
            "error[FileMissing] spec.turns[0].parts[0].media.file_path",
            "error[MissingKey] spec.turns[0].parts[1]",
            "error[MissingKey] spec.turns[0].parts[2]",
            "error[UnknownValue] spec.turns[0].parts[2].type",
        ],
        "{found}"
    );
}

#[test]
fn limits_on_files_and_bytes() {
    let dir = bundle(&[("folder/more.txt", "12345")]);
    let with = |change: fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        load(dir.path(), &limits).map(|bundle| bundle.files.len()).map_err(|problems| problems.to_string())
    };
    assert_eq!(with(|limits| limits.files = 6), Ok(5), "the folder counts too");
    assert_eq!(
        with(|limits| limits.files = 5),
        Err(".: error[TooManyFiles]: the bundle's folders hold more than 5 entries; \
             check that the right folder was given"
            .into())
    );
    let largest = u64::try_from(SCENARIO.len().max(ARENA.len())).unwrap();
    assert_eq!(with(|limits| limits.file_bytes = 1_000), Ok(5));
    assert!(largest < 1_000);
    assert_eq!(
        with(|limits| limits.file_bytes = 100),
        Err("config.arena.yaml: error[FileTooLarge]: the file has more than 100 bytes; \
             make it smaller or leave it out"
            .into())
    );
    let found = with(|limits| limits.total_bytes = 600).unwrap_err();
    assert!(found.contains("error[BundleTooLarge]: the bundle's files have more than 600 bytes together"), "{found}");
}

#[test]
fn the_bundle_itself() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("none");
    let found = load(&missing, &Limits::default()).unwrap_err().to_string();
    assert!(found.contains("error[BundleMissing]: the bundle cannot be opened"), "{found}");
    assert!(load(dir.path(), &Limits::default()).unwrap_err().to_string().contains("error[ArenaMissing]"));
    std::fs::write(dir.path().join("empty.arena.yaml"), "").unwrap();
    let found = load(dir.path(), &Limits::default()).unwrap_err().to_string();
    assert_eq!(
        found,
        "empty.arena.yaml:1:1: error[WrongType]: expected a mapping, found nothing; give a value or remove the key"
    );
}
