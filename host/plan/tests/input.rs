//! What the matrix of a bundle has.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use arena_bundle::{Limits, load};
use arena_plan::{Plan, PlanInput, input};

/// The input of a bundle whose only scenario has `more`, and whose turn has `turn`.
fn of(more: &str, turn: &str) -> PlanInput {
    let folder = tempfile::tempdir().unwrap();
    let arena = format!(
        "apiVersion: promptkit.altairalabs.ai/v1alpha1\nkind: Arena\nmetadata: {{name: a}}\nspec:\n  providers: []\n  \
         provider_specs: {{able: {{type: mock, capabilities: [vision]}}, m: {{type: mock}}}}\n  defaults: {{}}\n  \
         prompt_specs: {{p: {{task_type: t, version: v1, description: d, system_template: x}}}}\n  scenario_specs: {{s: \
         {{task_type: t, description: d, {more} turns: [{{role: user, content: hi, {turn}}}]}}}}\n"
    );
    std::fs::write(folder.path().join("config.arena.yaml"), arena).unwrap();
    input(&load(folder.path(), &Limits::default()).unwrap()).unwrap()
}

fn providers(input: &PlanInput) -> Vec<&str> {
    input.scenarios[0].providers.iter().map(|lane| input.providers[*lane as usize].as_str()).collect()
}

#[test]
fn a_value_or_provider_that_stands_twice_runs_once() {
    let input = of("providers: [m, able, m],", "perturbations: {a: [x, y, x]}");
    assert_eq!(providers(&input), ["able", "m"]);
    assert_eq!(Plan::new(&input).unwrap().len(), 4);
}

#[test]
fn capabilities_choose_among_providers_that_are_not_named() {
    assert_eq!(providers(&of("required_capabilities: [vision],", "")), ["able"]);
    assert_eq!(providers(&of("required_capabilities: [vision], providers: [m],", "")), ["m"]);
}
