//! A pack within an arena: what the arena does not say itself is the pack's.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arena_model::Conduct;
use serde_json::Value;

use super::Document;
use crate::document::resolve;
use crate::feature::{Without, unsupported};
use crate::report::Report;
use crate::tree::{BundleFile, Folder};
use crate::yaml::{Cursor, YamlLimits};
use crate::{Bundle, Composition, Defaults, PackEval, Problems, Prompt, Skill, Tool, ToolMode, Workflow, skill};

/// Why a call of a tool fails of which only the pack knows.
const UNBOUND: &str = "pack";

/// The pack of an arena.
pub(crate) struct Pack(Document);

impl Pack {
    /// The pack that the text at `at` names. What is wrong with it is a warning, and the pack is left out, if the arena
    /// has prompts of its own (not `needed`): to the original runner it is only something to deploy.
    pub(crate) fn open(
        at: &Cursor<'_>,
        needed: bool,
        folder: &Folder,
        files: &[BundleFile],
        limits: &YamlLimits,
        report: &mut Report,
    ) -> Option<Self> {
        let mut found = report.like();
        let file = found.keep(resolve(at, files));
        let pack = file.and_then(|file| Document::read(folder, file, limits, &mut found));
        if needed || found.errors() == 0 {
            report.absorb(found);
            return pack.map(Self);
        }
        report.lenient(|report| report.absorb(found));
        let problem = at.error_with_value("PackUnused", "the pack is left out, since it cannot be used as it is");
        report.push(problem.warning().hint("mend it, or remove the key"));
        None
    }

    pub(super) fn of(document: Document) -> Self {
        Self(document)
    }

    /// The bundle that has nothing else than the pack.
    pub(super) fn alone(
        &self,
        root: &Path,
        folder: Folder,
        file: BundleFile,
        mut report: Report,
    ) -> Result<Bundle, Problems> {
        let (mut prompts, mut tools, mut compositions) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        self.add_prompts(&mut prompts, &mut report);
        // That nobody answers them is no defect of a pack.
        self.add_tools(&mut tools, &mut report.like());
        self.add_compositions(&mut compositions, &mut report);
        let pack = self.root();
        let names = compositions.keys().cloned().collect();
        let workflow = pack.get("workflow").map(|it| Workflow::decode(&it, &prompts, &names, &mut report));
        Ok(Bundle {
            name: pack.text("name").unwrap_or_default(),
            root: root.to_owned(),
            entry: file.path.clone(),
            digest: file.digest.clone(),
            files: vec![file],
            defaults: Defaults::default(),
            prompts,
            scenarios: Vec::new(),
            recordings: Vec::new(),
            providers: Vec::new(),
            embedders: Vec::new(),
            judges: BTreeMap::new(),
            tools,
            mcp_servers: Vec::new(),
            workflow: workflow.map(Arc::new),
            compositions,
            skills: Vec::new(),
            memory: false,
            personas: BTreeMap::new(),
            roles: BTreeMap::new(),
            evals: PackEval::decode_all(&pack, "evals", &mut report),
            components: Vec::new(),
            template: None,
            engine: None,
            gates: Vec::new(),
            conduct: Conduct::default(),
            unsupported: Vec::new(),
            warnings: report.finish()?,
            left_out: Vec::new(),
            folder,
        })
    }

    /// The document.
    pub(crate) fn root(&self) -> Cursor<'_> {
        self.0.root()
    }

    /// Adds the prompts of task types that the arena has no prompt for.
    pub(crate) fn add_prompts(&self, prompts: &mut BTreeMap<String, Prompt>, report: &mut Report) {
        let root = self.root();
        unsupported(&root, &["agents"], Without::Works, report);
        let fragments = Arc::new(root.text_map("fragments"));
        let list = root.get("prompts");
        let mut both = Vec::new();
        for (task, it) in list.iter().flat_map(Cursor::entries) {
            if prompts.contains_key(task) {
                both.push(task.to_owned());
                continue;
            }
            prompts.insert(task.to_owned(), Prompt::of_pack(task, &it, fragments.clone(), report));
        }
        if let Some(list) = list.filter(|_| !both.is_empty()) {
            let message = format!("the arena has prompts of its own for {}, which count", both.join(", "));
            report.push(list.error("PackShadowed", message).warning().hint("keep them in one place"));
        }
    }

    /// Adds the evals that the arena does not have.
    pub(crate) fn add_evals(&self, evals: &mut Vec<Arc<PackEval>>, report: &mut Report) {
        for eval in PackEval::decode_all(&self.root(), "evals", report) {
            if !evals.iter().any(|known| known.id == eval.id) {
                evals.push(eval);
            }
        }
    }

    /// Adds the tools that the arena does not have. A pack says what a tool is, never who answers.
    pub(crate) fn add_tools(&self, tools: &mut BTreeMap<String, Arc<Tool>>, report: &mut Report) {
        let root = self.root();
        let list = root.get("tools");
        for (name, it) in list.iter().flat_map(Cursor::entries) {
            if tools.contains_key(name) {
                continue;
            }
            let message = format!("the pack does not say who answers the tool `{name}`: each call of it fails");
            let problem = it.error("ToolModeUnsupported", message).warning();
            report.push(problem.hint("add a Tool of this name to the arena, with mode `mock`"));
            let tool = Tool {
                name: name.to_owned(),
                description: it.text("description").unwrap_or_default(),
                input_schema: it.json("parameters").unwrap_or(Value::Bool(true)),
                output_schema: Value::Bool(true),
                mode: ToolMode::Outside(UNBOUND.to_owned()),
                file: it.file.clone(),
            };
            tools.insert(name.to_owned(), Arc::new(tool));
        }
    }

    /// Adds the skills that the arena does not have. Their paths are relative to the arena file, as all are.
    pub(crate) fn add_skills(
        &self,
        skills: &mut Vec<Arc<Skill>>,
        folder: &Folder,
        files: &[BundleFile],
        limits: &YamlLimits,
        report: &mut Report,
    ) {
        let root = self.root();
        let Some(list) = root.get("skills") else { return };
        for skill in skill::load(&list, folder, files, limits, report) {
            if !skills.iter().any(|known| known.name == skill.name) {
                skills.push(skill);
            }
        }
        skills.sort_by(|one, other| one.name.cmp(&other.name));
    }

    /// Adds the compositions that the arena does not have.
    pub(crate) fn add_compositions(
        &self,
        compositions: &mut BTreeMap<String, Result<Composition, String>>,
        report: &mut Report,
    ) {
        let root = self.root();
        let Some(list) = root.get("compositions") else { return };
        for (name, composition) in Composition::decode_all(&list, report) {
            compositions.entry(name).or_insert(composition);
        }
    }
}
