//! Indexed tables in the user's cache folder: each is read once.

use std::fs::File;
use std::io::{IsTerminal as _, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use arena_bundle::Bundle;
use arena_dataset::{IndexChild, Options, Selection, Stamp, Table, Wanted};
use arena_model::{Digest, Hasher};
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};

use super::limits;
use crate::exit::{Failure, OrFail};
use crate::settings::{INDEX_CHILD, cache_folder};

/// Folders of the cache that are no table.
const STAMPS: &str = "stamps";
const BUILDING: &str = ".building-";
/// Most room that kept tables take, bytes: the oldest go first.
const ROOM: u64 = 64 << 30;
/// Kept rows up to this size are looked through before they are trusted, bytes packed.
const LOOKED_THROUGH: u64 = 256 << 20;
/// Tables under this size are indexed without a bar.
const SHOWN: u64 = 32 << 20;

/// A table, and where it is kept if it is.
#[derive(Clone)]
pub(super) struct Kept {
    pub table: Arc<Table>,
    pub folder: Option<PathBuf>,
}

/// What is remembered of a file that was digested.
#[derive(Serialize, Deserialize)]
struct Known {
    stamp: Stamp,
    digest: Digest,
}

/// The folder of all of them.
pub fn folder() -> Result<PathBuf, Failure> {
    Ok(cache_folder()?.join("datasets"))
}

impl Kept {
    /// Selects rows. What takes a look at all of them is kept beside them.
    pub fn select(&self, wanted: &Wanted) -> Result<Selection, Failure> {
        let Some(folder) = self.folder.as_ref().filter(|_| wanted.reads_table()) else {
            return Selection::of(&self.table, wanted, &limits()).or_fail();
        };
        let name = Digest::of_json(wanted).map_err(|error| Failure::machinery("EncodeFailed", error.to_string()))?;
        let path = folder.join(format!("select-{}", name.hex()));
        let known = std::fs::read(&path).ok();
        // The digest in front tells what was damaged.
        let whole = known.as_deref().and_then(|bytes| bytes.split_first_chunk::<64>());
        if let Some((digest, bytes)) = whole
            && *digest == *Digest::of(bytes).hex().as_bytes()
            && let Some(found) = Selection::of_bytes(bytes, &self.table)
        {
            return Ok(found);
        }
        let selection = Selection::of(&self.table, wanted, &limits()).or_fail()?;
        let bytes = selection.to_bytes();
        if !bytes.is_empty() {
            // The next run looks once more if it cannot be kept.
            let _ = tempfile::NamedTempFile::new_in(folder).and_then(|mut file| {
                std::io::Write::write_all(&mut file, Digest::of(&bytes).hex().as_bytes())?;
                std::io::Write::write_all(&mut file, &bytes)?;
                file.persist(&path).map_err(|error| error.error)
            });
        }
        Ok(selection)
    }
}

/// The table at `path` in the bundle.
pub(super) fn of_bundle(bundle: &Bundle, path: &str, options: &Options) -> Result<Kept, Failure> {
    let problem = |problem: arena_bundle::Problem| Failure::input(problem.reason, problem.to_string());
    let known = bundle.file(path).map_err(problem)?;
    kept(path, &known.digest, options, || {
        let mut file = bundle.open(path).map_err(problem)?;
        let before = stamp(path, &file)?;
        if digest(path, &mut file)? != known.digest {
            return Err(changed(path));
        }
        Ok((file, before))
    })
}

/// The table in a file of the user's.
pub(super) fn of_file(path: &Path, options: &Options) -> Result<Kept, Failure> {
    let shown = path.display().to_string();
    let unreadable = |error: std::io::Error| Failure::input("DatasetUnreadable", format!("{shown}: {error}"));
    // A pipe would block when opened.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(Failure::input("DatasetUnreadable", format!("{shown}: this is not a regular file")));
    }
    let mut file = File::open(path).map_err(unreadable)?;
    let before = stamp(&shown, &file)?;
    let remembered = remembered(path)?;
    let found = std::fs::read(&remembered).ok().and_then(|bytes| serde_json::from_slice::<Known>(&bytes).ok());
    let digest = match found {
        Some(known) if known.stamp == before => known.digest,
        _ => {
            let now = SystemTime::now();
            let digest = digest(&shown, &mut file)?;
            if stamp(&shown, &file)? != before {
                return Err(changed(&shown));
            }
            if before.is_settled(now) {
                remember(&remembered, &Known { stamp: before.clone(), digest: digest.clone() });
            }
            digest
        }
    };
    // Where it lies must not tell records apart: a fleet has the same table elsewhere.
    let name = path.file_name().map_or(shown.as_str().into(), std::ffi::OsStr::to_string_lossy);
    kept(&name, &digest, options, || Ok((file, before)))
}

fn changed(table: &str) -> Failure {
    let text = format!("{table}: the table changed while it was read");
    Failure::input("DatasetChanged", text).hint("run again")
}

/// Where it is remembered which bytes the file at `path` has.
fn remembered(path: &Path) -> Result<PathBuf, Failure> {
    let whole = std::path::absolute(path)
        .map_err(|error| Failure::machinery("FolderUnknown", format!("{}: {error}", path.display())))?;
    let name = Digest::of(whole.as_os_str().as_encoded_bytes());
    Ok(folder()?.join(STAMPS).join(format!("{}.json", name.hex())))
}

fn remember(at: &Path, known: &Known) {
    let write = || {
        let folder = at.parent().unwrap_or(at);
        std::fs::create_dir_all(folder)?;
        let file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&file, known)?;
        file.persist(at).map(drop).map_err(|error| error.error)
    };
    // The next run digests it once more.
    let _: std::io::Result<()> = write();
}

fn stamp(table: &str, file: &File) -> Result<Stamp, Failure> {
    let failed = |error: std::io::Error| Failure::machinery("DatasetIo", format!("{table}: {error}"));
    Ok(Stamp::of(&file.metadata().map_err(failed)?))
}

/// Digest of all bytes; the file is at its start again afterwards.
fn digest(table: &str, file: &mut File) -> Result<Digest, Failure> {
    let failed = |error: std::io::Error| Failure::machinery("DatasetIo", format!("{table}: {error}"));
    let (mut hasher, mut buffer) = (Hasher::default(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => break,
            read => hasher.update(&buffer[..read]),
        }
    }
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    Ok(hasher.finish())
}

/// The kept table of these bytes; made from what `open` gives if it is not there.
fn kept(
    table: &str,
    digest: &Digest,
    options: &Options,
    open: impl FnOnce() -> Result<(File, Stamp), Failure>,
) -> Result<Kept, Failure> {
    let mut key = Hasher::default();
    // The name tells the format.
    let extension = table.split_once('.').map_or("", |(_, extension)| extension);
    key.field(b"arena table 1").field(digest.as_str().as_bytes()).field(extension.as_bytes());
    key.field(options.id.as_deref().unwrap_or_default().as_bytes());
    let (all, key) = (folder()?, key.finish());
    let path = all.join(key.hex());
    let found = |path: &Path| Table::open(path).map(|opened| opened.named(table));
    // Whatever is wrong with what is kept, it can be made again.
    if let Some(opened) = found(&path).ok().filter(|opened| opened.is_intact(LOOKED_THROUGH)) {
        // Used now: what is not goes first.
        let _ = File::open(path.join(arena_dataset::INDEX)).and_then(|file| file.set_modified(SystemTime::now()));
        return Ok(Kept { table: Arc::new(opened), folder: Some(path) });
    }
    let failed = |error: std::io::Error| Failure::machinery("DatasetIo", format!("{}: {error}", all.display()));
    std::fs::create_dir_all(&all).map_err(failed)?;
    let building = tempfile::Builder::new().prefix(BUILDING).tempdir_in(&all).map_err(failed)?;
    let (file, before) = open()?;
    let again = file.try_clone().map_err(failed)?;
    let bar = bar(table, &file);
    let progress = &mut |read| bar.set_position(read);
    let child = IndexChild { program: "/proc/self/exe".into(), arguments: vec![INDEX_CHILD.to_owned()] };
    let built = child.build(table, file, options, &limits(), building.path(), progress);
    bar.finish_and_clear();
    built.or_fail()?;
    // What was read must be what was digested.
    if stamp(table, &again)? != before {
        return Err(changed(table));
    }
    let _ = std::fs::remove_dir_all(&path);
    let building = building.keep();
    if std::fs::rename(&building, &path).is_err() {
        // Another process was faster.
        let _ = std::fs::remove_dir_all(&building);
    }
    let _ = prune(|_, room| room > ROOM);
    Ok(Kept { table: Arc::new(found(&path).or_fail()?), folder: Some(path) })
}

fn bar(table: &str, file: &File) -> ProgressBar {
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    if size < SHOWN || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(size);
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar:.cyan/blue} {bytes}/{total_bytes}  eta {eta}") {
        bar.set_style(style);
    }
    bar.with_message(format!("indexing {}", crate::terminal::line(table)))
}

/// How many tables are kept, and their bytes.
pub fn room() -> Result<(usize, u64), Failure> {
    let mut all = list()?;
    // What is being made, or was left by a process that was killed, is none yet.
    let unfinished = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(BUILDING));
    all.retain(|(_, path, _)| !unfinished(path));
    Ok((all.len(), all.iter().map(|(_, _, size)| size).sum()))
}

/// Removes the tables that `goes` says, the one not used for longest first: it is given when one was last used and the room
/// that all that are left take. Gives how many went, and their bytes.
pub fn prune(goes: impl Fn(SystemTime, u64) -> bool) -> Result<(usize, u64), Failure> {
    let mut all = list()?;
    all.sort();
    let mut left: u64 = all.iter().map(|(_, _, size)| size).sum();
    let (mut count, mut bytes) = (0, 0);
    for (used, path, size) in all {
        if goes(used, left) && std::fs::remove_dir_all(&path).is_ok() {
            (count, bytes, left) = (count + 1, bytes + size, left - size);
        }
    }
    Ok((count, bytes))
}

/// When each was last used, where it is and how large it is. What a killed process left unfinished is among them.
fn list() -> Result<Vec<(SystemTime, PathBuf, u64)>, Failure> {
    let folder = folder()?;
    let failed = |error: std::io::Error| Failure::machinery("CacheFailed", format!("{}: {error}", folder.display()));
    let entries = match std::fs::read_dir(&folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut all = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.ends_with(STAMPS) {
            continue;
        }
        let files = std::fs::read_dir(&path).into_iter().flatten().flatten().filter_map(|file| file.metadata().ok());
        let files: Vec<_> = files.collect();
        let used = files.iter().filter_map(|file| file.modified().ok()).max().unwrap_or(SystemTime::UNIX_EPOCH);
        all.push((used, path, files.iter().map(|file| file.len()).sum()));
    }
    Ok(all)
}
