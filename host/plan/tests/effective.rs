//! What a run spec makes of a bundle.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeMap;

use arena_bundle::{Bundle, Limits, ProviderRole, ProviderSpec, load};
use arena_model::{ComponentBinding, Endpoint, Fault, ProviderBinding, RunSpec};
use arena_plan::{PlanError, effective, input, refuse_unbound};

const ARENA: &str = r#"
apiVersion: promptkit.altairalabs.ai/v1alpha1
kind: Arena
metadata: {name: shop}
spec:
  prompt_configs: [{id: support, file: prompt.yaml}]
  providers: [{file: small.yaml}, {file: large.yaml}, {file: strict.yaml, group: judges}]
  scenarios: [{file: greet.yaml}, {file: refund.yaml}]
  judges: [{name: strict, provider: strict}]
  defaults: {temperature: 0.5}
"#;

fn provider(id: &str, kind: &str) -> String {
    format!(
        "apiVersion: promptkit.altairalabs.ai/v1alpha1\nkind: Provider\nmetadata: {{name: {id}}}\n\
         spec: {{id: {id}, type: {kind}, model: m}}\n"
    )
}

fn scenario(id: &str, extra: &str) -> String {
    format!(
        "apiVersion: promptkit.altairalabs.ai/v1alpha1\nkind: Scenario\nmetadata: {{name: {id}}}\n\
         spec:\n  id: {id}\n  task_type: support\n  description: d\n  turns: [{{role: user, content: hi}}]\n{extra}"
    )
}

fn bundle() -> Bundle {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("config.arena.yaml", ARENA);
    write(
        "prompt.yaml",
        "apiVersion: promptkit.altairalabs.ai/v1alpha1\nkind: PromptConfig\nmetadata: {name: support}\n\
         spec: {task_type: support, version: v1.0.0, description: d, system_template: help}\n",
    );
    write("small.yaml", &provider("small", "mock"));
    write("large.yaml", &provider("large", "openai"));
    write("strict.yaml", &provider("strict", "openai"));
    write("greet.yaml", &scenario("greet", ""));
    write("refund.yaml", &scenario("refund", "  providers: [large]\n"));
    write("polite.wasm", "not looked at here");
    load(folder.path(), &Limits::default()).unwrap()
}

fn binding(id: &str, group: &str) -> ProviderBinding {
    ProviderBinding {
        id: id.into(),
        group: group.into(),
        kind: "openai".into(),
        model: "claude".into(),
        temperature: None,
        top_p: None,
        max_tokens: Some(100),
        request_timeout_ms: None,
        stream_idle_timeout_ms: None,
        pricing: None,
        capabilities: vec![],
        unsupported_params: vec![],
        mock_file: None,
        options: Default::default(),
    }
}

fn with(spec: RunSpec) -> Result<Bundle, PlanError> {
    effective(bundle(), &spec, &BTreeMap::new())
}

fn ids(bundle: &Bundle) -> Vec<&str> {
    bundle.providers.iter().map(|provider| provider.id.as_str()).collect()
}

#[test]
fn an_empty_spec_changes_nothing() {
    let (was, is) = (bundle(), with(RunSpec::default()).unwrap());
    assert_eq!(was.providers, is.providers);
    assert_eq!(was.scenarios, is.scenarios);
    assert_eq!(input(&was).unwrap(), input(&is).unwrap());
}

#[test]
fn a_stranger_takes_the_place_of_its_group() {
    let spec = RunSpec { providers: vec![binding("claude-provider", "default")], ..RunSpec::default() };
    let bundle = with(spec).unwrap();
    assert_eq!(ids(&bundle), ["claude-provider", "strict"]);
    let plan = input(&bundle).unwrap();
    assert!(plan.scenarios.iter().all(|scenario| scenario.providers == [0]), "{plan:?}");
}

#[test]
fn a_binding_by_name_replaces_that_provider_alone() {
    let endpoint = Endpoint { base_url: Some("http://here/v1".into()), ..Endpoint::default() };
    let spec = RunSpec { providers: vec![binding("large", "default")], ..RunSpec::default() };
    let bundle = effective(bundle(), &spec, &BTreeMap::from([("large".to_owned(), endpoint)])).unwrap();
    assert_eq!(ids(&bundle), ["large", "small", "strict"]);
    let large = &bundle.providers[0];
    assert_eq!((large.model.as_str(), large.base_url.as_deref()), ("claude", Some("http://here/v1")));
    assert_eq!(large.defaults.max_tokens, Some(100));
}

#[test]
fn providers_that_would_call_somebody_unbound_are_named() {
    let unbound = |bundle: &Bundle, spec: &RunSpec| match refuse_unbound(bundle, spec, false).unwrap_err() {
        PlanError::ProvidersUnbound { ids } => ids,
        other => panic!("{other}"),
    };
    assert_eq!(unbound(&bundle(), &RunSpec::default()), ["large", "strict"]);
    let spec = RunSpec { providers: vec![binding("large", "default")], ..RunSpec::default() };
    assert_eq!(unbound(&with(spec.clone()).unwrap(), &spec), ["strict"]);
    let spec = RunSpec { providers: vec![binding("large", "default"), binding("strict", "default")], ..spec };
    refuse_unbound(&with(spec.clone()).unwrap(), &spec, false).unwrap();
}

#[test]
fn what_makes_embeddings_is_bound_by_its_name_and_stays_out_of_the_plan() {
    let mut with_embedder = bundle();
    let meaning =
        ProviderSpec { id: "meaning".into(), role: ProviderRole::Embedding, ..with_embedder.providers[0].clone() };
    with_embedder.embedders.push(meaning);
    let unbound = refuse_unbound(&with_embedder, &RunSpec::default(), true).unwrap_err();
    assert!(unbound.to_string().contains("meaning"), "{unbound}");
    assert!(!unbound.to_string().contains("large"), "a mock answers for it: {unbound}");
    let bound = ["large", "strict", "meaning"].map(|id| binding(id, "default"));
    let spec = RunSpec { providers: bound.to_vec(), ..RunSpec::default() };
    let bundle = effective(with_embedder, &spec, &BTreeMap::new()).unwrap();
    assert_eq!(ids(&bundle), ["large", "small", "strict"]);
    let [embedder] = &bundle.embedders[..] else { panic!("{:?}", bundle.embedders) };
    assert_eq!((embedder.model.as_str(), embedder.role), ("claude", ProviderRole::Embedding));
    refuse_unbound(&bundle, &spec, false).unwrap();
}

#[test]
fn a_judge_keeps_its_provider_or_the_run_is_refused() {
    let spec = RunSpec { providers: vec![binding("other", "judges")], ..RunSpec::default() };
    let error = with(spec).unwrap_err();
    assert_eq!(error.reason(), "ProviderUnmapped");
    assert!(error.to_string().contains("judge `strict`"), "{error}");
}

#[test]
fn scenarios_are_chosen_by_globs() {
    let chosen = |include: &[&str], exclude: &[&str]| {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        let spec = RunSpec { include: owned(include), exclude: owned(exclude), ..RunSpec::default() };
        with(spec).map(|bundle| bundle.scenarios.iter().map(|scenario| scenario.id.clone()).collect::<Vec<_>>())
    };
    assert_eq!(chosen(&["re*"], &[]).unwrap(), ["refund"]);
    assert_eq!(chosen(&[], &["re*"]).unwrap(), ["greet"]);
    assert_eq!(chosen(&["nothing*"], &[]).unwrap_err().reason(), "NothingSelected");
    assert_eq!(chosen(&["a{"], &[]).unwrap_err().reason(), "GlobInvalid");
}

#[test]
fn trials_timeout_and_components_are_the_specs() {
    let component = ComponentBinding { name: "tone".into(), component: "polite.wasm".into(), grants: vec![] };
    let spec = RunSpec {
        trials: Some(3),
        case_timeout_ms: Some(1500),
        evaluators: vec![component],
        template: Some("polite.wasm".into()),
        ..RunSpec::default()
    };
    let bundle = with(spec).unwrap();
    assert!(bundle.scenarios.iter().all(|scenario| scenario.trials == 3));
    assert_eq!(bundle.defaults.run_timeout.unwrap().as_millis(), 1500);
    assert_eq!(bundle.components[0].name, "tone");
    assert_eq!(bundle.template.unwrap().component, "polite.wasm");
}

#[test]
fn a_component_that_is_not_there_is_refused_with_the_closest_name() {
    let spec = RunSpec { template: Some("polit.wasm".into()), ..RunSpec::default() };
    let error = with(spec).unwrap_err();
    assert_eq!(error.reason(), "EvaluatorMissing");
    assert!(error.to_string().contains("did you mean `polite.wasm`?"), "{error}");
}
