//! The bundle's folder: its regular files with their digests, and reads that cannot leave it.

use std::collections::HashMap;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arena_model::{Digest, Hasher};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use rustix::io::Errno;

use crate::problem::UNREADABLE;
use crate::shape::advice;
use crate::{Limits, Problem};

/// One regular file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleFile {
    /// Relative to the bundle's root, with `/`.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Of the bytes.
    pub digest: Digest,
    /// Why it is no part of the bundle; none of the bundle's own files has it. Whoever refers to it is told.
    pub(crate) left_out: Option<Arc<Problem>>,
}

impl BundleFile {
    /// A file that is a part of the bundle.
    pub(crate) fn new(path: String, size: u64, digest: Digest) -> Self {
        Self { path, size, digest, left_out: None }
    }
}

/// The folder, opened once; every later read goes through this handle.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    dir: Arc<Dir>,
    file_bytes: u64,
    /// Small documents that listing has read and loading will want: a bundle of thousands is read once, not twice.
    kept: Arc<Mutex<HashMap<String, Vec<u8>>>>,
}

/// Largest file that is kept, and most bytes of all that are.
const KEPT_FILE_BYTES: usize = 16 << 10;
const KEPT_BYTES: usize = 32 << 20;

/// How many listed paths on either side of a missing one are looked at for what was meant.
const NEIGHBOURS: usize = 50;

/// What the names of reports end in, which runs write beside their folders.
const REPORTS: [&str; 5] = [".md", ".xml", ".html", ".json", ".jsonl"];

/// The reason of a file over the limit.
const TOO_LARGE: &str = "FileTooLarge";

/// The files of a folder.
pub(crate) struct Listing {
    /// Sorted by path, those that are left out among them.
    pub(crate) files: Vec<BundleFile>,
    /// Over all that are not left out.
    pub(crate) digest: Digest,
    /// What was left out and why.
    pub(crate) warnings: Vec<Problem>,
}

/// What a folder holds.
#[derive(Default)]
struct Walk {
    /// Of files, not sorted.
    paths: Vec<String>,
    /// What is wrong with entries that are left out; each is of the entry's path.
    left_out: Vec<Problem>,
    /// Reports of runs, which are left out without a word.
    reports: Vec<String>,
    /// Of entries whose names are no text: nothing can refer to them.
    warnings: Vec<Problem>,
}

impl Folder {
    /// Opens the folder at `path`; the user chose it, so it may be anywhere.
    pub(crate) fn open(path: &Path, limits: &Limits) -> Result<Self, Problem> {
        let dir = Dir::open_ambient_dir(path, ambient_authority())
            .map_err(|error| io_problem(&path.to_string_lossy(), "the folder", &error))?;
        Ok(Self { dir: Arc::new(dir), file_bytes: limits.file_bytes, kept: Arc::default() })
    }

    /// Frees what was kept for loading.
    pub(crate) fn forget(&self) {
        self.kept().clear();
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<String, Vec<u8>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Names of the files at the top, sorted.
    pub(crate) fn top_files(&self, limits: &Limits) -> Result<Vec<String>, Problem> {
        let mut names = Vec::new();
        for entry in self.dir.entries().map_err(|error| io_problem(".", "the folder", &error))? {
            let entry = entry.map_err(|error| io_problem(".", "the folder", &error))?;
            if names.len() >= limits.files {
                return Err(too_many(limits));
            }
            let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
            names.extend(entry.file_name().into_string().ok().filter(|_| !is_dir));
        }
        names.sort_unstable();
        Ok(names)
    }

    /// A regular file, `path` being relative to the root and normal.
    pub(crate) fn open_file(&self, path: &str) -> Result<std::fs::File, Problem> {
        // A pipe would block when opened, so the kind is asked for first.
        let metadata = self.dir.metadata(path).map_err(|error| io_problem(path, "the file", &error))?;
        if !metadata.is_file() {
            return Err(Problem::of_file(path, "NotAFile", "this is not a regular file"));
        }
        let file = self.dir.open(path).map_err(|error| io_problem(path, "the file", &error))?;
        Ok(file.into_std())
    }

    /// All bytes of a file, `path` being relative to the root and normal.
    pub(crate) fn read(&self, path: &str) -> Result<Vec<u8>, Problem> {
        let file = self.open_file(path)?;
        let size = file.metadata().map_err(|error| io_problem(path, "the file", &error))?.len();
        if size > self.file_bytes {
            return Err(self.too_large(path));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        let read = file.take(self.file_bytes.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|error| io_problem(path, "the file", &error))?;
        if bytes.len() as u64 > self.file_bytes {
            return Err(self.too_large(path));
        }
        Ok(bytes)
    }

    fn too_large(&self, path: &str) -> Problem {
        let message = format!("the file has more than {} bytes", self.file_bytes);
        Problem::of_file(path, TOO_LARGE, message).hint("make it smaller or leave it out")
    }

    /// Walks the folder and digests every regular file. Hidden entries are passed over, and so are the top-level folder
    /// `skip`, folders of runs and the reports beside these. A link counts as the file it leads to. What cannot be a part of
    /// a bundle is left out with a warning: a link that leads outside, to a folder or nowhere, a file over the limit.
    pub(crate) fn list(&self, skip: Option<&str>, limits: &Limits) -> Result<Listing, Problem> {
        let Walk { mut paths, mut left_out, reports, mut warnings } = self.walk(skip, limits)?;
        paths.sort_unstable();
        let (mut files, mut total, mut hasher) = (Vec::with_capacity(paths.len()), 0u64, Hasher::default());
        let mut kept = 0;
        hasher.field(b"arena bundle 1");
        for path in paths {
            let bytes = match self.read(&path) {
                Ok(bytes) => bytes,
                Err(problem) if problem.reason == TOO_LARGE => {
                    left_out.push(problem);
                    continue;
                }
                Err(problem) => return Err(problem),
            };
            total = total.saturating_add(bytes.len() as u64);
            if total > limits.total_bytes {
                let message = format!("the bundle's files have more than {} bytes together", limits.total_bytes);
                return Err(Problem::of_file(&path, "BundleTooLarge", message).hint("leave large files out"));
            }
            hasher.field(path.as_bytes()).field(&bytes);
            files.push(BundleFile::new(path.clone(), bytes.len() as u64, Digest::of(&bytes)));
            if bytes.len() <= KEPT_FILE_BYTES && kept + bytes.len() <= KEPT_BYTES && is_document(&path) {
                kept += bytes.len();
                self.kept().insert(path, bytes);
            }
        }
        warnings.extend(left_out.iter().cloned());
        let reports = reports.iter().map(|path| {
            let message = "the file lies beside the folder of a run and so counts as one of its reports";
            Problem::of_file(path, "FileMissing", message).hint("put it into another folder")
        });
        for problem in left_out.into_iter().chain(reports) {
            let nothing = BundleFile::new(problem.file.clone(), 0, Digest::of(&[]));
            files.push(BundleFile { left_out: Some(Arc::new(problem)), ..nothing });
        }
        files.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        let warning = |problem: Problem| Problem { message: format!("{}: it is left out", problem.message), ..problem };
        let warnings = warnings.into_iter().map(|problem| warning(problem).warning()).collect();
        Ok(Listing { files, digest: hasher.finish(), warnings })
    }

    /// Whether a folder holds the results of a run, which are no part of what was run: `arena run .` writes them here.
    fn is_run(&self, folder: &str) -> bool {
        let has = |name: &str, file: bool| {
            self.dir.symlink_metadata(format!("{folder}/{name}")).is_ok_and(|entry| entry.is_file() == file)
        };
        has("manifest.json", true) && has("lock", true) && has("bundle", false)
    }

    fn walk(&self, skip: Option<&str>, limits: &Limits) -> Result<Walk, Problem> {
        let (mut walk, mut seen) = (Walk::default(), 0usize);
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            let (mut plain, mut runs) = (Vec::new(), false);
            let shown = if folder.is_empty() { "." } else { &folder };
            let failed = |error: io::Error| io_problem(shown, "the folder", &error);
            for entry in self.dir.read_dir(shown).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                seen += 1;
                if seen > limits.files {
                    return Err(too_many(limits));
                }
                let Ok(name) = entry.file_name().into_string() else {
                    let name = entry.file_name().to_string_lossy().into_owned();
                    let problem = Problem::of_file(shown, "PathNotUtf8", "a file name in this folder is not UTF-8");
                    walk.warnings.push(problem.value(name).hint("rename the file"));
                    continue;
                };
                if name.starts_with('.') || folder.is_empty() && Some(name.as_str()) == skip {
                    continue;
                }
                let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                let kind = entry.file_type().map_err(|error| io_problem(&path, "the file", &error))?;
                if kind.is_dir() {
                    if self.is_run(&path) {
                        runs = true;
                    } else {
                        folders.push(path);
                    }
                } else if kind.is_symlink() {
                    match self.dir.metadata(&path) {
                        Ok(target) if target.is_file() => walk.paths.push(path),
                        Ok(_) => {
                            let problem = Problem::of_file(&path, "LinkToFolder", "a link must lead to a regular file");
                            walk.left_out.push(problem.hint("put the folder itself into the bundle"));
                        }
                        Err(error) => match io_problem(&path, "the link's target", &error) {
                            // What only this machine has to do with must not change what a bundle is.
                            problem if problem.reason == UNREADABLE => return Err(problem),
                            problem => walk.left_out.push(problem),
                        },
                    }
                } else if kind.is_file() {
                    plain.push(path);
                }
            }
            // At the top, reports are as likely to be the bundle's own.
            let report = |path: &String| runs && !folder.is_empty() && REPORTS.iter().any(|end| path.ends_with(end));
            let (reports, files): (Vec<_>, Vec<_>) = plain.into_iter().partition(report);
            walk.reports.extend(reports);
            walk.paths.extend(files);
        }
        Ok(walk)
    }
}

fn too_many(limits: &Limits) -> Problem {
    let message = format!("the bundle's folders hold more than {} entries", limits.files);
    Problem::of_file(".", "TooManyFiles", message).hint("check that the right folder was given")
}

/// What an error of the system means for the user.
fn io_problem(path: &str, what: &str, error: &io::Error) -> Problem {
    match error.kind() {
        io::ErrorKind::NotFound => Problem::of_file(path, "FileMissing", format!("{what} does not exist")),
        // The library's own refusal carries no system error number; a real lack of permission does.
        io::ErrorKind::PermissionDenied if error.raw_os_error().is_none() => escape(path),
        _ if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
            let problem = Problem::of_file(path, "LinkLoop", "following its links never ends");
            problem.hint("mend the link")
        }
        _ => Problem::of_file(path, UNREADABLE, format!("{what} cannot be read: {error}")),
    }
}

fn escape(path: &str) -> Problem {
    let problem = Problem::of_file(path, "PathEscape", "this leads out of the bundle's folder");
    problem.hint("put the file into the bundle")
}

/// The normal form of a reference: relative to the root, without `.` and `..`.
pub(crate) fn normal(reference: &str) -> Result<String, Problem> {
    if reference.starts_with('/') {
        return Err(escape(reference));
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in reference.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or_else(|| escape(reference))?;
            }
            _ => parts.push(part),
        }
    }
    if parts.is_empty() || reference.contains('\0') {
        return Err(Problem::of_file(reference, "FileMissing", "this names no file"));
    }
    Ok(parts.join("/"))
}

/// The listed file that a reference names, also one that was left out.
pub(crate) fn find<'a>(files: &'a [BundleFile], reference: &str) -> Result<&'a BundleFile, Problem> {
    let path = normal(reference)?;
    if let Ok(index) = files.binary_search_by(|file| file.path.as_str().cmp(&path)) {
        return Ok(&files[index]);
    }
    let problem = Problem::of_file(reference, "FileMissing", "there is no such file in the bundle");
    Err(if path.split('/').any(|part| part.starts_with('.')) {
        problem.hint("hidden files are no part of a bundle: rename it without the leading dot")
    } else {
        problem.hint(advice(&path, near(files, &path), "paths are relative to the folder of the arena file"))
    })
}

/// Paths that a mistyped one may have meant: its neighbours, so that large bundles with many wrong paths stay cheap.
fn near<'a>(files: &'a [BundleFile], path: &str) -> impl Iterator<Item = &'a str> {
    let at = files.partition_point(|file| file.path.as_str() < path);
    let around = at.saturating_sub(NEIGHBOURS)..files.len().min(at + NEIGHBOURS);
    files[around].iter().filter(|file| file.left_out.is_none()).map(|file| file.path.as_str())
}

/// Reads a listed file and makes sure that it is still what was digested. One that was left out cannot be read.
pub(crate) fn read_listed(folder: &Folder, file: &BundleFile) -> Result<Vec<u8>, Problem> {
    if let Some(why) = &file.left_out {
        return Err(Problem::clone(why));
    }
    if let Some(bytes) = folder.kept().remove(&file.path) {
        return Ok(bytes);
    }
    let bytes = folder.read(&file.path)?;
    if Digest::of(&bytes) != file.digest {
        let problem = Problem::of_file(&file.path, "FileChanged", "the file changed after the bundle was loaded");
        return Err(problem.hint("load the bundle again"));
    }
    Ok(bytes)
}

fn is_document(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, extension)| matches!(extension, "yaml" | "yml" | "json"))
}
