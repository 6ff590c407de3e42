//! From an ArenaConfig and the Providers it names to how a bundle is run.

use std::collections::BTreeMap;

use arena_model::{CloudPlatform, Compat, ComponentBinding, Conduct, Endpoint, OnFailedTurn, ProviderBinding, RunSpec};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    ArenaConfigSpec, CompatWay, EvaluationSettings, FailedTurn, Grant, Provider, ProviderEntry, ProviderSpec,
    ProviderType,
};

/// What the config changes about its bundle, and where each bound provider is called, by its id. A provider with a key
/// has it in the file `provider-<id>` beside the job's ticket.
pub fn run_spec(
    config: &ArenaConfigSpec,
    providers: &[(ProviderEntry, Provider)],
) -> (RunSpec, BTreeMap<String, Endpoint>) {
    let endpoints = providers.iter().map(|(entry, provider)| (entry.name.clone(), endpoint(&entry.name, provider)));
    let filter = config.scenarios.clone().unwrap_or_default();
    let evaluators = config.evaluators.iter().map(|evaluator| ComponentBinding {
        name: evaluator.name.clone(),
        component: evaluator.component.clone(),
        grants: evaluator.grants.iter().map(|grant| grant_name(*grant).to_owned()).collect(),
    });
    let spec = RunSpec {
        providers: providers.iter().map(|(entry, provider)| binding(entry, provider)).collect(),
        evaluators: evaluators.collect(),
        template: config.template.as_ref().map(|template| template.component.clone()),
        include: filter.include.unwrap_or_default(),
        exclude: filter.exclude.unwrap_or_default(),
        trials: config.trials,
        case_timeout_ms: Some(millis(config.timeout.get())),
        egress: hosts(config),
        conduct: conduct(&config.evaluation),
    };
    (spec, endpoints.collect())
}

/// Hosts that tools may call, sorted.
fn hosts(config: &ArenaConfigSpec) -> Vec<String> {
    let mut hosts = config.egress.as_ref().map(|egress| egress.allow.clone()).unwrap_or_default();
    hosts.sort();
    hosts.dedup();
    hosts
}

fn conduct(settings: &EvaluationSettings) -> Conduct {
    let on_failed_turn = match settings.on_failed_turn {
        FailedTurn::Stop => OnFailedTurn::Stop,
        FailedTurn::Continue => OnFailedTurn::Continue,
    };
    let ways = settings.compat.iter().map(|way| match way {
        CompatWay::LastReply => Compat::LastReply,
        CompatWay::ExpandedValues => Compat::ExpandedValues,
    });
    let mut compat: Vec<Compat> = ways.collect();
    compat.sort_unstable();
    compat.dedup();
    Conduct { on_failed_turn, compat }
}

/// Where the provider of this id is called. The key of one with a credential is the file `provider-<id>` beside the
/// job's ticket.
pub fn endpoint(id: &str, provider: &Provider) -> Endpoint {
    Endpoint {
        base_url: provider.spec.base_url.clone(),
        headers: provider.spec.headers.clone().unwrap_or_default(),
        credential_file: provider.spec.credential.as_ref().map(|_| format!("provider-{id}")),
        credential_env: None,
        shared: provider.metadata.uid.clone(),
        platform: platform(&provider.spec),
        traffic: traffic(&provider.spec),
    }
}

fn platform(spec: &ProviderSpec) -> Option<CloudPlatform> {
    let clouds = [ProviderType::Azure, ProviderType::Bedrock, ProviderType::Vertex];
    let place = spec.platform.clone().unwrap_or_default();
    clouds.contains(&spec.type_).then(|| CloudPlatform {
        kind: spec.type_.as_str().to_owned(),
        region: place.region,
        project: place.project,
        api_version: place.api_version,
    })
}

/// What only some types know, under the names that bundles have for it.
fn options(spec: &ProviderSpec) -> Map<String, Value> {
    let options = spec.options.clone().unwrap_or_default();
    let all = [
        ("api_mode", options.api_mode.map(|mode| word(&mode).into())),
        ("reasoning_effort", options.reasoning_effort.map(Value::from)),
        ("thinking_budget", options.thinking_budget.map(Value::from)),
        ("prompt_caching", options.prompt_caching.map(Value::from)),
        ("keep_alive", options.keep_alive.map(Value::from)),
    ];
    object(all)
}

/// Limits and retries, likewise.
fn traffic(spec: &ProviderSpec) -> Map<String, Value> {
    let limits = spec.limits.as_ref().map(|limits| {
        object([
            ("concurrency", limits.concurrency.map(Value::from)),
            ("requests_per_minute", limits.requests_per_minute.map(Value::from)),
            ("tokens_per_minute", limits.tokens_per_minute.map(Value::from)),
        ])
    });
    let retries = spec.retries.as_ref().map(|retries| {
        object([
            ("rate_limited", retries.rate_limited.map(Value::from)),
            ("unavailable", retries.unavailable.map(Value::from)),
            ("timeout", retries.timeout.map(Value::from)),
            ("retry_after_seconds", retries.retry_after_seconds.map(Value::from)),
        ])
    });
    object([("limits", limits.map(Value::Object)), ("retries", retries.map(Value::Object))])
}

fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Map<String, Value> {
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn binding(entry: &ProviderEntry, provider: &Provider) -> ProviderBinding {
    let spec = &provider.spec;
    let defaults = spec.defaults.clone().unwrap_or_default();
    ProviderBinding {
        id: entry.name.clone(),
        group: entry.group.clone(),
        kind: spec.type_.as_str().to_owned(),
        model: spec.model.clone().unwrap_or_default(),
        temperature: defaults.temperature,
        top_p: defaults.top_p,
        max_tokens: defaults.max_tokens,
        request_timeout_ms: defaults.request_timeout.map(|timeout| millis(timeout.get())),
        stream_idle_timeout_ms: defaults.stream_idle_timeout.map(|timeout| millis(timeout.get())),
        pricing: spec.pricing.as_ref().map(|pricing| (pricing.input_cost_per_1k, pricing.output_cost_per_1k)),
        capabilities: spec.capabilities.iter().map(word).collect(),
        unsupported_params: spec.unsupported_params.iter().map(word).collect(),
        mock_file: spec.mock.as_ref().map(|mock| mock.file.clone()),
        options: options(spec),
    }
}

fn grant_name(grant: Grant) -> &'static str {
    match grant {
        Grant::Judge => "judge",
        Grant::Embed => "embed",
    }
}

/// A word of the API as bundles write it, which is the same.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn provider(spec: serde_json::Value) -> Provider {
        let api = "omnia.altairalabs.ai/v1alpha1";
        serde_json::from_value(json!({"apiVersion": api, "kind": "Provider", "metadata": {"name": "p"}, "spec": spec}))
            .unwrap()
    }

    fn of(config: serde_json::Value, objects: &[serde_json::Value]) -> (RunSpec, BTreeMap<String, Endpoint>) {
        let config: ArenaConfigSpec = serde_json::from_value(config).unwrap();
        let entries = config.provider_entries();
        let providers: Vec<_> = entries.into_iter().zip(objects.iter().cloned().map(provider)).collect();
        run_spec(&config, &providers)
    }

    #[test]
    fn the_short_form_binds_one_provider_and_the_timeout() {
        let config = json!({"sourceRef": {"name": "s"}, "providerRef": {"name": "claude-provider"}, "timeout": "90s"});
        let object = json!({"type": "openai", "model": "m", "baseURL": "http://v/v1",
            "credential": {"secretRef": {"name": "keys"}}});
        let (spec, endpoints) = of(config, &[object]);
        assert_eq!(spec.case_timeout_ms, Some(90_000));
        let bound = &spec.providers[0];
        assert_eq!(
            (bound.id.as_str(), bound.group.as_str(), bound.kind.as_str()),
            ("claude-provider", "default", "openai")
        );
        let endpoint = &endpoints["claude-provider"];
        assert_eq!(endpoint.base_url.as_deref(), Some("http://v/v1"));
        assert_eq!(endpoint.credential_file.as_deref(), Some("provider-claude-provider"));
        let words = serde_json::to_string(&spec).unwrap();
        assert!(
            !words.contains("http://v") && !words.contains("keys"),
            "addresses and keys change no verdict: {words}"
        );
    }

    #[test]
    fn everything_a_config_says_arrives() {
        let config = json!({"sourceRef": {"name": "s"}, "trials": 3, "template": {"component": "t.wasm"},
            "providers": [{"name": "a", "group": "judges"}, {"name": "b", "providerRef": {"name": "mock"}}],
            "evaluators": [{"name": "e", "component": "e.wasm", "grants": ["judge"]}],
            "scenarios": {"include": ["x-*"], "exclude": ["x-1"]}, "evaluation": {"onFailedTurn": "Continue", "compat": ["ExpandedValues", "LastReply"]}, "egress": {"allow": ["b.example:8443", "a.example"]}});
        let object = json!({"type": "openai", "model": "m", "headers": {"X-Team": "a"},
            "defaults": {"temperature": 0.5, "topP": 0.9, "maxTokens": 7, "requestTimeout": "3s", "streamIdleTimeout": "4s"},
            "pricing": {"inputCostPer1K": 1.0, "outputCostPer1K": 2.0},
            "capabilities": ["vision"], "unsupportedParams": ["max_completion_tokens"]});
        let (spec, endpoints) = of(config, &[object, json!({"type": "mock", "mock": {"file": "m.yaml"}})]);
        assert_eq!((spec.trials, spec.template.as_deref()), (Some(3), Some("t.wasm")));
        assert_eq!((spec.include, spec.exclude), (vec!["x-*".to_owned()], vec!["x-1".to_owned()]));
        assert_eq!(spec.egress, ["a.example", "b.example:8443"]);
        let compat = vec![Compat::LastReply, Compat::ExpandedValues];
        assert_eq!(spec.conduct, Conduct { on_failed_turn: OnFailedTurn::Continue, compat });
        assert_eq!(spec.evaluators[0].grants, ["judge"]);
        let [a, b] = &spec.providers[..] else { panic!("two") };
        assert_eq!((a.group.as_str(), a.temperature, a.top_p, a.max_tokens), ("judges", Some(0.5), Some(0.9), Some(7)));
        assert_eq!((a.request_timeout_ms, a.stream_idle_timeout_ms), (Some(3000), Some(4000)));
        assert_eq!((a.pricing, a.capabilities.as_slice()), (Some((1.0, 2.0)), &["vision".to_owned()][..]));
        assert_eq!(a.unsupported_params, ["max_completion_tokens"]);
        assert_eq!((b.id.as_str(), b.kind.as_str(), b.mock_file.as_deref()), ("b", "mock", Some("m.yaml")));
        assert_eq!(endpoints["a"].headers["X-Team"], "a");
        assert_eq!(endpoints["b"], Endpoint::default());
    }
}
