//! A bundle made ready to run: components loaded, providers connected, the matrix planned, the work pinned.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arena_bundle::{Bundle, ComponentSpec, ProviderSpec};
use arena_evaluate::{ComponentSource, Evaluator, EvaluatorParts, Library, TEMPLATE, check_type};
use arena_model::{Class, Digest, EvaluatorPin, Fault, Manifest, Origin, PlanPin, Work};
use arena_plan::Plan;
use arena_provider::{
    Credential, HttpClient, HttpSettings, Pricing, Provider, ProviderError, ProviderSettings, Sampling, Secret, connect,
};
use arena_sandbox::{Grants, Limits, Sandbox};
use arena_worker::Matrix;
use serde_json::json;

use crate::exit::{Failure, OrFail};
use crate::files::{self, FILE_BYTES};
use crate::{credentials, settings, standard};

/// What a run is made from.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// Folder or arena file.
    pub bundle: PathBuf,
    /// Every provider under test answers from a mock file.
    pub mock_provider: bool,
    /// The mock file of all providers; none for each one's own.
    pub mock_config: Option<PathBuf>,
    /// Components that replace or join the standard library: name and file.
    pub evaluators: Vec<(String, PathBuf)>,
    /// Seed of everything random.
    pub seed: u64,
    /// Where relative paths of key files start; none for the bundle's folder.
    pub key_folder: Option<PathBuf>,
}

/// A bundle made ready.
pub struct Session {
    /// The checked bundle.
    pub bundle: Arc<Bundle>,
    /// Components, template engine included.
    pub library: Arc<Library>,
    /// Runs cases.
    pub evaluator: Arc<Evaluator>,
    /// The cases.
    pub matrix: Arc<Matrix>,
    /// All that can change a verdict.
    pub work: Work,
    /// Where each provider is called.
    pub endpoints: BTreeMap<String, String>,
}

type Providers = BTreeMap<String, Result<Arc<dyn Provider>, ProviderError>>;

impl Session {
    /// Reads and checks everything; calls no provider.
    pub async fn open(inputs: &Inputs, worker: &str) -> Result<Self, Failure> {
        let bundle = Arc::new(load_bundle(&inputs.bundle)?);
        let matrix = matrix(&bundle)?;
        let mock = inputs.mock_config.as_deref().map(read).transpose()?;
        let sandbox = settings::sandbox()?;
        let library = Arc::new(load_library(&sandbox, &bundle, inputs).await?);
        let (providers, judges) = connect_all(&bundle, inputs, mock.as_deref())?;
        let endpoints = providers
            .iter()
            .filter_map(|(id, provider)| Some((id.clone(), provider.as_ref().ok()?.endpoint()?.to_owned())));
        let endpoints = endpoints.collect();
        let work = work(&bundle, &library, &matrix.plan, inputs, mock.as_deref());
        let evaluator = Arc::new(Evaluator::new(EvaluatorParts {
            bundle: bundle.clone(),
            sandbox,
            library: library.clone(),
            providers,
            judges,
            seed: inputs.seed,
            case_timeout: settings::CASE_TIMEOUT,
            worker: worker.to_owned(),
            clock: Arc::new(settings::now),
        }));
        Ok(Self { bundle, library, evaluator, matrix: Arc::new(matrix), work, endpoints })
    }

    /// The manifest of a new run.
    pub fn manifest(&self, source: &Path, run_settings: serde_json::Value) -> Result<Manifest, Failure> {
        let work_digest = Digest::of_json(&self.work).map_err(|error| {
            Failure::machinery("ManifestFailed", format!("the manifest cannot be written: {error}"))
        })?;
        let origin = Origin {
            engine: concat!("arena ", env!("CARGO_PKG_VERSION")).to_owned(),
            source: source.display().to_string(),
            created: settings::now(),
            settings: run_settings,
            endpoints: self.endpoints.clone(),
        };
        Ok(Manifest { v: 1, work_digest, work: self.work.clone(), origin })
    }
}

/// The bundle, or all that is wrong with it.
pub fn load_bundle(path: &Path) -> Result<Bundle, Failure> {
    arena_bundle::load(path, &arena_bundle::Limits::default())
        .or_fail()
        .map_err(|failure| Failure { listing: true, ..failure })
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    files::read(path, FILE_BYTES)
}

async fn load_library(sandbox: &Arc<Sandbox>, bundle: &Bundle, inputs: &Inputs) -> Result<Library, Failure> {
    let mut sources = standard::library();
    for spec in bundle.components.iter().chain(&bundle.template) {
        sources.push(component(bundle, spec)?);
    }
    for (name, path) in &inputs.evaluators {
        sources.push(ComponentSource {
            name: name.clone(),
            bytes: read(path)?.into(),
            grants: standard::grants(name).unwrap_or_default(),
            limits: None,
            origin: path.display().to_string(),
            lazy: false,
        });
    }
    let needed = needed(bundle);
    let library = Library::load(sandbox, sources, |name| needed.contains(name)).await.or_fail()?;
    let broken = library.entries().iter().filter_map(|entry| entry.component.as_ref()?.as_ref().err());
    // What is not the component's fault must not become the verdict of its checks.
    match broken.into_iter().find(|error| error.class() == Class::Infra) {
        Some(error) => Err(error.clone()).or_fail(),
        None => Ok(library),
    }
}

/// Check types the bundle names, and its template engine. A wrapped check is found by its inner type.
fn needed(bundle: &Bundle) -> BTreeSet<String> {
    let mut needed = BTreeSet::new();
    for scenario in &bundle.scenarios {
        let turns = scenario.turns.iter().flat_map(|turn| &turn.assertions);
        for assertion in turns.chain(scenario.conversation_assertions.iter().map(AsRef::as_ref)) {
            let kind = check_type(assertion);
            if !needed.contains(kind.as_ref()) {
                needed.insert(kind.into_owned());
            }
        }
    }
    needed.insert(bundle.template.as_ref().map_or(TEMPLATE, |template| template.name.as_str()).to_owned());
    needed
}

fn component(bundle: &Bundle, spec: &ComponentSpec) -> Result<ComponentSource, Failure> {
    let place = format!("{}:{}: evaluator `{}`", spec.file, spec.line, spec.name);
    let bytes = bundle.read(&spec.component).map_err(|problem| Failure::input(problem.reason, problem.to_string()))?;
    let grants = Grants::from_names(spec.grants.iter().map(String::as_str))
        .map_err(|text| Failure::input("CapabilityUnknown", format!("{place}: {text}")))?;
    let limits = Limits::for_component(bytes.len())
        .overridden(&spec.limits)
        .map_err(|error| Failure::input("LimitInvalid", format!("{place}: {error}")))?;
    let origin = format!("{}, {}", spec.file, spec.component);
    Ok(ComponentSource {
        name: spec.name.clone(),
        bytes: bytes.into(),
        grants,
        limits: Some(limits),
        origin,
        lazy: false,
    })
}

fn matrix(bundle: &Bundle) -> Result<Matrix, Failure> {
    let input = arena_plan::input(bundle).or_fail()?;
    let plan = Plan::new(&input).or_fail()?;
    Ok(Matrix::new(plan, input, bundle.scenarios.clone()))
}

#[allow(clippy::type_complexity, reason = "two maps of connections")]
fn connect_all(
    bundle: &Bundle,
    inputs: &Inputs,
    mock: Option<&[u8]>,
) -> Result<(Providers, BTreeMap<String, Result<Arc<dyn Provider>, String>>), Failure> {
    let http = HttpClient::new(&HttpSettings::default()).or_fail()?;
    let open = |spec: &ProviderSpec, mocked: bool| {
        let mut settings = provider_settings(spec);
        if mocked {
            settings.kind = "mock".to_owned();
        }
        let given = mock.filter(|_| mocked);
        if given.is_some() {
            settings.additional_config = json!({"mock_config": "--mock-config"});
        }
        let read_file = |path: &str| match given {
            Some(bytes) => Ok(bytes.to_vec()),
            None if spec.credential.credential_file.as_deref() == Some(path) => {
                credentials::read_key(bundle, inputs.key_folder.as_deref().unwrap_or(&bundle.root), path)
            }
            // Place and advice stand in the error that this becomes a part of.
            None => bundle.read(path).map_err(|problem| std::io::Error::other(problem.message)),
        };
        connect(&settings, &http, &read_file, &settings::variable)
    };
    let providers = bundle.providers.iter().map(|spec| (spec.id.clone(), open(spec, inputs.mock_provider))).collect();
    let judges = bundle.judges.iter().map(|(name, id)| {
        let found = bundle.providers.iter().find(|spec| spec.id == *id);
        let connected = match found {
            Some(spec) => open(spec, false).map_err(|error| error.to_string()),
            None => Err(format!("provider `{id}` is not in the bundle")),
        };
        (name.clone(), connected)
    });
    Ok((providers, judges.collect()))
}

/// What a provider is set up with.
pub fn provider_settings(spec: &ProviderSpec) -> ProviderSettings {
    let mut settings = ProviderSettings::new(&spec.id, &spec.kind, &spec.model);
    if let Some(platform) = &spec.platform {
        // Never call the vendor itself in place of the platform that the bundle names.
        settings.kind = format!("{} on {}", spec.kind, platform["type"].as_str().unwrap_or("a platform"));
    }
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
    settings.pricing = spec
        .pricing
        .map(|pricing| Pricing { input_per_1k: pricing.input_cost_per_1k, output_per_1k: pricing.output_cost_per_1k });
    settings.unsupported_params = spec.unsupported_params.clone();
    settings.request_timeout = spec.request_timeout.unwrap_or(settings.request_timeout);
    settings.stream_idle_timeout = spec.stream_idle_timeout.unwrap_or(settings.stream_idle_timeout);
    settings.additional_config = spec.additional_config.clone();
    settings
}

fn work(bundle: &Bundle, library: &Library, plan: &Plan, inputs: &Inputs, mock: Option<&[u8]>) -> Work {
    let pin = |entry: &arena_evaluate::Resolved| EvaluatorPin {
        digest: entry.digest.clone(),
        grants: if entry.grants.judge { vec!["judge".to_owned()] } else { Vec::new() },
        limits: serde_json::to_value(entry.limits).unwrap_or_default(),
    };
    Work {
        bundle: bundle.digest.clone(),
        entry: bundle.entry.clone(),
        evaluators: library.entries().iter().map(|entry| (entry.name.clone(), pin(entry))).collect(),
        config: json!({"mockProvider": inputs.mock_provider, "mockConfig": mock.map(Digest::of)}),
        models: bundle.providers.iter().map(|spec| (spec.id.clone(), spec.model.clone())).collect(),
        plan: PlanPin { digest: plan.digest().clone(), cases: plan.len() },
        seed: inputs.seed,
        epoch: humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + settings::EPOCH).to_string(),
    }
}
