//! `checksums`: SHA-256 over every file of a run's folder, in the format of `sha256sum`, so that
//! `sha256sum -c checksums` reads it too. The last line is a comment with the digest of the lines before it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use arena_model::{Digest, Hasher};

use crate::run_view::{CHECKSUMS, LOCK};
use crate::{Result, ResultsError, RunDir, RunView, atomic};

/// Longest list, bytes: a million files with long names.
const LIST_BYTES: u64 = 1 << 30;

/// Digest of one file, read through `buffer`.
fn digest(path: &Path, buffer: &mut [u8]) -> Result<Digest> {
    let io = || ResultsError::io("read", path);
    let mut file = atomic::open_plain(path, File::options().read(true)).map_err(io())?;
    let mut hasher = Hasher::default();
    loop {
        match file.read(buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(read) => hasher.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(io()(error)),
        }
    }
}

/// Digest of each file by its path as it stands in the list, `/` between folders. A file in `known` is not read.
fn digests(run: &RunView, known: &BTreeMap<String, Digest>) -> Result<BTreeMap<String, Digest>> {
    let (mut found, mut buffer) = (BTreeMap::new(), vec![0; 64 << 10]);
    for path in atomic::files(run.path())? {
        let name = path.strip_prefix(run.path()).unwrap_or(&path);
        if name != Path::new(LOCK) && name != Path::new(CHECKSUMS) {
            let parts: Vec<_> = name.iter().map(|part| part.to_string_lossy()).collect();
            let name = parts.join("/");
            let digest = known.get(&name).cloned().map_or_else(|| digest(&path, &mut buffer), Ok)?;
            found.insert(name, digest);
        }
    }
    Ok(found)
}

fn text(digests: &BTreeMap<String, Digest>) -> String {
    let mut text = String::new();
    for (path, digest) in digests {
        // As sha256sum does it: a path with a line break or backslash is escaped and the line starts with a backslash.
        let escaped = path.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
        let mark = if escaped == *path { "" } else { "\\" };
        text.push_str(&format!("{mark}{}  {escaped}\n", digest.hex()));
    }
    let total = Digest::of(text.as_bytes());
    text.push_str(&format!("# {total}\n"));
    text
}

/// Writes the list over the files as they are now; those in `known` as they were when the caller digested them.
pub(crate) fn write(run: &RunDir, known: &BTreeMap<String, Digest>) -> Result<()> {
    let path = run.file(CHECKSUMS);
    let text = text(&digests(run, known)?);
    atomic::replace(&path, |out| out.write_all(text.as_bytes()).map_err(ResultsError::io("write", &path)))
}

/// Folders of a run in which no file stands, at any depth, by their path in it: no list can tell of them.
pub(crate) fn empty_folders(run: &RunView) -> Result<Vec<String>> {
    let files = atomic::files(run.path())?;
    let used: BTreeSet<&Path> = files.iter().flat_map(|path| path.ancestors().skip(1)).collect();
    let folders = atomic::folders(run.path())?.into_iter().filter(|folder| !used.contains(folder.as_path()));
    let name = |folder: &Path| folder.strip_prefix(run.path()).unwrap_or(folder).display().to_string();
    Ok(folders.map(|folder| name(&folder)).collect())
}

/// Compares the folder of a finished run with its `checksums`: a line for each file that is changed, missing or new,
/// and one if the list itself does not fit its last line. Empty means untouched.
pub fn verify_checksums(run: &RunView) -> Result<Vec<String>> {
    let path = run.file(CHECKSUMS);
    let mut bytes = Vec::new();
    let file = atomic::open_plain(&path, File::options().read(true)).map_err(ResultsError::io("open", &path))?;
    file.take(LIST_BYTES).read_to_end(&mut bytes).map_err(ResultsError::io("read", &path))?;
    let stored = String::from_utf8_lossy(&bytes);
    let wanted = text(&digests(run, &BTreeMap::new())?);
    let mut differences = Vec::new();
    let body = stored.lines().next_back().and_then(|last| stored.strip_suffix('\n')?.strip_suffix(last));
    let last = stored.lines().next_back().and_then(|last| last.strip_prefix("# "));
    if body.is_none() || last != body.map(|body| Digest::of(body.as_bytes())).as_ref().map(Digest::as_str) {
        differences.push(format!("{CHECKSUMS}: its last line is not the digest of the lines before"));
    }
    let split = |text: &str| -> BTreeMap<String, String> {
        let pairs = text.lines().filter_map(|line| line.trim_start_matches('\\').split_once("  "));
        pairs.map(|(digest, path)| (path.to_owned(), digest.to_owned())).collect()
    };
    let (listed, found) = (split(&stored), split(&wanted));
    for (path, digest) in &listed {
        match found.get(path) {
            None => differences.push(format!("{path}: missing")),
            Some(now) if now != digest => differences.push(format!("{path}: changed")),
            Some(_) => {}
        }
    }
    differences.extend(found.keys().filter(|path| !listed.contains_key(*path)).map(|path| format!("{path}: new")));
    if differences.is_empty() && bytes != wanted.as_bytes() {
        differences.push(format!("{CHECKSUMS}: not as it is written"));
    }
    Ok(differences)
}
