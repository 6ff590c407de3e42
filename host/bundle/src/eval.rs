//! `kind: Eval`: which recordings it is about.

use std::collections::BTreeSet;
use std::path::Path;

use crate::report::Report;
use crate::tree::{self, BundleFile, Folder};
use crate::yaml::{Cursor, YamlLimits};
use crate::{Problem, Recording, glob};

/// Most messages that are named for being left out.
const LEFT_OUT: usize = 20;

/// Where recordings are looked for.
pub(crate) struct Shelf<'a> {
    /// The bundle's folder as the user gave it.
    pub(crate) root: &'a Path,
    pub(crate) folder: &'a Folder,
    pub(crate) files: &'a [BundleFile],
    pub(crate) limits: &'a YamlLimits,
}

/// A recording, or why there is none, with the name that tells it from the others of its eval.
pub(crate) type Named = (Option<String>, Result<Recording, String>);

/// The recordings that the text at `path` names, at least one. What is wrong with one is a defect, and the error of its
/// case.
pub(crate) fn read(path: &Cursor<'_>, shelf: &Shelf<'_>, report: &mut Report) -> Vec<Named> {
    match shelf.find(path, report) {
        Ok(files) => {
            let names = names(&files);
            let recordings = files.into_iter().map(|file| shelf.read(path, file, report)).collect::<Vec<_>>();
            names.into_iter().zip(recordings).collect()
        }
        Err(problem) => vec![(None, Err(refused(problem, report)))],
    }
}

fn refused(problem: Problem, report: &mut Report) -> String {
    let why = problem.to_string();
    report.push(problem.defect());
    why
}

impl Shelf<'_> {
    fn read(&self, path: &Cursor<'_>, file: &BundleFile, report: &mut Report) -> Result<Recording, String> {
        let mut left_out = Vec::new();
        let bytes = tree::read_listed(self.folder, file);
        let recording = bytes.and_then(|bytes| Recording::parse(&file.path, &bytes, self.limits, &mut left_out));
        for why in left_out.iter().take(LEFT_OUT) {
            report.push(path.error("RecordingRoleUnknown", why.clone()).warning());
        }
        recording.map_err(|problem| refused(problem, report))
    }

    /// The files that a path or pattern names: relative to its document, else to the bundle, else to the working folder.
    fn find(&self, path: &Cursor<'_>, report: &mut Report) -> Result<Vec<&BundleFile>, Problem> {
        let text = path.node.as_text().unwrap_or_default();
        let beside = path.file.rsplit_once('/').map(|(parent, _)| format!("{parent}/{text}"));
        let within = beside.iter().map(String::as_str).chain([text]);
        if let Some(found) = within.filter_map(|it| self.named(it).ok()).find(|found| !found.is_empty()) {
            return Ok(found);
        }
        let elsewhere = below_working_folder(text, self.root);
        if let Some((place, found)) = elsewhere.and_then(|it| self.named(&it).ok().map(|found| (it, found)))
            && !found.is_empty()
        {
            let message = "this is relative to the working directory: a run that is started elsewhere does not find it";
            let problem = path.error_with_value("PathNotPortable", message).warning();
            report.push(problem.hint(format!("write `{place}`, relative to the bundle")));
            return Ok(found);
        }
        let at = |cause: Problem| Problem { hint: cause.hint, ..path.error_with_value(cause.reason, cause.message) };
        match self.named(text) {
            Ok(_) => Err(path.error_with_value("FileMissing", "no file of the bundle matches this pattern")),
            Err(cause) => Err(at(cause)),
        }
    }

    /// The file of this path, or those that match it as a pattern; none if there are no such.
    fn named(&self, text: &str) -> Result<Vec<&BundleFile>, Problem> {
        let found = tree::find(self.files, text);
        if found.is_ok() || !glob::is_pattern(text) {
            return found.map(|file| vec![file]);
        }
        let pattern = glob::compile(&tree::normal(text)?).ok_or_else(|| {
            let problem = Problem::of_file(text, "PatternInvalid", "this is no pattern of file names");
            problem.hint("`*` and `?` stand for characters of one name, `[a-z]` for one of these")
        })?;
        Ok(self.files.iter().filter(|file| pattern.is_match(&file.path)).collect())
    }
}

/// A path or pattern relative to the working folder as one relative to `root`; none if it leads elsewhere.
fn below_working_folder(text: &str, root: &Path) -> Option<String> {
    if text.starts_with('/') {
        return None;
    }
    let plain = text.find(glob::SIGNS).unwrap_or(text.len());
    let (folder, rest) = text.split_at(text[..plain].rfind('/').map_or(0, |slash| slash + 1));
    let folder = std::env::current_dir().ok()?.join(folder).canonicalize().ok()?;
    let below = folder.strip_prefix(root.canonicalize().ok()?).ok()?.to_str()?;
    Some(if below.is_empty() { rest.to_owned() } else { format!("{below}/{rest}") })
}

/// What tells the recordings of one eval apart: nothing if there is one, else the file's name without its extension, or
/// the whole path if that is not enough.
fn names(files: &[&BundleFile]) -> Vec<Option<String>> {
    if files.len() == 1 {
        return vec![None];
    }
    let bare = |path: &str| path.rsplit_once('.').map_or(path, |(bare, _)| bare).to_owned();
    let name = |file: &&BundleFile| bare(file.path.rsplit('/').next().unwrap_or_default());
    let names: Vec<String> = files.iter().map(name).collect();
    if names.iter().collect::<BTreeSet<_>>().len() == files.len() {
        return names.into_iter().map(Some).collect();
    }
    files.iter().map(|file| Some(file.path.clone())).collect()
}
