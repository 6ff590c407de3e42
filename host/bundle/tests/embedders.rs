//! Providers that make embeddings, and what names them.
#![allow(clippy::unwrap_used, reason = "test code")]

use arena_bundle::{Bundle, ContextStrategy, Limits, Problems, ProviderRole, RelevanceQuery, load};

const HEAD: &str = "apiVersion: promptkit.altairalabs.ai/v1alpha1\n";

/// A bundle with a model and whatever `spec` adds; its scenario has the `relevance` given.
fn bundle(spec: &str, relevance: &str) -> Result<Bundle, Problems> {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| std::fs::write(dir.path().join(name), text).unwrap();
    write(
        "config.arena.yaml",
        format!(
            "{HEAD}kind: Arena\nmetadata: {{name: a}}\nspec:\n  prompt_specs: {{p: {{task_type: t, version: v1.0.0, \
             description: d, system_template: x}}}}\n  scenario_specs: {{s: {{task_type: t, description: d, turns: \
             [{{role: user, content: hi}}], context_policy: {{token_budget: 9, strategy: relevance, {relevance}}}}}}}\n  \
             {spec}\n"
        ),
    );
    for (name, spec) in [("e", "type: gemini, model: g"), ("f", "type: openai, role: llm, model: o")] {
        let spec = format!("{HEAD}kind: Provider\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n");
        write(&format!("{name}.yaml"), spec);
    }
    load(dir.path(), &Limits::default())
}

const LISTED: &str = "providers: []\n  defaults: {}\n  embedding_providers: [{file: e.yaml}]\n  provider_specs: {m: {type: mock}, \
                      o: {type: openai, role: embedding, model: small}, z: {type: openai, role: embedding, model: large}}";

fn warnings(bundle: &Bundle) -> Vec<String> {
    bundle.warnings.iter().map(|problem| problem.to_string()).collect()
}

#[test]
fn they_are_no_models_under_test_and_found_by_id_type_and_model() {
    for (relevance, expected) in [
        ("", "e"),
        ("relevance: {provider: z}", "z"),
        ("relevance: {provider: openai}", "o"),
        ("relevance: {provider: openai, model: large}", "z"),
        ("relevance: {provider: gemini}", "e"),
    ] {
        let bundle = bundle(LISTED, relevance).unwrap();
        let ids: Vec<_> = bundle.embedders.iter().map(|spec| (spec.id.as_str(), spec.role)).collect();
        assert_eq!(ids, ["e", "o", "z"].map(|id| (id, ProviderRole::Embedding)));
        assert_eq!(bundle.providers.iter().map(|spec| spec.id.as_str()).collect::<Vec<_>>(), ["m"]);
        assert_eq!(bundle.called().count(), 4);
        let ContextStrategy::Relevance(relevance) = &bundle.scenarios[0].context.as_ref().unwrap().strategy else {
            panic!("{:?}", bundle.scenarios[0].context);
        };
        assert_eq!(relevance.embedder.as_deref(), Ok(expected));
        assert_eq!((relevance.recent, relevance.threshold, &relevance.query), (3, 0.0, &RelevanceQuery::LastUser));
        assert!(warnings(&bundle).is_empty(), "{:?}", warnings(&bundle));
    }
}

#[test]
fn the_usual_one_is_the_default_or_the_first() {
    assert_eq!(bundle(LISTED, "").unwrap().embedder(), Some("e"));
    let named = |id: &str| {
        let defaults = format!("defaults: {{inference: {{embedder: {id}, text_classifier: c}}}}");
        bundle(&LISTED.replace("defaults: {}", &defaults), "")
    };
    let bundle = named("z").unwrap();
    assert_eq!(bundle.embedder(), Some("z"));
    let ContextStrategy::Relevance(relevance) = &bundle.scenarios[0].context.as_ref().unwrap().strategy else {
        panic!()
    };
    assert_eq!(relevance.embedder.as_deref(), Ok("z"));
    assert!(matches!(&warnings(&bundle)[..], [one] if one.contains("text_classifier")), "{:?}", warnings(&bundle));
    assert!(named("m").unwrap_err().to_string().contains("ProviderUnknown"));
}

#[test]
fn what_is_missing_or_wrong_is_told() {
    let missing = |spec: &str, relevance: &str| warnings(&bundle(spec, relevance).unwrap()).join("\n");
    let none = "providers: []\n  defaults: {}\n  provider_specs: {m: {type: mock}}";
    assert!(missing(none, "relevance: {provider: openai}").contains("EmbedderMissing"));
    assert!(missing(LISTED, "relevance: {provider: voyageai}").contains("`voyageai`"));
    assert!(missing(LISTED, "relevance: {provider: openai, model: huge}").contains("`huge`"));
    let kept = missing(LISTED, "relevance: {provider: o, always_keep_system_role: false}");
    assert!(kept.contains("FeatureUnsupported"), "{kept}");
    for (relevance, reason) in [
        ("relevance: {provider: o, query_source: custom}", "MissingKey"),
        ("relevance: {provider: o, query_source: mood}", "UnknownValue"),
        ("relevance: {provider: o, similarity_threshold: 1.5}", "ValueOutOfRange"),
    ] {
        let problems = bundle(LISTED, relevance).unwrap_err().to_string();
        assert!(problems.contains(reason), "{problems}");
    }
    let wrong = LISTED.replace("e.yaml", "f.yaml");
    let problems = bundle(&wrong, "").unwrap_err().to_string();
    assert!(problems.contains("role `embedding`"), "{problems}");
}
