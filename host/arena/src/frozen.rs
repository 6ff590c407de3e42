//! A run's folder: made complete, with all that the run needs, and opened again from that alone.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arena_bundle::Bundle;
use arena_crd::GateSpec;
use arena_model::{Digest, Fault as _, Manifest, Work};
use arena_provider::{KINDS, OTHER_KINDS, ResponseCache};
use arena_results::{RunDir, RunView, State};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::budget::{self, BUDGET};
use crate::credentials;
use crate::exit::{Failure, OrFail};
use crate::files::{self, FILE_BYTES, read_file};
use crate::gates;
use crate::manifests::Manifests;
use crate::network::Network;
use crate::outside::Outside;
use crate::session::Session;
use crate::tables::{self, Given};
use crate::verdict;
use crate::work::{self, Inputs, load_bundle, run_spec, selection};

/// Folder of the run that holds what came from outside the bundle.
const INPUTS: &str = "inputs";
/// Setting of a run with an ArenaConfig: what of it changes no verdict.
const CONFIG: &str = "config";
/// Folder of the table that was given.
const DATASET: &str = "dataset";
const MOCK_CONFIG: &str = "mock-config.yaml";
/// Keys of the cases that alone are run, one a line.
const CASES: &str = "cases";
/// Longest list of cases, bytes: that of the longest plan.
const CASES_BYTES: u64 = 512 << 20;

/// What an ArenaConfig says besides the work. Where providers are called is not kept: headers may hold keys, and a
/// folder that was changed must not send keys elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Aside {
    /// What must hold for the run to pass.
    pub gates: Vec<GateSpec>,
    /// Cases at once; none if there is no config.
    pub concurrency: Option<u32>,
}

impl Aside {
    /// Of the run that `manifest` is of.
    pub fn of(manifest: &Manifest) -> Result<Self, Failure> {
        match &manifest.origin.settings[CONFIG] {
            Value::Null => Ok(Self::default()),
            aside => serde_json::from_value(aside.clone()).map_err(|error| {
                Failure::input("ManifestInvalid", format!("the manifest's origin.settings.{CONFIG}: {error}"))
            }),
        }
    }
}

/// A new run: its folder (`out`, or one of its own) appears complete with manifest, bundle and inputs.
pub async fn start(
    inputs: &Inputs,
    aside: &Aside,
    out: Option<&Path>,
    budget: budget::Flags,
    allow_inline_keys: bool,
    worker: &str,
) -> Result<(RunDir, Session), Failure> {
    let session = Session::open(inputs, worker).await?;
    refuse_unknown_types(&session.bundle)?;
    gates::check(&session, &inputs.gates)?;
    if !allow_inline_keys {
        credentials::refuse_inline(&session.bundle)?;
        if *aside != Aside::default() {
            // Its files are copied, those of providers that the config takes the place of, too.
            credentials::refuse_inline(&load_bundle(&inputs.bundle)?)?;
        }
    }
    budget::refuse_unpriced(&session, budget, inputs.mock_provider)?;
    if *aside != Aside::default() {
        arena_plan::refuse_unbound(&session.bundle, &inputs.run, inputs.mock_provider).or_fail()?;
        if !inputs.mock_provider {
            refuse_unready(&session, inputs)?;
        }
    }
    let out = out.map_or_else(|| usual_out(&session.bundle.name, worker), Path::to_owned);
    let mut settings = json!({"evaluators": names(inputs)});
    if *aside != Aside::default() {
        settings[CONFIG] = serde_json::to_value(aside).unwrap_or_default();
    }
    if budget.is_set() {
        settings[BUDGET] = serde_json::to_value(budget).unwrap_or_default();
    }
    gates::keep(&mut settings, &inputs.gates, &session.bundle)?;
    let manifest = session.manifest(&inputs.bundle, settings)?;
    let run = RunDir::create(&out, &manifest, |to| freeze(&session, inputs, to)).or_fail()?;
    Ok((run, session))
}

/// A type that nobody knows is a slip, also where a mock answers in its place.
fn refuse_unknown_types(bundle: &Bundle) -> Result<(), Failure> {
    let mut known = [&KINDS[..], &OTHER_KINDS[..]].concat();
    known.sort_unstable();
    match bundle.called().find(|spec| !known.contains(&spec.kind.as_str())) {
        None => Ok(()),
        Some(spec) => {
            let text = format!("{}: provider `{}`: no type is named `{}`", spec.file, spec.id, spec.kind);
            Err(Failure::input("ProviderTypeUnknown", text).hint(format!("known are {}", known.join(", "))))
        }
    }
}

/// As in a cluster, nothing is run before every bound provider can be called.
fn refuse_unready(session: &Session, inputs: &Inputs) -> Result<(), Failure> {
    let parts = session.evaluator.parts();
    for binding in &inputs.run.providers {
        let model = parts.providers.get(&binding.id).and_then(|connected| connected.as_ref().err());
        let embedder = || parts.embedders.get(&binding.id)?.as_ref().err();
        if let Some(error) = model.or_else(embedder) {
            let variable = inputs.endpoints.get(&binding.id).and_then(|endpoint| endpoint.credential_env.as_deref());
            let failure = Failure::input(error.reason(), error.to_string());
            return Err(failure.hint(match variable {
                Some(variable) => format!("the key of `{}` is read from the variable {variable}", binding.id),
                None => format!("mend the Provider of `{}`", binding.id),
            }));
        }
    }
    Ok(())
}

/// Longest part of a bundle's name that stands in the name of a folder.
const FOLDER_CHARS: usize = 64;

/// Characters of a random id in the name of a folder.
const ID_CHARS: usize = 8;

/// The bundle's name as one plain component of a path: it is a stranger's text and must not lead elsewhere.
fn file_name(name: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || "-_".contains(c) { c } else { '_' };
    name.chars().take(FOLDER_CHARS).map(plain).collect()
}

/// Names of the components that came by flag, in order: their bytes stand in the run's folder.
fn names(inputs: &Inputs) -> Vec<&str> {
    inputs.evaluators.iter().map(|(name, _)| name.as_str()).collect()
}

/// Copies the bundle, and beside it what came from elsewhere, so that the run can be resumed from its folder alone.
fn freeze(session: &Session, inputs: &Inputs, to: &Path) -> std::io::Result<()> {
    copy_bundle(&session.bundle, to)?;
    let beside = to.with_file_name(INPUTS);
    let kept = match &inputs.dataset {
        Some(Given::Frozen(folder)) => Some(folder),
        _ => session.dataset.as_ref(),
    };
    if let Some(dataset) = kept {
        tables::freeze(dataset, &beside.join(DATASET))?;
    }
    if inputs.mock_config.is_none() && inputs.evaluators.is_empty() && inputs.cases.is_none() {
        return Ok(());
    }
    std::fs::create_dir_all(&beside)?;
    if let Some(cases) = &inputs.cases {
        std::fs::write(beside.join(CASES), cases)?;
    }
    if let Some(path) = &inputs.mock_config {
        copy(path, &beside.join(MOCK_CONFIG), session.work.config["mockConfig"].as_str())?;
    }
    for (at, (name, path)) in inputs.evaluators.iter().enumerate() {
        // Of two with one name only the later was loaded.
        let loaded = !inputs.evaluators[at + 1..].iter().any(|(later, _)| later == name);
        let pin = session.work.evaluators.get(name).filter(|_| loaded);
        copy(path, &beside.join(format!("evaluator-{at}.wasm")), pin.map(|pin| pin.digest.as_str()))?;
    }
    Ok(())
}

/// Copies a bundle's files into the folder `to`, which is made.
fn copy_bundle(bundle: &Bundle, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for file in &bundle.files {
        let path = to.join(&file.path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        copy(&bundle.root.join(&file.path), &path, Some(file.digest.as_str()))?;
    }
    Ok(())
}

/// Copies a file that was read before and must still be what it was.
fn copy(from: &Path, to: &Path, digest: Option<&str>) -> std::io::Result<()> {
    let bytes = read_file(from, FILE_BYTES)?;
    if digest.is_some_and(|digest| Digest::of(&bytes).as_str() != digest) {
        return Err(std::io::Error::other(format!("{} changed while it was read", from.display())));
    }
    std::fs::write(to, bytes)
}

/// What a run was given on the command line beside what it is about.
pub struct Means<'a> {
    /// Whom tools may call.
    pub outside: &'a Outside,
    /// How vendors are reached.
    pub network: &'a Network,
    /// Answers of earlier runs.
    pub cache: Option<Arc<ResponseCache>>,
    /// Cases at once.
    pub concurrency: Option<u32>,
    /// What may be spent.
    pub budget: budget::Flags,
}

/// The run in `dir`, made ready again from what it froze and, if it was started with an ArenaConfig and has cases left,
/// from that once more. Anything that would change a verdict is refused.
pub async fn resume(
    dir: &Path,
    bundle: Option<&Path>,
    config: Option<&Manifests>,
    means: Means<'_>,
    worker: &str,
) -> Result<(RunDir, Session), Failure> {
    let run = RunDir::open(dir).or_fail()?;
    if means.budget.is_set() {
        // What an earlier budget left out may be run by this one.
        run.unseal_unrun().or_fail()?;
    }
    let running = run.state().or_fail()? == State::Running;
    if running {
        refuse_scored(&run, "judge them from the start by `arena score`")?;
    }
    let means = Means { budget: means.budget.or(run.manifest()), ..means };
    let (session, _) = ready(&run, running, bundle, config, means, worker).await?;
    Ok((run, session))
}

/// A run without all its records is none to go on from.
pub fn refuse_unfinished(run: &RunView) -> Result<(), Failure> {
    if run.state().or_fail()? == State::Sealed {
        return Ok(());
    }
    let path = verdict::shell_word(run.path());
    let text = format!("{}: the run is not finished", run.path().display());
    Err(Failure::input("RunUnfinished", text).hint(format!("finish it by `arena run --resume {path}`")))
}

/// The cases of a run whose outputs were made elsewhere are none that somebody can be called for.
pub fn refuse_scored(run: &RunView, hint: &str) -> Result<(), Failure> {
    if run.manifest().work.config[work::OUTPUTS].is_null() {
        return Ok(());
    }
    let text = format!("{}: its outputs were made elsewhere, so there is nobody to call", run.path().display());
    Err(Failure::input("NothingSelected", text).hint(hint))
}

/// A run made ready again, with what it was made from. `running` says that models may be called.
///
/// # Errors
/// As [`resume`].
pub async fn ready(
    run: &RunView,
    running: bool,
    bundle: Option<&Path>,
    config: Option<&Manifests>,
    means: Means<'_>,
    worker: &str,
) -> Result<(Session, Inputs), Failure> {
    let manifest = run.manifest();
    let frozen_spec = run_spec(&manifest.work)?;
    if config.is_none() && !frozen_spec.providers.is_empty() && running {
        let text = format!("{}: the run was started with --file and has cases left", run.path().display());
        return Err(Failure::input("ConfigNotFound", text)
            .hint("give the same files again: addresses and headers of providers are not kept in the folder"));
    }
    let mut spec = config.map_or_else(|| frozen_spec.clone(), |config| config.run.clone());
    let granted = config.map(|config| config.run.egress.clone()).unwrap_or_default();
    // Flags that a resumed run is not given again.
    spec.conduct = frozen_spec.conduct.clone();
    spec.egress = if running { means.outside.hosts(granted) } else { frozen_spec.egress.clone() };
    if spec.egress != frozen_spec.egress {
        let text = format!("{}: the run was started with other hosts that tools may call", run.path().display());
        let flags: Vec<String> = frozen_spec.egress.iter().map(|host| format!("--allow-host {host}")).collect();
        let was = if flags.is_empty() { "none".to_owned() } else { flags.join(" ") };
        return Err(Failure::input("EgressChanged", text)
            .hint(format!("a folder grants nothing: give the same again, which were {was}")));
    }
    let inputs = Inputs {
        run: spec,
        endpoints: config.map(|config| config.endpoints.clone()).unwrap_or_default(),
        is_bound: config.is_some(),
        tool_env: means.outside.tool_env.clone(),
        key_folder: match bundle {
            Some(bundle) if bundle.is_dir() => Some(bundle.to_owned()),
            Some(file) => file.parent().map(Path::to_owned),
            // A run does not say where: its folder may be a stranger's.
            None => None,
        },
        concurrency: means.concurrency.or(Aside::of(manifest)?.concurrency),
        network: means.network.clone(),
        cache: means.cache,
        purse: means.budget.purse(),
        ..of_run(run)?
    };
    let session = Session::open(&inputs, worker).await?;
    refuse_changes(manifest, &session.work, run.path())?;
    if let Some(config) = config {
        if Aside::of(manifest)?.gates != config.gates {
            let text = format!("{}: the gates changed since the run was started", run.path().display());
            return Err(Failure::input("WorkChanged", text).hint("a verdict is by one set of gates; start a new run"));
        }
        if !inputs.mock_provider {
            refuse_unready(&session, &inputs)?;
        }
    }
    if let Some(bundle) = bundle {
        let given = Session::open(&Inputs { bundle: bundle.to_owned(), ..inputs.clone() }, worker).await?;
        refuse_changes(manifest, &given.work, bundle)?;
    }
    Ok((session, inputs))
}

/// What a run was made from, out of its folder alone: nobody can be called by it but as the folder says.
///
/// # Errors
/// `ManifestInvalid`, `LinkInRun`, and those of reading its files.
pub fn of_run(run: &RunView) -> Result<Inputs, Failure> {
    run.refuse_links().or_fail()?;
    let manifest = run.manifest();
    let frozen = run.path().join(INPUTS);
    let named = manifest.origin.settings.get("evaluators").and_then(Value::as_array).into_iter().flatten();
    let evaluators = named
        .enumerate()
        .filter_map(|(at, name)| Some((name.as_str()?.to_owned(), frozen.join(format!("evaluator-{at}.wasm")))));
    let pinned = &manifest.work.config;
    let select = selection(&manifest.work)?;
    Ok(Inputs {
        run: run_spec(&manifest.work)?,
        cases: select.cases.as_ref().map(|_| files::read(&frozen.join(CASES), CASES_BYTES)).transpose()?,
        select,
        dataset: (!pinned[work::DATASET].is_null()).then(|| Given::Frozen(frozen.join(DATASET))),
        mock_provider: pinned["mockProvider"].as_bool().unwrap_or(false),
        mock_config: (!pinned["mockConfig"].is_null()).then(|| frozen.join(MOCK_CONFIG)),
        outputs: serde_json::from_value(pinned[work::OUTPUTS].clone()).unwrap_or_default(),
        evaluators: evaluators.collect(),
        tool_env: serde_json::from_value(pinned[work::TOOL_ENV].clone()).unwrap_or_default(),
        seed: manifest.work.seed,
        ..Inputs::of(run.bundle().join(&manifest.work.entry))
    })
}

/// A new folder for a run whose records so far were taken from elsewhere: it appears complete with manifest, bundle, inputs
/// and the journal that `journal` is.
pub fn start_from(
    session: &Session,
    inputs: &Inputs,
    manifest: &Manifest,
    out: &Path,
    journal: &Path,
) -> Result<RunDir, Failure> {
    let filled = |to: &Path| {
        freeze(session, inputs, to)?;
        std::fs::copy(journal, to.with_file_name(arena_results::JOURNAL)).map(drop)
    };
    RunDir::create(out, manifest, filled).or_fail()
}

/// The folder of a new run that was not given one.
pub fn usual_out(name: &str, worker: &str) -> PathBuf {
    let time = humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string().replace([':', '-'], "");
    // Two runs may start within one second; the worker's id is random.
    let id: String = worker.chars().take(ID_CHARS).collect();
    Path::new("out").join(format!("{}-{time}-{id}", file_name(name)))
}

/// Names of components whose files the folder of a run holds, in order.
pub fn evaluator_names(inputs: &Inputs) -> Value {
    json!(names(inputs))
}

pub fn refuse_changes(manifest: &Manifest, work: &Work, place: &Path) -> Result<(), Failure> {
    if manifest.work == *work {
        return Ok(());
    }
    let was = &manifest.work;
    let mut changed = Vec::new();
    for (what, differs) in [
        ("the bundle", was.bundle != work.bundle || was.entry != work.entry),
        ("the evaluators", was.evaluators != work.evaluators),
        ("the config", was.config != work.config || was.models != work.models),
        ("the plan", was.plan != work.plan),
        ("seed or clock", was.seed != work.seed || was.epoch != work.epoch),
    ] {
        if differs {
            changed.push(what);
        }
    }
    let text = format!("{}: {} changed since the run was started", place.display(), changed.join(", "));
    Err(Failure::input("WorkChanged", text).hint("results of different work must not be mixed; start a new run"))
}
