//! The checked bundle.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arena_gate::Gate;
use arena_model::{Conduct, Digest};

use crate::feature::{Without, unsupported};
use crate::report::Report;
use crate::tree::{self, BundleFile, Folder};
use crate::yaml::{Cursor, YamlLimits};
use crate::{
    ComponentSpec, Composition, McpServer, PackEval, Persona, Problem, Prompt, ProviderSpec, Recording, Scenario,
    Skill, Tool, Workflow,
};

/// Everything a run needs from a bundle. Holds no document text, only what was decoded.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// `metadata.name` of the arena file, else the folder's name.
    pub name: String,
    /// The folder, as the user gave it.
    pub root: PathBuf,
    /// The arena file, relative to the root.
    pub entry: String,
    /// Over `(path, bytes)` of all files, sorted by path.
    pub digest: Digest,
    /// All regular files, sorted by path.
    pub files: Vec<BundleFile>,
    /// `spec.defaults`.
    pub defaults: Defaults,
    /// By task type.
    pub prompts: BTreeMap<String, Prompt>,
    /// Sorted by id, each id once.
    pub scenarios: Vec<Arc<Scenario>>,
    /// Conversations that were held elsewhere, sorted by id; they are among the scenarios if there are no others.
    pub recordings: Vec<Arc<Scenario>>,
    /// Those that can be an agent under test (role `llm` or none), sorted by id, each id once.
    pub providers: Vec<ProviderSpec>,
    /// Those that make embeddings (role `embedding`), sorted by id; no id is in both lists.
    pub embedders: Vec<ProviderSpec>,
    /// From judge name to provider id.
    pub judges: BTreeMap<String, String>,
    /// What models may call, by name.
    pub tools: BTreeMap<String, Arc<Tool>>,
    /// Servers of further tools, in their order.
    pub mcp_servers: Vec<McpServer>,
    /// The state machine that conversations go through.
    pub workflow: Option<Arc<Workflow>>,
    /// Graphs of steps by name, or why one cannot run.
    pub compositions: BTreeMap<String, Result<Composition, String>>,
    /// Instructions that models take up, sorted by name.
    pub skills: Vec<Arc<Skill>>,
    /// Whether models have tools to remember by.
    pub memory: bool,
    /// Users that models play, by id.
    pub personas: BTreeMap<String, Persona>,
    /// From the role of a turn to the provider that plays it.
    pub roles: BTreeMap<String, String>,
    /// Checks that observe every conversation, in their order.
    pub evals: Vec<Arc<PackEval>>,
    /// `spec.evaluators`, in their order.
    pub components: Vec<ComponentSpec>,
    /// `spec.template.component`.
    pub template: Option<ComponentSpec>,
    /// `spec.template.engine`: a standard engine in place of the usual one.
    pub engine: Option<String>,
    /// `spec.gates`: what must hold for a run to pass.
    pub gates: Vec<Gate>,
    /// How conversations go on and what is looked at; a bundle leaves it to the run.
    pub conduct: Conduct,
    /// Keys of the arena without which conversations would take another course: all cases are errors.
    pub unsupported: Vec<&'static str>,
    /// What does not stop the bundle, sorted by file and line.
    pub warnings: Vec<Problem>,
    /// Files of the folder that are no part of the bundle, sorted by path.
    pub(crate) left_out: Vec<BundleFile>,
    pub(crate) folder: Folder,
}

impl Bundle {
    /// All providers that may be called.
    pub fn called(&self) -> impl Iterator<Item = &ProviderSpec> {
        self.providers.iter().chain(&self.embedders)
    }

    /// Id of the provider that makes embeddings where nobody names one: the default, else the first.
    pub fn embedder(&self) -> Option<&str> {
        let first = || self.embedders.first().map(|spec| spec.id.as_str());
        self.defaults.embedder.as_deref().or_else(first)
    }

    /// The bytes of a file that the bundle's documents name, `reference` being relative to the root. Only what is in
    /// `files` can be read, and only while it is what was digested.
    pub fn read(&self, reference: &str) -> Result<Vec<u8>, Problem> {
        tree::read_listed(&self.folder, self.find(reference)?)
    }

    /// The text of a file in or below `folder`, `reference` being relative to it: of at most `most` bytes, and UTF-8.
    pub fn text_within(&self, folder: &str, reference: &str, most: u64) -> Result<String, Problem> {
        // On its own, so that no `..` leads out of the folder.
        let below = tree::normal(reference)?;
        let file = self.find(&format!("{folder}/{below}"))?;
        if file.size > most {
            let message = format!("the file has {} bytes, more than the limit of {most}", file.size);
            return Err(Problem::of_file(&file.path, "FileTooLarge", message));
        }
        String::from_utf8(tree::read_listed(&self.folder, file)?)
            .map_err(|_| Problem::of_file(&file.path, "NotText", "the file is not UTF-8"))
    }

    /// The conversation in a file that the bundle's documents name: a session, a transcript, or a result of PromptArena.
    pub fn recording(&self, reference: &str) -> Result<Recording, Problem> {
        let bytes = self.read(reference)?;
        Recording::parse(reference, &bytes, &YamlLimits::default(), &mut Vec::new())
    }

    /// The listed file `reference`, opened: whoever reads it must see that its bytes are still those that were digested.
    pub fn open(&self, reference: &str) -> Result<std::fs::File, Problem> {
        let file = self.find(reference)?;
        match &file.left_out {
            Some(why) => Err(Problem::clone(why)),
            None => self.folder.open_file(&file.path),
        }
    }

    /// What is known of the file `reference`.
    pub fn file(&self, reference: &str) -> Result<&BundleFile, Problem> {
        self.find(reference)
    }

    fn find(&self, reference: &str) -> Result<&BundleFile, Problem> {
        tree::find(&self.files, reference).or_else(|cause| tree::find(&self.left_out, reference).map_err(|_| cause))
    }
}

/// Keys of `defaults.inference` that name classifiers, which there are none of.
const CLASSIFIERS: [&str; 4] = ["audio_classifier", "text_classifier", "image_classifier", "video_classifier"];

/// Values for what a scenario or provider leaves open.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Defaults {
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Upper bound of completion tokens.
    pub max_tokens: Option<u32>,
    /// Passed to providers.
    pub seed: Option<u64>,
    /// Cases at a time, as written: may be below 1, which is a warning.
    pub concurrency: Option<i64>,
    /// Of one case.
    pub run_timeout: Option<Duration>,
    /// Id of the provider that makes embeddings where a check names none.
    pub embedder: Option<String>,
}

impl Defaults {
    pub(crate) fn decode(defaults: &Cursor<'_>, report: &mut Report) -> Self {
        let concurrency = defaults.whole("concurrency", i128::from(i64::MIN), report);
        if let Some(cursor) = defaults.get("concurrency").filter(|_| concurrency.is_some_and(|number: i64| number < 1))
        {
            let problem = cursor.error_with_value("ValueOutOfRange", "a concurrency below 1 means 1");
            report.push(problem.warning().hint("give at least 1"));
        }
        let inference = defaults.get("inference");
        if let Some(it) = &inference {
            unsupported(it, &CLASSIFIERS, Without::Works, report);
        }
        Self {
            temperature: defaults.number_in("temperature", 0.0, f64::MAX, report),
            max_tokens: defaults.whole("max_tokens", 0, report),
            seed: defaults.whole("seed", 0, report),
            concurrency,
            run_timeout: defaults.duration("run_timeout", report),
            embedder: inference.and_then(|it| it.text("embedder")).filter(|id| !id.is_empty()),
        }
    }
}
