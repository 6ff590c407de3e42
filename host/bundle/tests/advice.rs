//! "Did you mean": where a name leads nowhere, the nearest one that does not.
#![allow(clippy::unwrap_used, reason = "test code")]

use arena_bundle::{Limits, Problem, load};

/// The reasons and hints of what is found with `scenario` and `more` in the arena, besides a good bundle of its own.
fn hints(scenario: &str, more: &str) -> Vec<(&'static str, Option<String>)> {
    let dir = tempfile::tempdir().unwrap();
    let arena = format!(
        "apiVersion: promptkit.altairalabs.ai/v1alpha1\nkind: Arena\nmetadata: {{name: a}}\nspec:\n  providers: [{{file: \
         models/large.yaml, group: fast}}]\n  defaults: {{}}\n  prompt_specs: {{p: {{task_type: support, version: v1, \
         description: d, system_template: x}}}}\n  scenario_specs: {{s: {{description: d, turns: [{{role: user, content: \
         hi}}], {scenario}}}}}\n  {more}\n"
    );
    let provider =
        "apiVersion: promptkit.altairalabs.ai/v1alpha1\nkind: Provider\nmetadata: {name: large}\nspec: {type: mock}\n";
    std::fs::write(dir.path().join("config.arena.yaml"), arena).unwrap();
    std::fs::create_dir(dir.path().join("models")).unwrap();
    std::fs::write(dir.path().join("models/large.yaml"), provider).unwrap();
    let found = match load(dir.path(), &Limits::default()) {
        Ok(bundle) => bundle.warnings,
        Err(problems) => problems.0,
    };
    found.into_iter().map(|Problem { reason, hint, .. }| (reason, hint)).collect()
}

fn meant(name: &str) -> Option<String> {
    Some(format!("did you mean `{name}`?"))
}

#[test]
fn names_of_prompts_providers_and_groups() {
    let usual = "task_type: support";
    assert_eq!(hints(usual, ""), []);
    assert_eq!(hints("task_type: suport", ""), [("PromptMissing", meant("support"))]);
    let other = "add a prompt of this task_type to `prompt_configs`".to_owned();
    assert_eq!(hints("task_type: billing", ""), [("PromptMissing", Some(other))]);
    assert_eq!(hints(&format!("{usual}, providers: [larg]"), ""), [("ProviderUnknown", meant("large"))]);
    assert_eq!(hints(&format!("{usual}, provider_group: fats"), ""), [("ProviderGroupEmpty", meant("fast"))]);
    assert_eq!(hints(&format!("{usual}, provider_group: other"), ""), [("ProviderGroupEmpty", None)]);
    assert_eq!(hints(usual, "judges: [{name: j, provider: lareg}]"), [("ProviderUnknown", meant("large"))]);
    let play = "self_play: {personas: [], roles: [{id: r, provider: Large}]}";
    assert_eq!(hints(usual, play), [("ProviderUnknown", meant("large"))]);
}

#[test]
fn paths_of_files() {
    let usual = "task_type: support";
    let tool = |path: &str| hints(usual, &format!("tools: [{{file: {path}}}]"));
    assert_eq!(tool("models/large.yml"), [("FileMissing", meant("models/large.yaml"))]);
    assert_eq!(tool("model/large.yaml"), [("FileMissing", meant("models/large.yaml"))]);
    let other = "paths are relative to the folder of the arena file".to_owned();
    assert_eq!(tool("tools/none.yaml"), [("FileMissing", Some(other))]);
}

#[test]
fn a_provider_that_is_named_need_not_be_capable() {
    let wants = "task_type: support, required_capabilities: [vision]";
    assert_eq!(hints(wants, "")[0].0, "CapabilityMissing");
    assert_eq!(hints(&format!("{wants}, providers: [large]"), ""), []);
}
