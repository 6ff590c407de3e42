//! The bundle as a run sees it: what its [`RunSpec`] binds, adds and leaves out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arena_bundle::{
    Bundle, ComponentSpec, Credential, Headers, Pricing, ProviderDefaults, ProviderRole, ProviderSpec, Scenario,
    Traffic,
};
use arena_model::{ComponentBinding, Endpoint, ProviderBinding, RunSpec};
use globset::{Glob, GlobSet, GlobSetBuilder};
use serde_json::{Value, json};

use crate::PlanError;
use crate::select::closest;

/// Where bound things say they come from.
const CONFIG: &str = "ArenaConfig";
/// Kinds of providers that call nobody.
const OFFLINE: [&str; 2] = ["mock", "replay"];

/// Applies `spec` to `bundle`. `endpoints` are those of the bound providers by id; a binding without one calls the
/// vendor's own address without a key.
///
/// Bindings of a group whose names are all of providers of the bundle replace those providers; otherwise they take
/// the place of the whole group. One of the name of a provider of embeddings takes its place. A scenario that names only providers which are gone runs with its group.
///
/// # Errors
/// A glob that is none, filters that leave no scenario, a component that is not in the bundle, a judge whose provider
/// is gone.
pub fn effective(
    mut bundle: Bundle,
    spec: &RunSpec,
    endpoints: &BTreeMap<String, Endpoint>,
) -> Result<Bundle, PlanError> {
    bind_providers(&mut bundle, spec, endpoints)?;
    let (include, exclude) = (globs(&spec.include)?, globs(&spec.exclude)?);
    let kept = |scenario: &Scenario| {
        (spec.include.is_empty() || include.is_match(&scenario.id)) && !exclude.is_match(&scenario.id)
    };
    let known: BTreeSet<&str> = bundle.providers.iter().map(|provider| provider.id.as_str()).collect();
    let scenarios: Vec<Arc<Scenario>> = bundle
        .scenarios
        .iter()
        .filter(|scenario| kept(scenario))
        .map(|scenario| {
            let trials = spec.trials.unwrap_or(scenario.trials);
            let mut providers = scenario.providers.clone();
            if !spec.providers.is_empty() {
                providers.retain(|id| known.contains(id.as_str()));
            }
            if trials == scenario.trials && providers.len() == scenario.providers.len() {
                return scenario.clone();
            }
            Arc::new(Scenario { trials, providers, ..Scenario::clone(scenario) })
        })
        .collect();
    if scenarios.is_empty() {
        let what = if bundle.scenarios.is_empty() {
            "the bundle has no scenario; list one under `scenarios`".to_owned()
        } else {
            format!("scenarios: include {:?}, exclude {:?}", spec.include, spec.exclude)
        };
        return Err(PlanError::NothingSelected { what });
    }
    bundle.scenarios = scenarios;
    for binding in &spec.evaluators {
        let component = component(&bundle, binding)?;
        bundle.components.push(component);
    }
    if let Some(file) = &spec.template {
        let binding = ComponentBinding { name: "template".to_owned(), component: file.clone(), grants: Vec::new() };
        bundle.template = Some(component(&bundle, &binding)?);
    }
    bundle.conduct = spec.conduct.clone();
    if let Some(timeout) = spec.case_timeout_ms {
        bundle.defaults.run_timeout = Some(Duration::from_millis(timeout));
    }
    Ok(bundle)
}

/// Under an ArenaConfig a bundle's own providers run only if they call nobody: addresses and keys are the config's to
/// say. `bundle` is the effective one of `spec`; if models under test are `mocked`, only judges, users that models play and
/// embedders are called.
///
/// # Errors
/// [`PlanError::ProvidersUnbound`] with those that would call somebody and are not bound by `spec`.
pub fn refuse_unbound(bundle: &Bundle, spec: &RunSpec, mocked: bool) -> Result<(), PlanError> {
    let bound: BTreeSet<&str> = spec.providers.iter().map(|binding| binding.id.as_str()).collect();
    let others = bundle.judges.values().chain(bundle.roles.values());
    let others: BTreeSet<&String> = others.chain(bundle.embedders.iter().map(|spec| &spec.id)).collect();
    let calls = |provider: &&ProviderSpec| {
        !OFFLINE.contains(&provider.kind.as_str()) && (!mocked || others.contains(&provider.id))
    };
    let own = bundle.called().filter(calls);
    let ids: Vec<String> =
        own.filter(|provider| !bound.contains(provider.id.as_str())).map(|provider| provider.id.clone()).collect();
    if ids.is_empty() { Ok(()) } else { Err(PlanError::ProvidersUnbound { ids }) }
}

fn bind_providers(
    bundle: &mut Bundle,
    spec: &RunSpec,
    endpoints: &BTreeMap<String, Endpoint>,
) -> Result<(), PlanError> {
    if spec.providers.is_empty() {
        return Ok(());
    }
    let ids: BTreeSet<String> = bundle.called().map(|provider| provider.id.clone()).collect();
    let replaced: BTreeSet<&str> = spec
        .providers
        .iter()
        .filter(|binding| !ids.contains(&binding.id))
        .map(|binding| binding.group.as_str())
        .collect();
    let bound: BTreeMap<&str, &ProviderBinding> =
        spec.providers.iter().map(|binding| (binding.id.as_str(), binding)).collect();
    bundle
        .providers
        .retain(|provider| !bound.contains_key(provider.id.as_str()) && !replaced.contains(provider.group.as_str()));
    let none = Endpoint::default();
    for (id, binding) in &bound {
        let provider = provider(binding, endpoints.get(&binding.id).unwrap_or(&none));
        // What makes embeddings in the bundle makes them wherever it is bound to.
        match bundle.embedders.iter_mut().find(|embedder| embedder.id == **id) {
            Some(embedder) => *embedder = ProviderSpec { role: ProviderRole::Embedding, ..provider },
            None => bundle.providers.push(provider),
        }
    }
    bundle.providers.sort_by(|one, other| one.id.cmp(&other.id));
    for (judge, id) in &bundle.judges {
        if !bundle.providers.iter().any(|provider| provider.id == *id) {
            return Err(PlanError::JudgeUnmapped { judge: judge.clone(), provider: id.clone() });
        }
    }
    Ok(())
}

fn provider(binding: &ProviderBinding, endpoint: &Endpoint) -> ProviderSpec {
    let millis = |value: Option<u64>| value.map(Duration::from_millis);
    ProviderSpec {
        id: binding.id.clone(),
        group: binding.group.clone(),
        kind: binding.kind.clone(),
        role: ProviderRole::Llm,
        model: binding.model.clone(),
        base_url: endpoint.base_url.clone(),
        headers: Headers(endpoint.headers.clone()),
        capabilities: binding.capabilities.clone(),
        unsupported_params: binding.unsupported_params.clone(),
        credential: Credential {
            api_key: None,
            credential_file: endpoint.credential_file.clone(),
            credential_env: endpoint.credential_env.clone(),
        },
        platform: endpoint.platform.as_ref().map(|platform| {
            json!({"type": platform.kind, "region": platform.region, "project": platform.project,
                "additional_config": {"api_version": platform.api_version}})
        }),
        defaults: ProviderDefaults {
            temperature: binding.temperature,
            top_p: binding.top_p,
            max_tokens: binding.max_tokens,
        },
        pricing: binding
            .pricing
            .map(|(input_cost_per_1k, output_cost_per_1k)| Pricing { input_cost_per_1k, output_cost_per_1k }),
        rate_limit: None,
        request_timeout: millis(binding.request_timeout_ms),
        stream_idle_timeout: millis(binding.stream_idle_timeout_ms),
        traffic: traffic(endpoint),
        additional_config: {
            let mut config = binding.options.clone();
            config.extend(binding.mock_file.iter().map(|file| ("mock_config".to_owned(), file.as_str().into())));
            Value::Object(config)
        },
        file: CONFIG.into(),
    }
}

/// The schema of the API has seen to it that these are numbers in range.
fn traffic(endpoint: &Endpoint) -> Traffic {
    let number = |group: &str, key: &str| {
        let value = endpoint.traffic.get(group)?.get(key)?.as_u64()?;
        u32::try_from(value).ok()
    };
    Traffic {
        concurrency: number("limits", "concurrency"),
        requests_per_minute: number("limits", "requests_per_minute"),
        tokens_per_minute: number("limits", "tokens_per_minute"),
        rate_limited: number("retries", "rate_limited"),
        unavailable: number("retries", "unavailable"),
        timeout: number("retries", "timeout"),
        retry_after_seconds: number("retries", "retry_after_seconds"),
    }
}

fn component(bundle: &Bundle, binding: &ComponentBinding) -> Result<ComponentSpec, PlanError> {
    let Some(file) = bundle.files.iter().find(|file| file.path == binding.component) else {
        let names = bundle.files.iter().map(|file| file.path.as_str()).filter(|path| path.ends_with(".wasm"));
        let meant = closest(&binding.component, names);
        return Err(PlanError::ComponentMissing { component: binding.component.clone(), meant });
    };
    Ok(ComponentSpec {
        name: binding.name.clone(),
        component: file.path.clone(),
        digest: file.digest.clone(),
        grants: binding.grants.clone(),
        limits: Value::Object(serde_json::Map::new()),
        file: CONFIG.into(),
        line: 0,
    })
}

fn globs(patterns: &[String]) -> Result<GlobSet, PlanError> {
    let mut set = GlobSetBuilder::new();
    let invalid = |pattern: &str, error: &globset::Error| PlanError::GlobInvalid {
        pattern: pattern.to_owned(),
        detail: error.kind().to_string(),
    };
    for pattern in patterns {
        set.add(Glob::new(pattern).map_err(|error| invalid(pattern, &error))?);
    }
    set.build().map_err(|error| invalid(&patterns.join(" "), &error))
}
