//! From a path to a bundle.

mod documents;
mod providers;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use arena_gate::Gate;
use arena_model::{Conduct, Digest, Fault as _};

use crate::document::{self, Document, Kind, resolve};
use crate::feature::{Without, unsupported};
use crate::pack::{self, Pack};
use crate::report::Report;
use crate::scenario::Known;
use crate::tree::{self, Folder, Listing};
use crate::yaml::{Cursor, Data, YamlLimits};
use crate::{
    Assertion, Bundle, ComponentSpec, Composition, Defaults, Limits, McpServer, Memory, PackEval, Persona, Problem,
    Problems, Prompt, ProviderSpec, Scenario, Skill, Tool, Workflow, entry, skill,
};

/// Keys of an arena that the engine does not act on yet.
const UNSUPPORTED: [&str; 8] = [
    "deploy",
    "judge_defaults",
    "agents",
    "state_store",
    "voices",
    "tts_providers",
    "stt_providers",
    "image_providers",
];
const UNSUPPORTED_DEFAULTS: [&str; 1] = ["config_dir"];

/// Most gates of a bundle.
const GATES: usize = 100;

/// Where the original runner writes results; no part of the bundle if the arena says that it does so here.
const OUTPUT: &str = "out";

/// Lists of references to files that are not read yet but must be there.
const UNREAD: [&str; 3] = ["tts_providers", "stt_providers", "image_providers"];

/// Reads the bundle at `path`: a folder with an arena file, or the arena file. All errors of all files come together.
pub fn load(path: &Path, limits: &Limits) -> Result<Bundle, Problems> {
    if pack::is_pack(path) {
        return Err(pack::no_arena(&path.to_string_lossy()).into());
    }
    let entry::Entry { root, folder, file } = entry::find(path, limits)?;
    let bytes = folder.read(&file)?;
    let mut report = Report::new(limits.problems);
    let arena = Document::parse(&file, &bytes, document::ARENA, &limits.yaml, &mut report);
    let skip = arena.as_ref().filter(|arena| writes_to_output(arena)).map(|_| OUTPUT);
    let listing = report.keep(folder.list(skip, limits));
    let (Some(arena), Some(mut listing)) = (arena, listing) else { return Err(report.into_errors()) };
    std::mem::take(&mut listing.warnings).into_iter().for_each(|warning| report.push(warning));
    // The arena file had to be read before the listing, which depends on it.
    let digest = Digest::of(&bytes);
    if !listing.files.iter().any(|listed| listed.path == file && listed.digest == digest) {
        let problem = Problem::of_file(&file, "FileChanged", "the arena file changed while it was read");
        return Err(problem.hint("load the bundle again").into());
    }
    let mut loader = Loader { root: &root, folder: &folder, listing: &listing, limits: &limits.yaml, report };
    let parts = loader.arena(&arena);
    let warnings = loader.report.finish()?;
    folder.forget();
    let (files, left_out) = listing.files.into_iter().partition(|file| file.left_out.is_none());
    let name = arena.name().unwrap_or_else(|| {
        let root = root.canonicalize().unwrap_or_else(|_| root.clone());
        root.file_name().map_or_else(|| file.clone(), |name| name.to_string_lossy().into_owned())
    });
    Ok(Bundle {
        name,
        root,
        entry: file,
        digest: listing.digest,
        files,
        defaults: parts.defaults,
        prompts: parts.prompts,
        scenarios: parts.scenarios.into_values().collect(),
        recordings: parts.recordings.into_values().collect(),
        providers: parts.providers.into_values().collect(),
        embedders: parts.embedders.into_values().collect(),
        judges: parts.judges,
        tools: parts.tools,
        mcp_servers: parts.mcp_servers,
        workflow: parts.workflow,
        compositions: parts.compositions,
        skills: parts.skills,
        memory: parts.memory,
        personas: parts.personas,
        roles: parts.roles,
        evals: parts.evals,
        components: parts.components,
        template: parts.template,
        engine: parts.engine,
        gates: parts.gates,
        conduct: Conduct::default(),
        unsupported: parts.unsupported,
        warnings,
        left_out,
        folder,
    })
}

fn writes_to_output(arena: &Document) -> bool {
    let Some(defaults) = arena.node.get("spec").and_then(|spec| spec.get("defaults")) else { return false };
    let dir = defaults.get("output").and_then(|output| output.get("dir")).or_else(|| defaults.get("out_dir"));
    dir.and_then(|dir| dir.as_text()).is_some_and(|dir| tree::normal(dir).is_ok_and(|dir| dir == OUTPUT))
}

type Scenarios = BTreeMap<String, Arc<Scenario>>;

/// What an arena file leads to.
#[derive(Default)]
struct Parts {
    defaults: Defaults,
    prompts: BTreeMap<String, Prompt>,
    scenarios: BTreeMap<String, Arc<Scenario>>,
    recordings: BTreeMap<String, Arc<Scenario>>,
    providers: BTreeMap<String, ProviderSpec>,
    embedders: BTreeMap<String, ProviderSpec>,
    judges: BTreeMap<String, String>,
    tools: BTreeMap<String, Arc<Tool>>,
    mcp_servers: Vec<McpServer>,
    workflow: Option<Arc<Workflow>>,
    compositions: BTreeMap<String, Result<Composition, String>>,
    skills: Vec<Arc<Skill>>,
    memory: bool,
    personas: BTreeMap<String, Persona>,
    roles: BTreeMap<String, String>,
    evals: Vec<Arc<PackEval>>,
    components: Vec<ComponentSpec>,
    template: Option<ComponentSpec>,
    engine: Option<String>,
    gates: Vec<Gate>,
    unsupported: Vec<&'static str>,
}

struct Loader<'a> {
    root: &'a Path,
    folder: &'a Folder,
    listing: &'a Listing,
    limits: &'a YamlLimits,
    report: Report,
}

impl Loader<'_> {
    fn arena(&mut self, arena: &Document) -> Parts {
        let root = arena.root();
        let Some(spec) = root.get("spec") else { return Parts::default() };
        unsupported(&spec, &UNSUPPORTED, Without::Works, &mut self.report);
        for list in UNREAD.iter().filter_map(|key| spec.get(key)) {
            for entry in list.items() {
                let Some(file) = entry.get_text("file") else { continue };
                self.report.keep(resolve(&file, &self.listing.files));
            }
        }
        let mut parts = Parts::default();
        if let Some(defaults) = spec.get("defaults") {
            unsupported(&defaults, &UNSUPPORTED_DEFAULTS, Without::Works, &mut self.report);
            parts.defaults = Defaults::decode(&defaults, &mut self.report);
        }
        for (key, what) in [("workflow", "a mapping"), ("compositions", "a mapping"), ("memory", "a mapping or true")] {
            let fits = |it: &Cursor<'_>| match it.node.data {
                Data::Null | Data::Mapping(_) => true,
                Data::Bool(_) => key == "memory",
                _ => false,
            };
            if let Some(it) = spec.get(key).filter(|it| !fits(it)) {
                self.report.push(it.error_with_value("WrongType", format!("expected {what}")));
            }
        }
        parts.gates = self.gates(&spec);
        parts.unsupported = self.runtime(&spec);
        parts.prompts = self.prompts(&spec);
        let pack = spec.get_text("pack_file").and_then(|at| {
            let needed = parts.prompts.is_empty();
            Pack::open(&at, needed, self.folder, &self.listing.files, self.limits, &mut self.report)
        });
        let ids;
        (parts.providers, parts.embedders, ids) = self.providers(&spec);
        self.check_embedder(&spec, &parts.embedders);
        parts.judges = self.judges(&spec, &ids);
        parts.tools = self.tools(&spec);
        if let Some(list) = spec.get("mcp_servers") {
            parts.mcp_servers = McpServer::decode_all(&list, &mut self.report);
        }
        if let Some(list) = spec.get("skills") {
            parts.skills = skill::load(&list, self.folder, &self.listing.files, self.limits, &mut self.report);
        }
        if let Some(list) = spec.get("compositions") {
            parts.compositions = Composition::decode_all(&list, &mut self.report);
        }
        parts.evals = PackEval::decode_all(&spec, "pack_evals", &mut self.report);
        if let Some(pack) = &pack {
            pack.add_evals(&mut parts.evals, &mut self.report);
            pack.add_prompts(&mut parts.prompts, &mut self.report);
            pack.add_tools(&mut parts.tools, &mut self.report);
            pack.add_skills(&mut parts.skills, self.folder, &self.listing.files, self.limits, &mut self.report);
            pack.add_compositions(&mut parts.compositions, &mut self.report);
        }
        let packed = pack.as_ref().map(Pack::root);
        let own = spec.get("workflow").filter(|it| !it.node.entries().is_empty());
        if let Some(workflow) = own.or_else(|| packed.as_ref().and_then(|pack| pack.get("workflow"))) {
            let names = parts.compositions.keys().cloned().collect();
            let workflow = Workflow::decode(&workflow, &parts.prompts, &names, &mut self.report);
            parts.workflow = Some(Arc::new(workflow));
        }
        parts.memory = Memory::enabled(&spec, &mut self.report);
        self.self_play(&spec, &ids, &mut parts);
        (parts.scenarios, parts.recordings) = self.scenarios(&spec, &parts);
        parts.components = self.components(&spec);
        if let Some(template) = spec.get("template") {
            parts.template = ComponentSpec::decode(&template, &self.listing.files, &mut self.report);
            parts.engine = template.text("engine");
            if template.get("component").is_some() == parts.engine.is_some() {
                let message = "a template engine is either a `component` of the bundle or a standard `engine`";
                self.report.push(template.error("TemplateUnclear", message).hint("give one of the two"));
            }
        }
        parts
    }

    /// The document that the entry's `file` names.
    fn open(&mut self, entry: &Cursor<'_>, kind: Kind) -> Option<Document> {
        let file = resolve(&entry.get_text("file")?, &self.listing.files);
        let file = self.report.keep(file)?;
        Document::read(self.folder, file, kind, self.limits, &mut self.report)
    }

    fn prompts(&mut self, spec: &Cursor<'_>) -> BTreeMap<String, Prompt> {
        let (mut prompts, mut ids) = (BTreeMap::new(), BTreeSet::new());
        let mut add = |prompt: Option<Prompt>, at: &Cursor<'_>, report: &mut Report| {
            let Some(prompt) = prompt else { return };
            let (id, task, file) = (prompt.id.clone(), prompt.task_type.clone(), prompt.file.clone());
            let known = !ids.insert(id.clone());
            if let Some(Prompt { file: first, .. }) = prompts.insert(task.clone(), prompt) {
                report.push(duplicate(at, "DuplicatePrompt", &format!("task_type `{task}`"), &first, &file));
            } else if known {
                let counts = "both count, by their task_type";
                report.push(at.again("DuplicatePrompt", &format!("prompt id `{id}`"), counts));
            }
        };
        let list = spec.get("prompt_configs");
        for entry in list.iter().flat_map(Cursor::items) {
            let Some(document) = self.open(&entry, document::PROMPT) else { continue };
            if document.name().is_none() {
                self.report.push(nameless(&document));
            }
            let root = document.root();
            let (Some(id), Some(spec)) = (entry.text("id"), root.get("spec")) else { continue };
            let fragments = self.fragments(&spec);
            let prompt = Prompt::decode(id, &spec, entry.text_map("vars"), fragments.into(), &mut self.report);
            if let Some(prompt) = &prompt {
                prompt.check_overrides(&entry, &mut self.report);
            }
            add(prompt, &entry, &mut self.report);
        }
        let inline = spec.get("prompt_specs");
        for (id, spec) in inline.iter().flat_map(Cursor::entries) {
            let fragments = self.fragments(&spec);
            let prompt = Prompt::decode(id.to_owned(), &spec, BTreeMap::new(), fragments.into(), &mut self.report);
            add(prompt, &spec, &mut self.report);
        }
        prompts
    }

    /// The scenarios, and the recordings, which take their place where there are none.
    fn scenarios(&mut self, spec: &Cursor<'_>, parts: &Parts) -> (Scenarios, Scenarios) {
        let globals = spec.get("globals");
        let globals = globals.map(|it| Assertion::decode_all(&it, "conversation_assertions", &mut self.report));
        let globals: Vec<_> = globals.unwrap_or_default().into_iter().map(Arc::new).collect();
        let (prompts, providers, embedders) = (&parts.prompts, &parts.providers, &parts.embedders);
        let embedder = parts.defaults.embedder.as_deref();
        let (workflow, roles) = (parts.workflow.as_deref(), &parts.roles);
        let (files, memory) = (&self.listing.files, parts.memory);
        let known =
            Known { files, prompts, providers, embedders, embedder, workflow, roles, memory, globals: &globals };
        let mut scenarios = BTreeMap::new();
        let mut add = |scenario: Scenario, at: &Cursor<'_>, report: &mut Report| {
            let (id, file) = (scenario.id.clone(), scenario.file.clone());
            if let Some(first) = scenarios.insert(id.clone(), Arc::new(scenario)) {
                report.push(duplicate(at, "DuplicateScenario", &format!("scenario `{id}`"), &first.file, &file));
            }
        };
        let list = spec.get("scenarios");
        for entry in list.iter().flat_map(Cursor::items) {
            let Some(document) = self.open(&entry, document::SCENARIO) else { continue };
            let root = document.root();
            let labels = root.get("metadata").map(|metadata| metadata.text_map("labels")).unwrap_or_default();
            let id = document.name();
            if id.is_none() {
                self.report.push(nameless(&document));
            }
            let Some(spec) = root.get("spec") else { continue };
            let scenario = Scenario::decode(id.clone().unwrap_or_default(), labels, &spec, &known, &mut self.report);
            if id.is_some() {
                add(scenario, &entry, &mut self.report);
            }
        }
        let inline = spec.get("scenario_specs");
        for (id, spec) in inline.iter().flat_map(Cursor::entries) {
            let scenario = Scenario::decode(id.to_owned(), BTreeMap::new(), &spec, &known, &mut self.report);
            add(scenario, &spec, &mut self.report);
        }
        let recordings = self.evals(spec, &globals);
        if scenarios.is_empty() {
            scenarios = recordings.clone();
        }
        if scenarios.is_empty() {
            let problem = spec.error("NoScenarios", "the arena has no scenario: nothing can run").warning();
            self.report.push(problem.hint("add one to `spec.scenarios`"));
        }
        (scenarios, recordings)
    }

    fn gates(&mut self, spec: &Cursor<'_>) -> Vec<Gate> {
        let list = spec.get("gates");
        let mut gates = Vec::new();
        for entry in list.iter().flat_map(Cursor::items) {
            // What is no text was told by its shape.
            let Some(text) = entry.node.as_text() else { continue };
            match Gate::parse(text) {
                Ok(gate) if gates.len() < GATES => gates.push(gate),
                Ok(_) => {
                    let message = format!("a run has at most {GATES} gates");
                    self.report.push(entry.error("GatesTooMany", message));
                    break;
                }
                Err(error) => self.report.push(entry.error(error.reason(), error.to_string())),
            }
        }
        gates
    }

    fn components(&mut self, spec: &Cursor<'_>) -> Vec<ComponentSpec> {
        let mut components: Vec<ComponentSpec> = Vec::new();
        let list = spec.get("evaluators");
        for entry in list.iter().flat_map(Cursor::items) {
            let Some(component) = ComponentSpec::decode(&entry, &self.listing.files, &mut self.report) else {
                continue;
            };
            if let Some(first) = components.iter().find(|earlier| earlier.name == component.name) {
                let message = format!("evaluator `{}` is already named on line {}", component.name, first.line);
                self.report.push(entry.error("DuplicateEvaluator", message).hint("give each its own name"));
            }
            components.push(component);
        }
        components
    }
}

/// The same name twice: the later one counts, as with the original runner.
fn duplicate(at: &Cursor<'_>, reason: &'static str, what: &str, first: &str, second: &str) -> Problem {
    let message = if first == second {
        format!("{what} is listed twice and runs once")
    } else {
        format!("{what} stands in {first} and in {second}: only the latter counts")
    };
    at.error(reason, message).defect().hint("give each its own name, or remove one")
}

fn nameless(document: &Document) -> Problem {
    let place = &document.node;
    let mut problem = Problem::of_file(&document.file, "NameMissing", "the name is missing or empty");
    problem.path = "metadata.name".into();
    problem.at(place.line, place.column).hint("results are kept under it: give one")
}
