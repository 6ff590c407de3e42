//! Documents beside prompts, providers and scenarios: fragments, tools, personas, recordings.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Loader, Parts, duplicate, nameless};
use crate::document;
use crate::eval::{self, Shelf};
use crate::feature::{Without, unsupported};
use crate::report::Report;
use crate::shape::advice;
use crate::tree;
use crate::yaml::{self, Cursor};
use crate::{Assertion, BundleFile, Persona, Problem, Scenario, Tool, agent, fragment};

/// What the file of a fragment that names none may end in.
const FRAGMENT_FILES: [&str; 4] = [".md", ".txt", ".yaml", ".yml"];

impl Loader<'_> {
    /// The texts of a prompt's or persona's fragments, by name. One that names no file stands in `fragments/NAME` with one
    /// of [`FRAGMENT_FILES`]; one that may be missing and is has no text.
    pub(super) fn fragments(&mut self, spec: &Cursor<'_>) -> BTreeMap<String, String> {
        let mut fragments = BTreeMap::new();
        let list = spec.get("fragments");
        for entry in list.iter().flat_map(Cursor::items) {
            let Some(name) = entry.text("name") else { continue };
            let find = |path: &str| tree::find(&self.listing.files, path);
            let found = match entry.text("path") {
                Some(path) => find(&path),
                None => {
                    let usual = FRAGMENT_FILES.map(|extension| format!("fragments/{name}{extension}"));
                    usual.iter().find_map(|path| find(path).ok()).map_or_else(|| find(&usual[0]), Ok)
                }
            };
            let text = match found.and_then(|file| self.fragment(file)) {
                Ok(text) => text,
                Err(cause) if cause.reason == "FileMissing" && entry.boolean("required") != Some(true) => String::new(),
                Err(cause) => {
                    let problem = entry.error(cause.reason, format!("fragment `{name}`: {}", cause.message));
                    self.report.push(Problem { hint: cause.hint, ..problem });
                    continue;
                }
            };
            let what = format!("fragment `{name}`");
            if fragments.insert(name, text).is_some() {
                self.report.push(entry.again("DuplicateFragment", &what, "the later one counts"));
            }
        }
        let texts = fragment::templates(spec);
        let at = list.as_ref().unwrap_or(spec);
        let mut check = fragment::Check::new(&fragments);
        check.fragments(at, &mut self.report);
        check.texts(&texts, at, &mut self.report);
        fragments
    }

    /// The text of one fragment: the file as it is, or the `content` of a YAML document.
    fn fragment(&self, file: &BundleFile) -> Result<String, Problem> {
        if file.size > fragment::BYTES as u64 {
            let message = format!("a fragment has at most {} bytes", fragment::BYTES);
            return Err(Problem::of_file(&file.path, "FragmentTooLarge", message));
        }
        let bytes = tree::read_listed(self.folder, file)?;
        if !(file.path.ends_with(".yaml") || file.path.ends_with(".yml")) {
            let not_text = |_| Problem::of_file(&file.path, "NotText", "the file is not UTF-8");
            return String::from_utf8(bytes).map_err(not_text);
        }
        let root = yaml::parse(&file.path, &bytes, self.limits)?;
        let content = root.get("content").or_else(|| root.get("spec").and_then(|spec| spec.get("content")));
        content.and_then(yaml::Node::as_text).map(str::to_owned).ok_or_else(|| {
            let problem = Problem::of_file(&file.path, "FragmentInvalid", "the document has no text `content`");
            problem.hint("write the text under `content`, or name a file that holds nothing else")
        })
    }

    pub(super) fn tools(&mut self, spec: &Cursor<'_>) -> BTreeMap<String, Arc<Tool>> {
        let mut tools = BTreeMap::new();
        let files = &self.listing.files;
        let mut add = |name: String, spec: &Cursor<'_>, at: &Cursor<'_>, report: &mut Report| {
            let Some(tool) = Tool::decode(name.clone(), spec, files, report) else { return };
            let file = tool.file.clone();
            if let Some(first) = tools.insert(name.clone(), Arc::new(tool)) {
                report.push(duplicate(at, "DuplicateTool", &format!("tool `{name}`"), &first.file, &file));
            }
        };
        let list = spec.get("tools");
        for entry in list.iter().flat_map(Cursor::items) {
            let Some(document) = self.open(&entry, document::TOOL) else { continue };
            let root = document.root();
            let Some(spec) = root.get("spec") else { continue };
            match document.name() {
                Some(name) => add(name, &spec, &entry, &mut self.report),
                None => self.report.push(nameless(&document)),
            }
        }
        let inline = spec.get("tool_specs");
        for (name, spec) in inline.iter().flat_map(Cursor::entries) {
            add(name.to_owned(), &spec, &spec, &mut self.report);
        }
        for tool in agent::tools(spec, &mut self.report) {
            let (name, file) = (tool.name.clone(), tool.file.clone());
            if let Some(first) = tools.insert(name.clone(), Arc::new(tool)) {
                let what = format!("tool `{name}`");
                self.report.push(duplicate(spec, "DuplicateTool", &what, &first.file, &file));
            }
        }
        tools
    }

    /// Hooks of `runtime` are programs that change what is said; the rest of it changes nothing.
    pub(super) fn runtime(&mut self, spec: &Cursor<'_>) -> Vec<&'static str> {
        let Some(runtime) = spec.get("runtime") else { return Vec::new() };
        let hooks = runtime.get("hooks").is_some_and(|hooks| !hooks.node.is_empty());
        unsupported(spec, &["runtime"], if hooks { Without::Fails } else { Without::Works }, &mut self.report);
        if hooks { vec!["runtime.hooks"] } else { Vec::new() }
    }

    pub(super) fn self_play(&mut self, spec: &Cursor<'_>, providers: &BTreeSet<String>, parts: &mut Parts) {
        let Some(self_play) = spec.get("self_play") else { return };
        if self_play.boolean("enabled") == Some(false) {
            return;
        }
        let list = self_play.get("personas");
        for entry in list.iter().flat_map(Cursor::items) {
            let Some(document) = self.open(&entry, document::PERSONA) else { continue };
            let root = document.root();
            let Some(spec) = root.get("spec") else { continue };
            match document.name().or_else(|| spec.text("id")) {
                Some(id) => self.persona(id, &spec, &entry, parts),
                None => self.report.push(nameless(&document)),
            }
        }
        let inline = self_play.get("persona_specs");
        for (id, spec) in inline.iter().flat_map(Cursor::entries) {
            self.persona(id.to_owned(), &spec, &spec, parts);
        }
        let roles = self_play.get("roles");
        for role in roles.iter().flat_map(Cursor::items) {
            let (Some(id), Some(provider)) = (role.text("id"), role.get_text("provider")) else { continue };
            let name = provider.node.as_text().unwrap_or_default();
            if !providers.contains(name) {
                let problem = provider.error_with_value("ProviderUnknown", "no provider of the arena has this id");
                let known = providers.iter().map(String::as_str);
                self.report.push(problem.hint(advice(name, known, "the id is the provider's metadata.name")));
            }
            let what = format!("role `{id}`");
            if parts.roles.insert(id, name.to_owned()).is_some() {
                self.report.push(role.again("DuplicateRole", &what, "the later one counts"));
            }
        }
    }

    fn persona(&mut self, id: String, spec: &Cursor<'_>, at: &Cursor<'_>, parts: &mut Parts) {
        let fragments = self.fragments(spec);
        let persona = Persona::decode(id.clone(), spec, fragments, &mut self.report);
        if let Some(first) = parts.personas.insert(id.clone(), persona) {
            let what = format!("persona `{id}`");
            self.report.push(duplicate(at, "DuplicatePersona", &what, &first.file, spec.file));
        }
    }

    /// The recordings as scenarios, which run where there are no others.
    pub(super) fn evals(&mut self, spec: &Cursor<'_>, globals: &[Arc<Assertion>]) -> BTreeMap<String, Arc<Scenario>> {
        let mut evals = BTreeMap::new();
        let mut add = |id: String, found: Vec<Scenario>, at: &Cursor<'_>, file: &str, report: &mut Report| {
            if let Some((first, _)) = evals.insert(id.clone(), (file.to_owned(), found)) {
                report.push(duplicate(at, "DuplicateEval", &format!("eval `{id}`"), &first, file));
            }
        };
        let list = spec.get("evals");
        for entry in list.iter().flat_map(Cursor::items) {
            let Some(document) = self.open(&entry, document::EVAL) else { continue };
            let root = document.root();
            let labels = root.get("metadata").map(|metadata| metadata.text_map("labels")).unwrap_or_default();
            let Some(spec) = root.get("spec") else { continue };
            let Some(id) = document.name().or_else(|| spec.text("id")) else {
                self.report.push(nameless(&document));
                continue;
            };
            let found = self.eval(&id, &labels, &spec, globals);
            add(id, found, &entry, &document.file, &mut self.report);
        }
        let inline = spec.get("eval_specs");
        for (id, spec) in inline.iter().flat_map(Cursor::entries) {
            let found = self.eval(id, &BTreeMap::new(), &spec, globals);
            add(id.to_owned(), found, &spec, spec.file, &mut self.report);
        }
        let mut scenarios = BTreeMap::new();
        for scenario in evals.into_values().flat_map(|(_, found)| found) {
            let (id, file) = (scenario.id.clone(), scenario.file.clone());
            if let Some(first) = scenarios.insert(id.clone(), Arc::new(scenario)) {
                self.report.push(duplicate(spec, "DuplicateEval", &format!("eval `{id}`"), &first.file, &file));
            }
        }
        scenarios
    }

    /// One scenario for each recording of an eval.
    fn eval(
        &mut self,
        id: &str,
        labels: &BTreeMap<String, String>,
        spec: &Cursor<'_>,
        globals: &[Arc<Assertion>],
    ) -> Vec<Scenario> {
        let recording = spec.get("recording");
        let shelf = Shelf { root: self.root, folder: self.folder, files: &self.listing.files, limits: self.limits };
        let recordings = match recording.as_ref().and_then(|recording| recording.get_text("path")) {
            Some(path) => eval::read(&path, &shelf, &mut self.report),
            None => vec![(None, Err("recording.path is missing".to_owned()))],
        };
        Scenario::of_recordings(id, labels, spec, recordings, globals, &mut self.report)
    }
}
