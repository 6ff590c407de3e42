//! `.pack.json`: prompts, tools, fragments, a workflow and evals in one file. It holds neither scenarios nor providers, so
//! it runs as a part of an arena.

mod merge;
mod rules;
mod shape;
mod version;

use std::path::Path;
use std::sync::Arc;

use arena_model::Digest;

use crate::report::Report;
use crate::tree::{self, BundleFile, Folder};
use crate::yaml::{self, Cursor, Node, YamlLimits};
use crate::{Bundle, Limits, Problem, Problems};

pub(crate) use merge::Pack;
pub use version::Version;

/// What the name of a pack ends in.
const EXTENSION: &str = ".pack.json";

/// Which versions of the format have to do with a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackVersions {
    /// The one that it names; none if it names none in particular.
    pub declared: Option<Version>,
    /// Those whose rules it keeps, oldest first.
    pub accepted: Vec<Version>,
}

/// Whether a path is that of a pack, by its name.
pub fn is_pack(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(EXTENSION))
}

/// The problem with a pack that stands where an arena file should.
pub(crate) fn no_arena(path: &str) -> Problem {
    let message = "a pack has neither scenarios nor providers, so it cannot run by itself";
    let hint = "name it under `spec.pack_file` of an arena file; `arena validate` takes it as it is";
    Problem::of_file(path, "PackIsNoArena", message).hint(hint)
}

/// Reads the pack at `path` by itself: a bundle without scenarios, providers and skills, whose files are not looked for.
///
/// # Errors
/// All that is wrong with it by the version that it names, or by the one that it is closest to.
pub fn load_pack(path: &Path, limits: &Limits) -> Result<(Bundle, PackVersions), Problems> {
    let shown = path.to_string_lossy();
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Problem::of_file(&shown, "PathNotUtf8", "the file's name is not UTF-8"))?;
    let root = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = Folder::open(root, limits)?;
    let bytes = folder.read(name)?;
    let mut report = Report::new(limits.problems);
    let Some(pack) = Document::parse(name, &bytes, &limits.yaml, &mut report) else {
        return Err(report.into_errors());
    };
    let versions = PackVersions { declared: pack.declared, accepted: pack.accepted.clone() };
    let file = BundleFile::new(name.to_owned(), bytes.len() as u64, Digest::of(&bytes));
    Ok((Pack::of(pack).alone(root, folder, file, report)?, versions))
}

/// A parsed pack.
pub(crate) struct Document {
    file: Arc<str>,
    node: Node,
    declared: Option<Version>,
    accepted: Vec<Version>,
}

impl Document {
    /// Parses the bytes and reports what no version would have; none if there is nothing to go on with.
    fn parse(file: &str, bytes: &[u8], limits: &YamlLimits, report: &mut Report) -> Option<Self> {
        let node = report.keep(yaml::parse(file, bytes, limits))?;
        let mut pack = Self { file: file.into(), node, declared: None, accepted: Vec::new() };
        let root = pack.root();
        let declared = report.keep(Version::declared(&root))?;
        let checked = Version::ALL.map(|version| {
            let mut found = report.like();
            version.check(&root, &mut found);
            (version, found)
        });
        let accepted: Vec<Version> =
            checked.iter().filter(|(_, found)| found.errors() == 0).map(|(version, _)| *version).collect();
        if accepted.is_empty() {
            // By the version it claims, else by the one it comes closest to, of these the newest.
            let claimed = |version: Version| declared.is_some_and(|declared| declared == version);
            let closest = checked
                .into_iter()
                .min_by_key(|(version, found)| (!claimed(*version), found.errors(), std::cmp::Reverse(*version)));
            if let Some((version, found)) = closest {
                let told = format!("no version of the format accepts this pack; what follows is by version {version}");
                report.push(Problem::of_file(file, "PackInvalid", told));
                report.absorb(found);
            }
        } else if let Some(declared) = declared.filter(|declared| !accepted.contains(declared)) {
            let names: Vec<_> = accepted.iter().map(|version| version.as_str()).collect();
            let told = format!("the pack says it is of version {declared}, whose rules it does not keep");
            let problem = Problem::of_file(file, "PackVersionMismatch", told).warning();
            report.push(problem.hint(format!("it keeps those of {}", names.join(", "))));
        }
        rules::check(&root, report);
        (pack.declared, pack.accepted) = (declared, accepted);
        Some(pack)
    }

    /// Reads and parses a listed file.
    fn read(folder: &Folder, file: &BundleFile, limits: &YamlLimits, report: &mut Report) -> Option<Self> {
        let bytes = report.keep(tree::read_listed(folder, file))?;
        Self::parse(&file.path, &bytes, limits, report)
    }

    fn root(&self) -> Cursor<'_> {
        Cursor::root(&self.file, &self.node)
    }
}

#[cfg(test)]
mod tests;
