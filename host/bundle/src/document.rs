//! One document of a bundle: read, held against its shape, its references resolved.

use std::sync::Arc;

use crate::report::Report;
use crate::shape::{self, Shape, similar};
use crate::tree::{self, BundleFile, Folder};
use crate::yaml::{self, Cursor, Node, YamlLimits};
use crate::{Problem, Severity};

/// The only version of the format there is.
const API_VERSION: &str = "promptkit.altairalabs.ai/v1alpha1";

/// All kinds of the format, for advice.
const KINDS: [&str; 8] = ["Arena", "PromptConfig", "Scenario", "Provider", "Tool", "Persona", "Eval", "RuntimeConfig"];

/// What a reference must lead to.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    name: &'static str,
    shape: &'static Shape,
    /// The original reader refuses a prompt of another kind and takes the others by their place.
    mismatch: Severity,
    /// The original reader does not hold personas against their schema.
    misfit: Severity,
}

const fn kind(name: &'static str, shape: &'static Shape) -> Kind {
    Kind { name, shape, mismatch: Severity::Defect, misfit: Severity::Error }
}

pub(crate) const ARENA: Kind = kind("Arena", &shape::ARENA);
pub(crate) const PROMPT: Kind = Kind { mismatch: Severity::Error, ..kind("PromptConfig", &shape::PROMPT) };
pub(crate) const PROVIDER: Kind = kind("Provider", &shape::PROVIDER);
pub(crate) const SCENARIO: Kind = kind("Scenario", &shape::SCENARIO);
pub(crate) const TOOL: Kind = kind("Tool", &shape::TOOL);
pub(crate) const PERSONA: Kind = Kind { misfit: Severity::Warning, ..kind("Persona", &shape::PERSONA) };
pub(crate) const EVAL: Kind = kind("Eval", &shape::EVAL);

/// A parsed document. Dropped as soon as it is decoded.
pub(crate) struct Document {
    pub(crate) file: Arc<str>,
    pub(crate) node: Node,
}

impl Document {
    /// Parses bytes and reports what does not fit the kind; none only if there is nothing to decode.
    pub(crate) fn parse(
        file: &str,
        bytes: &[u8],
        kind: Kind,
        limits: &YamlLimits,
        report: &mut Report,
    ) -> Option<Self> {
        let node = report.keep(yaml::parse(file, bytes, limits))?;
        let document = Self { file: file.into(), node };
        if let Some(problem) = document.mistaken_for_an_arena(kind) {
            report.push(problem);
            return None;
        }
        match kind.misfit {
            Severity::Error => shape::check(&document.root(), kind.shape, report),
            Severity::Defect | Severity::Warning => {
                report.lenient(|report| shape::check(&document.root(), kind.shape, report));
            }
        }
        document.check_head(kind, report);
        Some(document)
    }

    /// Reads and parses a listed file.
    pub(crate) fn read(
        folder: &Folder,
        file: &BundleFile,
        kind: Kind,
        limits: &YamlLimits,
        report: &mut Report,
    ) -> Option<Self> {
        let bytes = report.keep(tree::read_listed(folder, file))?;
        Self::parse(&file.path, &bytes, kind, limits, report)
    }

    pub(crate) fn root(&self) -> Cursor<'_> {
        Cursor::root(&self.file, &self.node)
    }

    /// `metadata.name`; none if it is missing or empty.
    pub(crate) fn name(&self) -> Option<String> {
        let name = self.node.get("metadata")?.get("name")?.as_text()?;
        (!name.is_empty()).then(|| name.to_owned())
    }

    /// The problem if a document of another kind was given where the arena file should be: what else does not fit an
    /// arena in it would only hide that.
    fn mistaken_for_an_arena(&self, kind: Kind) -> Option<Problem> {
        let root = self.root();
        let cursor = root.get("kind")?;
        let text = cursor.node.as_text().filter(|text| KINDS.contains(text) && *text != kind.name)?;
        (kind.name == ARENA.name).then(|| {
            let problem = cursor.error_with_value("KindMismatch", "this is not an arena file");
            problem.hint(format!("give the arena file that refers to this {text}, or the folder it lies in"))
        })
    }

    fn check_head(&self, kind: Kind, report: &mut Report) {
        let root = self.root();
        if let Some(cursor) = root.get("apiVersion")
            && cursor.node.as_text().is_some_and(|text| text != API_VERSION)
        {
            let problem = cursor.error_with_value("ApiVersionUnknown", "unknown apiVersion, read all the same");
            report.push(problem.warning().hint(format!("write `{API_VERSION}`")));
        }
        let Some(cursor) = root.get("kind") else { return };
        let Some(text) = cursor.node.as_text().filter(|text| *text != kind.name) else { return };
        let message = format!("expected kind {}", kind.name);
        let mut problem = cursor.error_with_value("KindMismatch", message);
        problem.severity = kind.mismatch;
        report.push(match similar(text, KINDS.into_iter()) {
            Some(known) if known == kind.name => problem.hint(format!("did you mean `{known}`?")),
            Some(known) if known == text => problem.hint(format!("a {text} is referenced from another list")),
            _ => problem.hint(format!("kinds are {}", KINDS.join(", "))),
        });
    }
}

/// The file that the text at `cursor` names, or the problem at that place. Why one was left out is told of the file.
pub(crate) fn resolve<'f>(cursor: &Cursor<'_>, files: &'f [BundleFile]) -> Result<&'f BundleFile, Problem> {
    let found = tree::find(files, cursor.node.as_text().unwrap_or_default());
    let at = |cause: Problem| Problem { hint: cause.hint, ..cursor.error_with_value(cause.reason, cause.message) };
    let file = found.map_err(at)?;
    file.left_out.as_ref().map_or(Ok(file), |why| Err(Problem::clone(why)))
}
