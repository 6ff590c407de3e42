//! What stands in a bundle twice: a defect with its place, and a plain run goes on with the one that counts.
#![allow(clippy::unwrap_used, reason = "test code")]

use arena_bundle::{Bundle, Limits, Severity, load};
use tempfile::TempDir;

const HEAD: &str = "apiVersion: promptkit.altairalabs.ai/v1alpha1\n";

fn document(kind: &str, name: &str, spec: &str) -> String {
    format!("{HEAD}kind: {kind}\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n")
}

/// The bundle of an arena with `spec`, `prompt` and `turn` in the places of its own, and other files.
fn bundle(spec: &str, prompt: &str, scenario: &str, turn: &str, files: &[(&str, String)]) -> (Bundle, Vec<String>) {
    let dir: TempDir = tempfile::tempdir().unwrap();
    let arena = format!(
        "providers: [], provider_specs: {{m: {{type: mock}}, n: {{type: mock}}}}, defaults: {{}},\n  prompt_specs: {{p: \
         {{task_type: t, version: v1, description: d, system_template: x, {prompt}}}}},\n  scenario_specs: {{s: \
         {{task_type: t, description: d, {scenario} turns: [{{role: user, content: hi, {turn}}}]}}}},\n  {spec}"
    );
    std::fs::write(dir.path().join("config.arena.yaml"), document("Arena", "a", &arena)).unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let bundle = load(dir.path(), &Limits::default()).unwrap_or_else(|problems| panic!("{problems}"));
    let found = bundle.warnings.iter().filter(|it| it.severity == Severity::Defect).map(ToString::to_string).collect();
    (bundle, found)
}

fn place(found: &[String]) -> Vec<&str> {
    found.iter().map(|it| it.split_once(": error").unwrap().1.split(';').next().unwrap()).collect()
}

#[test]
fn personas_and_roles() {
    let persona = |text: &str| document("Persona", "u", &format!("description: {text}, goals: [], constraints: []"));
    let play = "self_play: {personas: [{file: a.yaml}, {file: b.yaml}, {file: b.yaml}], \
                roles: [{id: r, provider: m}, {id: r, provider: n}]}";
    let files = [("a.yaml", persona("one")), ("b.yaml", persona("two"))];
    let (bundle, found) = bundle(play, "", "", "", &files);
    assert_eq!(
        place(&found),
        [
            "[DuplicatePersona] spec.self_play.personas[1]: persona `u` stands in a.yaml and in b.yaml: only the latter \
             counts",
            "[DuplicatePersona] spec.self_play.personas[2]: persona `u` is listed twice and runs once",
            "[DuplicateRole] spec.self_play.roles[1]: role `r` stands twice in this list: the later one counts",
        ]
    );
    assert_eq!((bundle.roles["r"].as_str(), &*bundle.personas["u"].file), ("n", "b.yaml"));
}

#[test]
fn evals() {
    let eval = |text: &str| document("Eval", "e", &format!("description: {text}, recording: {{path: r.json}}"));
    let said = r#"{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}"#;
    let files = [("a.yaml", eval("one")), ("b.yaml", eval("two")), ("r.json", said.to_owned())];
    let (bundle, found) = bundle("evals: [{file: a.yaml}, {file: b.yaml}, {file: b.yaml}]", "", "", "", &files);
    assert_eq!(
        place(&found),
        [
            "[DuplicateEval] spec.evals[1]: eval `e` stands in a.yaml and in b.yaml: only the latter counts",
            "[DuplicateEval] spec.evals[2]: eval `e` is listed twice and runs once",
        ]
    );
    assert_eq!((bundle.recordings.len(), bundle.recordings[0].description.as_str()), (1, "two"));
}

#[test]
fn ids_of_prompts() {
    let prompt = |task: &str| {
        document("PromptConfig", task, &format!("task_type: {task}, version: v1, description: d, system_template: x"))
    };
    let files = [("a.yaml", prompt("t1")), ("b.yaml", prompt("t2"))];
    let list = "prompt_configs: [{id: i, file: a.yaml}, {id: i, file: b.yaml}, {id: i, file: b.yaml}]";
    let (bundle, found) = bundle(list, "", "", "", &files);
    assert_eq!(
        place(&found),
        [
            "[DuplicatePrompt] spec.prompt_configs[1]: prompt id `i` stands twice in this list: both count, by their \
             task_type",
            "[DuplicatePrompt] spec.prompt_configs[2]: task_type `t2` is listed twice and runs once",
        ]
    );
    assert_eq!(bundle.prompts.keys().collect::<Vec<_>>(), ["t", "t1", "t2"]);
}

#[test]
fn variables_and_fragments_of_a_prompt() {
    let prompt = "variables: [{name: v, required: false, default: a}, {name: v, required: false, default: b}], \
                  fragments: [{name: f, path: a.md, required: true}, {name: f, path: b.md, required: true}]";
    let files = [("a.md", "one".to_owned()), ("b.md", "two".to_owned())];
    let (bundle, found) = bundle("", prompt, "", "", &files);
    let at = "spec.prompt_specs.p";
    assert_eq!(
        place(&found),
        [
            format!(
                "[DuplicateVariable] {at}.variables[1]: variable `v` stands twice in this list: both count, of two \
                 defaults the later"
            ),
            format!(
                "[DuplicateFragment] {at}.fragments[1]: fragment `f` stands twice in this list: the later one counts"
            ),
        ]
    );
    assert_eq!((bundle.prompts["t"].fragments["f"].as_str(), bundle.prompts["t"].variables.len()), ("two", 2));
}

#[test]
fn providers_of_a_scenario() {
    let (_, found) = bundle("", "", "providers: [m, n, m],", "", &[]);
    assert_eq!(
        place(&found),
        ["[DuplicateProvider] spec.scenario_specs.s.providers[2]: provider `m` stands twice in this list: the \
             scenario runs with it once"]
    );
}

#[test]
fn values_of_a_perturbation() {
    let (bundle, found) = bundle("", "", "", "perturbations: {a: [x, y, x], b: [z]}", &[]);
    assert_eq!(
        found,
        ["config.arena.yaml:6:115: error[DuplicatePerturbation] \
             spec.scenario_specs.s.turns[0].perturbations.a[2]: `x` stands twice in this list: it is run once; remove \
             one of them"]
    );
    let perturbations = &bundle.scenarios[0].perturbations;
    let names: Vec<_> = (0..perturbations.count().unwrap()).map(|number| perturbations.name(number)).collect();
    assert_eq!(names, ["a=x,b=z", "a=y,b=z"]);
}

#[test]
fn skills() {
    let skill = |name: &str, text: &str| format!("---\nname: {name}\ndescription: {text}\n---\nDo.");
    let files =
        [("k/a/SKILL.md", skill("x", "one")), ("l/SKILL.md", skill("x", "two")), ("m/SKILL.md", skill("y", "d"))];
    let skills = |list: &str| {
        let (bundle, found) = bundle(&format!("skills: [{list}]"), "", "", "", &files);
        let skills = bundle.skills.iter().map(|it| format!("{} {} {}", it.name, it.description, it.preload)).collect();
        (skills, place(&found).join("\n"))
    };
    let known: (Vec<String>, String) = skills("k, {path: k/a, preload: true}, {path: k/}, l");
    assert_eq!(known.0, ["x one true"]);
    assert_eq!(
        known.1,
        "[DuplicateSkill] spec.skills[2]: the path `k` stands twice in this list: its skills are there once\n\
         [DuplicateSkill] spec.skills[3]: skill `x` stands in k/a and in l: only the first counts"
    );
    let inline = "{name: z, description: one, instructions: i}, {name: z, description: two, instructions: i}";
    let known = skills(inline);
    assert_eq!((known.0.len(), known.0[0].as_str()), (1, "z one false"));
    assert!(known.1.ends_with("skill `z` stands in the list itself and in the list itself: only the first counts"));
    let upgraded = skills("m, {path: m, preload: true}");
    assert_eq!(upgraded, (vec!["y d true".to_owned()], String::new()), "what a later entry may do");
}
