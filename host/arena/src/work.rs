//! What a run is, before anything of it runs: the bundle as the run sees it, its components, its plan, and the work
//! pinned by digest. Reads files and compiles nothing, so that an operator can freeze strangers' bundles.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arena_bundle::{Bundle, ComponentSpec};
use arena_egress::AllowList;
use arena_evaluate::{ComponentSource, pins};
use arena_model::{CaseKey, Digest, Endpoint, Manifest, Origin, PlanPin, RunSpec, Selection, Work};
use arena_plan::{Listed, Plan, PlanInput};
use arena_provider::{PermitSource, Purse, ResponseCache};
use arena_sandbox::{Grants, Limits};
use arena_worker::Matrix;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::exit::{Failure, OrFail};
use crate::files::{self, FILE_BYTES};
use crate::gates::Wanted;
use crate::network::Network;
use crate::tables::{Given, Remark, Tables};
use crate::{settings, standard};

/// Version of the engine, as manifests have it.
pub const ENGINE: &str = concat!("arena ", env!("CARGO_PKG_VERSION"));
/// Key of the work's config that holds what an ArenaConfig changes.
const RUN: &str = "run";
/// Key of the work's config that holds the digest of the rows of a table that was given.
pub const DATASET: &str = "dataset";
/// Key of the work's config that holds the digest of outputs that were made elsewhere.
pub const OUTPUTS: &str = "outputs";
/// Key of the work's config that holds the names of the variables that tools may send.
pub const TOOL_ENV: &str = "toolEnv";
/// Key of the work's config that holds which cases are left in.
const SELECT: &str = "select";

/// Whom a session may call. It connects nobody else and reads no key of theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    /// All that the bundle names.
    All,
    /// Judges and providers of embeddings.
    Judges,
    /// Nobody.
    None,
}

/// What a run is made from.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// Folder or arena file.
    pub bundle: PathBuf,
    /// What an ArenaConfig changes about the bundle.
    pub run: RunSpec,
    /// An ArenaConfig says how it is run: providers are its to say.
    pub is_bound: bool,
    /// What is left in of it.
    pub select: Selection,
    /// The keys of the cases that alone may run, one a line; none for all.
    pub cases: Option<Vec<u8>>,
    /// Where the providers that it binds are called.
    pub endpoints: BTreeMap<String, Endpoint>,
    /// The table of scenarios whose dataset names none.
    pub dataset: Option<Given>,
    /// Rows of each scenario that are looked at before the run.
    pub rows_looked_at: u64,
    /// Every provider under test answers from a mock file.
    pub mock_provider: bool,
    /// The mock file of all providers; none for each one's own.
    pub mock_config: Option<PathBuf>,
    /// Digest of the outputs that are judged in place of calls; none for a run that calls.
    pub outputs: Option<Digest>,
    /// Components that replace or join the standard library: name and file.
    pub evaluators: Vec<(String, PathBuf)>,
    /// Seed of everything random.
    pub seed: u64,
    /// Environment variables that tools may send.
    pub tool_env: Vec<String>,
    /// Whom it may call.
    pub calls: Calls,
    /// Where relative paths of key files start; none for the bundle's folder.
    pub key_folder: Option<PathBuf>,
    /// Cases at once; none for the bundle's number.
    pub concurrency: Option<u32>,
    /// How vendors are reached.
    pub network: Network,
    /// Answers of earlier runs.
    pub cache: Option<Arc<ResponseCache>>,
    /// What pays for calls; none if they are not limited.
    pub purse: Option<Arc<Purse>>,
    /// What keeps limits that other processes share; none to keep to them alone.
    pub permits: Option<Arc<dyn PermitSource>>,
    /// What must hold for the run to pass, besides what its bundle says.
    pub gates: Wanted,
}

impl Inputs {
    /// A bundle as it stands.
    pub fn of(bundle: PathBuf) -> Self {
        Self {
            bundle,
            run: RunSpec::default(),
            is_bound: false,
            select: Selection::default(),
            cases: None,
            endpoints: BTreeMap::new(),
            dataset: None,
            rows_looked_at: settings::ROWS_LOOKED_AT,
            mock_provider: false,
            mock_config: None,
            outputs: None,
            evaluators: Vec::new(),
            seed: settings::SEED,
            tool_env: Vec::new(),
            calls: Calls::All,
            key_folder: None,
            concurrency: None,
            network: Network::default(),
            cache: None,
            purse: None,
            permits: None,
            gates: Wanted::default(),
        }
    }
}

/// All of a run but its machinery.
pub struct Prepared {
    /// The checked bundle, as the run sees it.
    pub bundle: Arc<Bundle>,
    /// The components in the order in which they replace each other.
    pub sources: Vec<ComponentSource>,
    /// The cases.
    pub matrix: Matrix,
    /// The mock file of all providers.
    pub mock: Option<Vec<u8>>,
    /// Where the given table is kept, if there is one.
    pub dataset: Option<PathBuf>,
    /// What is to be told of it.
    pub remarks: Vec<Remark>,
    /// See [`Tables::given_selections`].
    pub selections: BTreeMap<String, String>,
    /// All that can change a verdict.
    pub work: Work,
}

impl Prepared {
    /// Reads and checks all files.
    pub fn of(inputs: &Inputs) -> Result<Self, Failure> {
        let bundle = arena_plan::effective(load_bundle(&inputs.bundle)?, &inputs.run, &inputs.endpoints).or_fail()?;
        let (bundle, plan) = arena_plan::filter(bundle, &inputs.select).or_fail()?;
        allow_list(inputs)?;
        let tables = Tables::open(&bundle, inputs.dataset.as_ref(), inputs.seed)?;
        let matrix = matrix(&bundle, plan, &tables, inputs)?;
        let mock = inputs.mock_config.as_deref().map(read).transpose()?;
        let sources = sources(&bundle, inputs)?;
        let mut work = work(&bundle, &sources, &matrix.plan, inputs, mock.as_deref());
        if let Some(content) = &tables.given {
            work.config[DATASET] = json!(content);
        }
        let Tables { given_folder, given_selections, .. } = tables;
        let (bundle, dataset, selections) = (Arc::new(bundle), given_folder, given_selections);
        let remarks = gone(&matrix, inputs).into_iter().collect();
        Ok(Self { bundle, sources, matrix, mock, dataset, selections, remarks, work })
    }
}

/// Whom tools may call.
pub fn allow_list(inputs: &Inputs) -> Result<AllowList, Failure> {
    AllowList::parse(inputs.run.egress.iter().map(String::as_str))
        .map_err(|error| Failure::input("AllowInvalid", format!("hosts that tools may call: {error}")))
}

/// The bundle, or all that is wrong with it.
pub fn load_bundle(path: &Path) -> Result<Bundle, Failure> {
    arena_bundle::load(path, &arena_bundle::Limits::default())
        .or_fail()
        .map_err(|failure| Failure { listing: true, ..failure })
}

/// The manifest of a new run.
pub fn manifest(work: &Work, origin: Origin) -> Result<Manifest, Failure> {
    let work_digest = Digest::of_json(work)
        .map_err(|error| Failure::machinery("ManifestFailed", format!("the manifest cannot be written: {error}")))?;
    Ok(Manifest { v: 1, work_digest, work: work.clone(), origin })
}

/// What an ArenaConfig changed about the work's bundle.
pub fn run_spec(work: &Work) -> Result<RunSpec, Failure> {
    pinned(work, RUN)
}

/// What was left in of the work's bundle.
pub fn selection(work: &Work) -> Result<Selection, Failure> {
    pinned(work, SELECT)
}

fn pinned<T: Default + DeserializeOwned>(work: &Work, key: &str) -> Result<T, Failure> {
    match &work.config[key] {
        Value::Null => Ok(T::default()),
        value => serde_json::from_value(value.clone()).map_err(|error| {
            let text = format!("the manifest's work.config.{key} is not of this version: {error}");
            Failure::input("ManifestInvalid", text).hint("use the version of arena that started the run")
        }),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    files::read(path, FILE_BYTES)
}

fn matrix(bundle: &Bundle, mut input: PlanInput, tables: &Tables, inputs: &Inputs) -> Result<Matrix, Failure> {
    for scenario in &mut input.scenarios {
        scenario.rows = tables.rows.get(&scenario.id).map(|rows| rows.selection.len());
    }
    let plan = Plan::new(&input).or_fail()?;
    let listed = inputs.cases.as_deref().map(|keys| {
        let lines = keys.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| CaseKey(String::from_utf8_lossy(line).into_owned())).collect::<Listed>()
    });
    // Those that nobody can run are not in it.
    let planned: BTreeSet<&str> = input.scenarios.iter().map(|scenario| scenario.id.as_str()).collect();
    let scenarios: Vec<_> =
        bundle.scenarios.iter().filter(|scenario| planned.contains(scenario.id.as_str())).cloned().collect();
    let rows = scenarios.iter().map(|scenario| tables.rows.get(&scenario.id).cloned()).collect();
    let mut matrix = Matrix::new(plan, input, scenarios, rows);
    let unread = RefCell::new(None);
    let key = |index| {
        let id = matrix.id(index).unwrap_or_else(|error| {
            unread.borrow_mut().get_or_insert(error);
            None
        });
        Some(id?.key())
    };
    let plan = matrix.plan.clone();
    let picked = arena_plan::pick(plan, matrix.input(), &inputs.select, listed.as_ref(), inputs.seed, key);
    if let Some(error) = unread.into_inner() {
        return Err(error).or_fail();
    }
    matrix.plan = picked.or_fail()?;
    Ok(matrix)
}

/// What to tell of cases that were asked for by name and are not in the plan.
fn gone(matrix: &Matrix, inputs: &Inputs) -> Option<Remark> {
    let Selection { sample, first, .. } = &inputs.select;
    let asked = inputs.cases.as_deref()?.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count() as u64;
    let found = matrix.plan.len();
    let text = format!(
        "{} of the {asked} cases that are asked for by an earlier run or a list are not in this plan: rows, scenarios or \
         providers that bear another name now, or that another filter leaves out",
        asked.saturating_sub(found)
    );
    let (file, line) = (inputs.bundle.display().to_string(), 0);
    let told = asked > found && sample.is_none() && first.is_none();
    told.then_some(Remark { fatal: false, reason: "CasesGone", file, line, text })
}

/// The standard library, then what the bundle brings, then what the user names.
fn sources(bundle: &Bundle, inputs: &Inputs) -> Result<Vec<ComponentSource>, Failure> {
    let mut sources = standard::library();
    for spec in bundle.components.iter().chain(&bundle.template) {
        sources.push(component(bundle, spec)?);
    }
    for (name, path) in &inputs.evaluators {
        let grants = standard::grants(name).unwrap_or_default();
        sources.push(ComponentSource::new(name, read(path)?, grants, &path.display().to_string()));
    }
    Ok(sources)
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
    Ok(ComponentSource { limits: Some(limits), ..ComponentSource::new(&spec.name, bytes, grants, &origin) })
}

fn work(bundle: &Bundle, sources: &[ComponentSource], plan: &Plan, inputs: &Inputs, mock: Option<&[u8]>) -> Work {
    let mut config = json!({"mockProvider": inputs.mock_provider, "mockConfig": mock.map(Digest::of)});
    if inputs.run != RunSpec::default() {
        config[RUN] = serde_json::to_value(&inputs.run).unwrap_or_default();
    }
    if let Some(outputs) = &inputs.outputs {
        config[OUTPUTS] = json!(outputs);
    }
    if !inputs.tool_env.is_empty() {
        config[TOOL_ENV] = json!(inputs.tool_env.iter().collect::<BTreeSet<_>>());
    }
    let select = Selection { cases: inputs.cases.as_deref().map(Digest::of), ..inputs.select.clone() };
    if select != Selection::default() {
        config[SELECT] = serde_json::to_value(&select).unwrap_or_default();
    }
    Work {
        bundle: bundle.digest.clone(),
        entry: bundle.entry.clone(),
        evaluators: pins(sources),
        config,
        models: bundle.called().map(|spec| (spec.id.clone(), spec.model.clone())).collect(),
        plan: PlanPin { digest: plan.digest().clone(), cases: plan.len() },
        seed: inputs.seed,
        epoch: humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + settings::EPOCH).to_string(),
    }
}
