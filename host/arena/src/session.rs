//! A run made ready: components loaded, providers connected.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arena_bundle::{Assertion, Bundle, ProviderRole, ProviderSpec, Scenario};
use arena_egress::{Egress, Limits};
use arena_evaluate::{
    ANSWERS, ComponentSource, Embedding, Evaluator, EvaluatorParts, Library, MAPPINGS, SCHEMAS, ToolKeys, WATCHED,
    check_type, refers, template_of,
};
use arena_model::{Class, Fault, Manifest, Origin, Work};
use arena_provider::{
    Credential, Embedder, HttpClient, HttpSettings, Limits as ProviderLimits, Metered, MeteredEmbedder, Platform,
    Pricing, Provider, ProviderError, ProviderSettings, Purse, RetryPolicy, Role, Sampling, Secret, connect,
    connect_embedder,
};
use arena_sandbox::Sandbox;
use arena_worker::Matrix;
use serde_json::json;

use crate::exit::{Failure, OrFail};
use crate::files::{KEY_BYTES, read_file as read_any};
use crate::tables::{Remark, Survey, survey};
use crate::work::{self, Calls, ENGINE, Inputs, Prepared};
use crate::{budget, credentials, settings, standard};

/// A run made ready.
pub struct Session {
    /// The checked bundle, as the run sees it.
    pub bundle: Arc<Bundle>,
    /// Components, template engine included.
    pub library: Arc<Library>,
    /// Runs cases.
    pub evaluator: Arc<Evaluator>,
    /// The cases.
    pub matrix: Arc<Matrix>,
    /// Where the given table is kept, if there is one.
    pub dataset: Option<PathBuf>,
    /// What is to be told of tables.
    pub remarks: Vec<Remark>,
    /// All that can change a verdict.
    pub work: Work,
    /// Where each provider is called.
    pub endpoints: BTreeMap<String, String>,
    /// What calls them.
    pub http: HttpClient,
    /// What pays for calls; none if they are not limited.
    pub purse: Option<Arc<Purse>>,
}

type Providers = BTreeMap<String, Result<Arc<dyn Provider>, ProviderError>>;

impl Session {
    /// Reads and checks everything; calls no provider.
    pub async fn open(inputs: &Inputs, worker: &str) -> Result<Self, Failure> {
        Self::of(Prepared::of(inputs)?, inputs, worker).await
    }

    /// Makes what `inputs` were read to ready; calls no provider.
    pub async fn of(prepared: Prepared, inputs: &Inputs, worker: &str) -> Result<Self, Failure> {
        let Prepared { bundle, sources, matrix, mock, dataset, remarks: mut told, work, .. } = prepared;
        let sandbox = settings::sandbox()?;
        let Survey { examples, mut remarks } = survey(&bundle, &matrix, inputs.rows_looked_at)?;
        remarks.append(&mut told);
        if inputs.is_bound
            && let Err(unbound) = arena_plan::refuse_unbound(&bundle, &inputs.run, inputs.mock_provider)
        {
            let (reason, text) = (unbound.reason(), unbound.to_string());
            remarks.push(Remark { fatal: true, reason, file: bundle.entry.clone(), line: 0, text });
        }
        let looked_at = looked_at(&bundle, examples);
        let row_checks = matrix.row_checks();
        let library = Arc::new(load_library(&sandbox, &looked_at, row_checks, sources).await?);
        let Connected { providers, players, embedders, judges, http } = connect_all(&bundle, inputs, mock.as_deref())?;
        let talking = providers.iter().map(|(id, it)| (id, it.as_ref().ok().and_then(|it| it.endpoint())));
        let comparing = embedders.iter().map(|(id, it)| (id, it.as_ref().ok().and_then(|it| it.endpoint())));
        let called = talking.chain(comparing);
        let endpoints = called.filter_map(|(id, endpoint)| Some((id.clone(), endpoint?.to_owned()))).collect();
        let evaluator = Arc::new(Evaluator::new(EvaluatorParts {
            bundle: looked_at,
            sandbox,
            library: library.clone(),
            providers,
            players,
            embedders,
            judges,
            egress: egress(inputs)?,
            tool_keys: tool_keys(inputs)?,
            seed: inputs.seed,
            case_timeout: settings::CASE_TIMEOUT,
            worker: worker.to_owned(),
            clock: Arc::new(settings::now),
        }));
        let (matrix, purse) = (Arc::new(matrix), inputs.purse.clone());
        Ok(Self { bundle, library, evaluator, matrix, dataset, remarks, work, endpoints, http, purse })
    }

    /// The scenario as a case of it reads: of one with a table, its first row.
    pub fn example<'s>(&'s self, scenario: &'s Scenario) -> &'s Scenario {
        let looked_at = &self.evaluator.parts().bundle.scenarios;
        let example = scenario.dataset.as_ref().and_then(|_| looked_at.iter().find(|known| known.id == scenario.id));
        example.map_or(scenario, AsRef::as_ref)
    }

    /// The manifest of a new run.
    pub fn manifest(&self, source: &Path, run_settings: serde_json::Value) -> Result<Manifest, Failure> {
        let origin = Origin {
            engine: ENGINE.to_owned(),
            source: source.display().to_string(),
            created: settings::now(),
            settings: run_settings,
            endpoints: self.endpoints.clone(),
            from: None,
        };
        work::manifest(&self.work, origin)
    }
}

/// An evaluator for a bundle that nobody can run: it has neither providers nor components of its own.
pub async fn alone(bundle: Arc<Bundle>) -> Result<Evaluator, Failure> {
    let sandbox = settings::sandbox()?;
    let library = Arc::new(load_library(&sandbox, &bundle, BTreeSet::new(), standard::library()).await?);
    let inputs = Inputs::of(bundle.root.clone());
    Ok(Evaluator::new(EvaluatorParts {
        bundle,
        sandbox,
        library,
        providers: BTreeMap::new(),
        players: BTreeMap::new(),
        embedders: BTreeMap::new(),
        judges: BTreeMap::new(),
        egress: egress(&inputs)?,
        tool_keys: tool_keys(&inputs)?,
        seed: settings::SEED,
        case_timeout: settings::CASE_TIMEOUT,
        worker: String::new(),
        clock: Arc::new(settings::now),
    }))
}

async fn load_library(
    sandbox: &Arc<Sandbox>,
    bundle: &Bundle,
    row_checks: BTreeSet<String>,
    sources: Vec<ComponentSource>,
) -> Result<Library, Failure> {
    let mut needed = needed(bundle);
    needed.extend(row_checks);
    let library = Library::load(sandbox, sources, |name| needed.contains(name)).await.or_fail()?;
    let broken = library.entries().iter().filter_map(|entry| entry.component.as_ref()?.as_ref().err());
    // What is not the component's fault must not become the verdict of its checks.
    match broken.into_iter().find(|error| error.class() == Class::Infra) {
        Some(error) => Err(error.clone()).or_fail(),
        None => Ok(library),
    }
}

/// The bundle as checks look at it before a run: an example stands for a scenario with a table.
fn looked_at(bundle: &Arc<Bundle>, mut examples: BTreeMap<String, Scenario>) -> Arc<Bundle> {
    if examples.is_empty() {
        return bundle.clone();
    }
    let mut bundle = Bundle::clone(bundle);
    for scenario in &mut bundle.scenarios {
        if let Some(example) = examples.remove(&scenario.id) {
            *scenario = Arc::new(example);
        }
    }
    Arc::new(bundle)
}

/// Check types the bundle names, and its template engine. A wrapped check is found by its inner type.
fn needed(bundle: &Bundle) -> BTreeSet<String> {
    let mut needed = BTreeSet::new();
    for scenario in &bundle.scenarios {
        let turns = scenario.turns.iter().flat_map(|turn| &turn.assertions);
        let all = turns.chain(scenario.conversation_assertions.iter().map(AsRef::as_ref));
        for assertion in all.flat_map(Assertion::checks) {
            let kind = check_type(assertion);
            if !needed.contains(kind.as_ref()) {
                needed.insert(kind.into_owned());
            }
        }
    }
    let own = bundle.prompts.values().flat_map(|prompt| &prompt.evals);
    needed.extend(bundle.evals.iter().chain(own).map(|eval| check_type(&eval.check).into_owned()));
    let prompts = bundle.prompts.values().flat_map(|prompt| &prompt.validators);
    let streams = |scenario: &Arc<Scenario>| {
        scenario.streaming == Some(true) || scenario.turns.iter().any(|turn| turn.streaming == Some(true))
    };
    let streamed = bundle.scenarios.iter().any(streams);
    for validator in prompts {
        if streamed {
            needed.insert(format!("{WATCHED}{}", validator.kind));
        }
        needed.insert(validator.kind.clone());
    }
    let tools = bundle.tools.values();
    if tools.clone().any(|tool| tool.mode.has_templates()) {
        needed.insert(ANSWERS.to_owned());
    }
    if tools.clone().any(|tool| tool.mode.has_mappings()) {
        needed.insert(MAPPINGS.to_owned());
    }
    if !bundle.mcp_servers.is_empty() || tools.clone().any(|it| refers(&it.input_schema) || refers(&it.output_schema)) {
        needed.insert(SCHEMAS.to_owned());
    }
    needed.insert(template_of(bundle).to_owned());
    needed
}

/// The way out for tools.
fn egress(inputs: &Inputs) -> Result<Egress, Failure> {
    Egress::new(work::allow_list(inputs)?, Limits::default()).or_fail()
}

/// The variables that tools may send.
fn tool_keys(inputs: &Inputs) -> Result<ToolKeys, Failure> {
    let read = |name: &String| match settings::variable(name) {
        Some(value) => Ok((name.clone(), value)),
        None => Err(Failure::input("VariableNotSet", format!("--tool-env {name}: there is no such variable"))
            .hint("set it, or leave the flag out")),
    };
    // Of those whose tools are called, and no others.
    let sent = inputs.tool_env.iter().filter(|_| inputs.calls == Calls::All);
    Ok(ToolKeys::new(sent.map(read).collect::<Result<_, _>>()?))
}

/// Everybody who may be called.
struct Connected {
    providers: Providers,
    players: Providers,
    embedders: Embedding,
    judges: BTreeMap<String, Result<Arc<dyn Provider>, String>>,
    http: HttpClient,
}

fn connect_all(bundle: &Bundle, inputs: &Inputs, mock: Option<&[u8]>) -> Result<Connected, Failure> {
    let concurrency = inputs.concurrency.or(bundle.defaults.concurrency.and_then(|most| u32::try_from(most).ok()));
    let concurrency = concurrency.filter(|most| *most > 0).unwrap_or(settings::CONCURRENCY);
    let mut http = HttpClient::new(&HttpSettings { concurrency, ..inputs.network.settings()? }).or_fail()?;
    if let Some(permits) = &inputs.permits {
        http = http.with_permits(permits.clone());
    }
    if let Some(cache) = &inputs.cache {
        http = http.with_cache(cache.clone());
    }
    let read_file = |spec: &ProviderSpec, path: &str| {
        if spec.credential.credential_file.as_deref() == Some(path) {
            return credentials::read_key(bundle, inputs.key_folder.as_deref().unwrap_or(&bundle.root), path);
        }
        // The vendor's own tools find a key file by this.
        if spec.kind != "mock" && settings::variable("GOOGLE_APPLICATION_CREDENTIALS").as_deref() == Some(path) {
            return read_any(Path::new(path), KEY_BYTES);
        }
        // Place and advice stand in the error that this becomes a part of.
        bundle.read(path).map_err(|problem| std::io::Error::other(problem.message))
    };
    let open = |spec: &ProviderSpec, mocked: bool| -> Result<Arc<dyn Provider>, ProviderError> {
        let mut settings = provider_settings(spec);
        if mocked {
            settings.kind = "mock".to_owned();
        }
        if settings.kind == "replay" {
            let named = ["recording", "arena_output"].iter().find_map(|key| spec.additional_config[*key].as_str());
            settings.replayed = named.map(|path| {
                let recording = bundle.recording(path).map_err(|problem| problem.to_string())?;
                Ok(recording.messages)
            });
        }
        let given = mock.filter(|_| mocked);
        if given.is_some() {
            settings.additional_config = json!({"mock_config": "--mock-config"});
        }
        let read_file = |path: &str| match given {
            Some(bytes) => Ok(bytes.to_vec()),
            None => read_file(spec, path),
        };
        let connected = connect(&settings, &http, &read_file, &settings::variable)?;
        Ok(match &inputs.purse {
            Some(purse) => Arc::new(Metered::new(connected, purse.clone(), budget::meter(spec, bundle, mocked))),
            None => connected,
        })
    };
    let agents = bundle.providers.iter().filter(|_| inputs.calls == Calls::All);
    let providers = agents.map(|spec| (spec.id.clone(), open(spec, inputs.mock_provider))).collect();
    let judges = bundle.judges.iter().filter(|_| inputs.calls != Calls::None).map(|(name, id)| {
        let found = bundle.providers.iter().find(|spec| spec.id == *id);
        let connected = match found {
            Some(spec) => open(spec, false).map_err(|error| error.to_string()),
            None => Err(format!("provider `{id}` is not in the bundle")),
        };
        (name.clone(), connected)
    });
    let judges = judges.collect();
    // Users, judges and those that compare texts stay who they are when the agents under test are mocked.
    let players = bundle.roles.iter().filter(|_| inputs.calls == Calls::All).filter_map(|(role, id)| {
        let spec = bundle.providers.iter().find(|spec| spec.id == *id)?;
        Some((role.clone(), open(spec, false)))
    });
    let players = players.collect();
    let embedders = bundle.embedders.iter().filter(|_| inputs.calls != Calls::None).map(|spec| {
        let read_file = |path: &str| read_file(spec, path);
        let connected = connect_embedder(&provider_settings(spec), &http, &read_file, &settings::variable);
        let paid = |connected: Arc<dyn Embedder>| -> Arc<dyn Embedder> {
            match &inputs.purse {
                Some(purse) => {
                    Arc::new(MeteredEmbedder::new(connected, purse.clone(), budget::meter(spec, bundle, false)))
                }
                None => connected,
            }
        };
        (spec.id.clone(), connected.map(paid))
    });
    let embedders = embedders.collect();
    Ok(Connected { providers, players, embedders, judges, http })
}

/// What a provider is set up with.
pub fn provider_settings(spec: &ProviderSpec) -> ProviderSettings {
    let mut settings = ProviderSettings::new(&spec.id, &spec.kind, &spec.model);
    settings.role = match spec.role {
        ProviderRole::Llm => Role::Chat,
        ProviderRole::Embedding => Role::Embedding,
    };
    settings.platform = spec.platform.as_ref().map(|platform| {
        let text = |key: &str| platform[key].as_str().map(str::to_owned);
        Platform {
            // Never call the vendor itself in place of the platform that the bundle names.
            kind: text("type").unwrap_or_else(|| "a platform".to_owned()),
            region: text("region"),
            project: text("project"),
            endpoint: text("endpoint"),
            additional_config: platform["additional_config"].clone(),
        }
    });
    settings.base_url = spec.base_url.clone();
    settings.headers = spec.headers.iter().map(|(name, value)| (name.clone(), Secret::new(value.as_str()))).collect();
    settings.credential = Credential {
        api_key: spec.credential.api_key.as_deref().map(Secret::new),
        credential_file: spec.credential.credential_file.clone(),
        credential_env: spec.credential.credential_env.clone(),
    };
    settings.defaults = Sampling {
        temperature: spec.defaults.temperature,
        top_p: spec.defaults.top_p,
        max_tokens: spec.defaults.max_tokens,
        seed: None,
    };
    settings.pricing = spec.pricing.map(|pricing| Pricing::new(pricing.input_cost_per_1k, pricing.output_cost_per_1k));
    let (traffic, usual) = (&spec.traffic, settings.retry);
    settings.limits = ProviderLimits {
        concurrency: traffic.concurrency,
        // A bundle of PromptArena has requests of a second.
        requests_per_minute: traffic.requests_per_minute.or(spec.rate_limit.map(|rate| rate.rps.saturating_mul(60))),
        burst: spec.rate_limit.filter(|_| traffic.requests_per_minute.is_none()).map(|rate| rate.burst),
        tokens_per_minute: traffic.tokens_per_minute,
    };
    settings.retry = RetryPolicy {
        rate_limited: traffic.rate_limited.unwrap_or(usual.rate_limited),
        unavailable: traffic.unavailable.unwrap_or(usual.unavailable),
        timeout: traffic.timeout.unwrap_or(usual.timeout),
        max_retry_after: traffic
            .retry_after_seconds
            .map_or(usual.max_retry_after, |seconds| Duration::from_secs(seconds.into())),
        ..usual
    };
    settings.unsupported_params = spec.unsupported_params.clone();
    settings.request_timeout = spec.request_timeout.unwrap_or(settings.request_timeout);
    settings.stream_idle_timeout = spec.stream_idle_timeout.unwrap_or(settings.stream_idle_timeout);
    settings.additional_config = spec.additional_config.clone();
    settings
}
