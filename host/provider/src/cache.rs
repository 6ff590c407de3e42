//! Answers kept for the next time the same is asked: one file an answer, named by what was asked.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arena_model::{Digest, Hasher, Message, Role};
use serde::{Deserialize, Serialize};

/// Largest answer that is kept, bytes of its file.
const ENTRY_LIMIT: u64 = 8 << 20;
/// How far ahead another machine's clock may be.
const SKEW: Duration = Duration::from_secs(300);
/// Written before each entry; another version is a miss.
const VERSION: u32 = 1;

/// Which of a case's calls this is: the same question asked again is not the same call.
#[derive(Debug, Default)]
pub struct Reuse {
    trial: u32,
    seen: Mutex<HashMap<Digest, u32>>,
}

impl Reuse {
    /// The calls of one trial, none made yet.
    pub fn of_trial(trial: u32) -> Self {
        Self { trial, seen: Mutex::default() }
    }

    /// Name of a call: of what is asked, by whom and of whom, in which trial, and how often it was asked before in this case.
    fn name(&self, who: &Digest, place: &str, body: &[u8]) -> Digest {
        let mut asked = Hasher::default();
        asked.field(b"arena-response-v1").field(who.as_str().as_bytes()).field(place.as_bytes()).field(body);
        let asked = asked.finish();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let occurrence = seen.entry(asked.clone()).or_default();
        *occurrence += 1;
        let mut name = Hasher::default();
        name.field(asked.as_str().as_bytes()).field(&self.trial.to_be_bytes()).field(&occurrence.to_be_bytes());
        name.finish()
    }
}

/// What a cache is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheMode {
    /// What is there is taken; what is new is not kept.
    Read,
    /// What is there is taken; what is new is kept.
    Write,
}

/// Limits of a cache.
#[derive(Clone, Copy, Debug)]
pub struct CacheLimits {
    /// Answers older than this are a miss.
    pub ttl: Duration,
    /// Bytes of all answers; past it nothing more is kept.
    pub bytes: u64,
}

impl Default for CacheLimits {
    fn default() -> Self {
        Self { ttl: Duration::from_secs(30 * 86_400), bytes: 2 << 30 }
    }
}

/// A folder of answers. Several processes may use it at once.
pub struct ResponseCache {
    folder: PathBuf,
    mode: CacheMode,
    limits: CacheLimits,
    /// Bytes that may still be kept.
    room: AtomicU64,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl fmt::Debug for ResponseCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseCache").field("folder", &self.folder).field("mode", &self.mode).finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
struct Entry {
    v: u32,
    /// Seconds since 1970.
    stored: u64,
    message: Message,
}

/// What is in a cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheUse {
    /// Answers.
    pub entries: u64,
    /// Bytes of their files.
    pub bytes: u64,
}

impl ResponseCache {
    /// The cache in `folder`, which is made if it is not there.
    pub fn open(folder: &Path, mode: CacheMode, limits: CacheLimits) -> io::Result<Self> {
        private(folder)?;
        let room = match mode {
            CacheMode::Read => 0,
            CacheMode::Write => limits.bytes.saturating_sub(measure(folder)?.bytes),
        };
        let (hits, misses) = (AtomicU64::new(0), AtomicU64::new(0));
        Ok(Self { folder: folder.to_owned(), mode, limits, room: AtomicU64::new(room), hits, misses })
    }

    /// Calls that were answered from here, and those that were not.
    pub fn counts(&self) -> (u64, u64) {
        (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed))
    }

    /// The name under which an answer is kept.
    pub(crate) fn name(&self, reuse: &Reuse, who: &Digest, place: &str, body: &[u8]) -> Digest {
        reuse.name(who, place, body)
    }

    /// The answer of this name; whatever is wrong with it is a miss.
    pub(crate) fn get(&self, name: &Digest) -> Option<Message> {
        let found = self.read(name);
        let count = if found.is_some() { &self.hits } else { &self.misses };
        count.fetch_add(1, Ordering::Relaxed);
        found
    }

    fn read(&self, name: &Digest) -> Option<Message> {
        let path = self.path(name);
        // A pipe would never open.
        fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_file)?;
        let file = File::open(path).ok()?;
        let mut bytes = Vec::new();
        file.take(ENTRY_LIMIT + 1).read_to_end(&mut bytes).ok()?;
        // The digest of the rest stands in the first line.
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let (digest, entry) = (&bytes[..end], &bytes[end + 1..]);
        if Digest::of(entry).as_str().as_bytes() != digest {
            tracing::debug!(%name, "a kept answer is corrupt and counts as none");
            return None;
        }
        let entry: Entry = serde_json::from_slice(entry).ok().filter(|entry: &Entry| entry.v == VERSION)?;
        let stored = UNIX_EPOCH.checked_add(Duration::from_secs(entry.stored))?;
        // Clocks differ a little; what is from far ahead would never grow old.
        let age = match SystemTime::now().duration_since(stored) {
            Ok(age) => age,
            Err(ahead) if ahead.duration() < SKEW => Duration::ZERO,
            Err(_) => return None,
        };
        (age < self.limits.ttl && entry.message.role == Role::Assistant).then_some(entry.message)
    }

    /// Keeps an answer. That it cannot be kept is nobody's error.
    pub(crate) fn put(&self, name: &Digest, message: &Message) {
        if self.mode != CacheMode::Write {
            return;
        }
        let stored = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let Ok(entry) = serde_json::to_vec(&Entry { v: VERSION, stored, message: message.clone() }) else { return };
        let size = entry.len() as u64 + 80;
        let take = |room: u64| room.checked_sub(size);
        if size > ENTRY_LIMIT || self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_err() {
            tracing::debug!(%name, "an answer is not kept: there is no room");
            return;
        }
        if let Err(error) = self.write(name, &entry) {
            tracing::debug!(%name, %error, "an answer is not kept");
        }
    }

    fn write(&self, name: &Digest, entry: &[u8]) -> io::Result<()> {
        let path = self.path(name);
        let folder = path.parent().unwrap_or(&self.folder);
        private(folder)?;
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let draft = folder.join(format!(".{:016x}", u64::from_ne_bytes(random)));
        let created = File::options().write(true).create_new(true).mode(0o600).open(&draft);
        let written = created.and_then(|mut file| {
            writeln!(file, "{}", Digest::of(entry))?;
            file.write_all(entry)
        });
        // Whole or not at all, also for who reads at this moment.
        written.and_then(|()| fs::rename(&draft, &path)).inspect_err(|_| {
            let _ = fs::remove_file(&draft);
        })
    }

    fn path(&self, name: &Digest) -> PathBuf {
        let hex = name.hex();
        self.folder.join(&hex[..2]).join(&hex[2..])
    }
}

/// What is in the cache in `folder`; nothing if there is none.
pub fn measure(folder: &Path) -> io::Result<CacheUse> {
    let mut sum = CacheUse::default();
    walk(folder, &mut |_, size, _| {
        sum = CacheUse { entries: sum.entries + 1, bytes: sum.bytes + size };
        Ok(())
    })?;
    Ok(sum)
}

/// Removes answers that were kept for longer than `older`; gives what was removed.
pub fn prune(folder: &Path, older: Duration) -> io::Result<CacheUse> {
    let mut sum = CacheUse::default();
    let now = SystemTime::now();
    walk(folder, &mut |path, size, changed| {
        if now.duration_since(changed).unwrap_or_default() >= older {
            fs::remove_file(path)?;
            sum = CacheUse { entries: sum.entries + 1, bytes: sum.bytes + size };
        }
        Ok(())
    })?;
    Ok(sum)
}

/// A folder that only its owner may look into.
fn private(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Whether a name is of so many digits of a digest.
fn is_hex(name: &str, length: usize) -> bool {
    name.len() == length && name.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Every file that is ours: answers, and drafts that a killed process left; its path, bytes and time of change. Links are
/// not followed, and what vanishes meanwhile is passed over.
fn walk(folder: &Path, seen: &mut dyn FnMut(&Path, u64, SystemTime) -> io::Result<()>) -> io::Result<()> {
    let entries = |folder: &Path| match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    };
    for group in entries(folder)?.into_iter().flatten() {
        let group = group?;
        let ours = group.file_name().to_str().is_some_and(|name| is_hex(name, 2));
        if !ours || !group.file_type()?.is_dir() {
            continue;
        }
        for file in entries(&group.path())?.into_iter().flatten() {
            let file = file?;
            let name = file.file_name();
            let name = name.to_str().unwrap_or_default();
            let draft = name.strip_prefix('.').is_some_and(|rest| is_hex(rest, 16));
            // This is of the entry itself, not of what a link leads to.
            let Ok(data) = file.metadata() else { continue };
            if !(data.is_file() && (draft || is_hex(name, 62))) {
                continue;
            }
            match seen(&file.path(), data.len(), data.modified()?) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use arena_model::Author;

    use super::*;

    fn said(text: &str) -> Message {
        Message::text(Role::Assistant, Author::Model, text)
    }

    fn open(folder: &Path, limits: CacheLimits) -> ResponseCache {
        ResponseCache::open(folder, CacheMode::Write, limits).unwrap()
    }

    #[test]
    fn a_call_is_named_by_place_question_trial_and_occurrence() {
        let names = |trial: u32| {
            let reuse = Reuse::of_trial(trial);
            [("h", "a"), ("h", "a"), ("h", "b"), ("i", "a")]
                .map(|(place, body)| reuse.name(&Digest::of(b"me"), place, body.as_bytes()))
        };
        let (first, second) = (names(1), names(2));
        assert_eq!(first, names(1));
        let all: std::collections::HashSet<_> = first.iter().chain(&second).collect();
        assert_eq!(all.len(), 8);
    }

    #[test]
    fn what_is_kept_comes_back_and_what_is_spoilt_is_a_miss() {
        let folder = tempfile::tempdir().unwrap();
        let cache = open(folder.path(), CacheLimits::default());
        let name = cache.name(&Reuse::default(), &Digest::of(b"me"), "h", b"q");
        assert_eq!(cache.get(&name), None);
        cache.put(&name, &said("hello"));
        assert_eq!(cache.get(&name), Some(said("hello")));
        let path = cache.path(&name);
        let whole = fs::read(&path).unwrap();
        for spoil in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[spoil] ^= 1;
            fs::write(&path, bytes).unwrap();
            assert_eq!(cache.read(&name), None, "byte {spoil}");
        }
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert_eq!(cache.get(&name), None);
        cache.put(&name, &said("again"));
        assert_eq!((cache.get(&name), cache.counts()), (Some(said("again")), (2, 2)));
    }

    #[test]
    fn another_key_is_another_question() {
        let name = |who: &[u8]| Reuse::default().name(&Digest::of(who), "h", b"q");
        assert_ne!(name(b"me"), name(b"you"));
    }

    #[test]
    fn only_what_is_ours_is_removed_and_only_the_owner_may_look() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let (folder, victim) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let cache = open(&folder.path().join("responses"), CacheLimits::default());
        let name = Digest::of(b"1");
        cache.put(&name, &said("hello"));
        let path = cache.path(&name);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        fs::write(victim.path().join(name.hex().get(2..).unwrap()), "thesis").unwrap();
        symlink(victim.path(), folder.path().join("responses/00")).unwrap();
        fs::write(path.with_file_name("thesis.tex"), "thesis").unwrap();
        assert_eq!(prune(&folder.path().join("responses"), Duration::ZERO).unwrap().entries, 1);
        assert!(path.with_file_name("thesis.tex").exists());
        assert_eq!(fs::read_dir(victim.path()).unwrap().count(), 1);
    }

    #[test]
    fn entries_from_the_future_of_others_or_no_files_are_misses() {
        let folder = tempfile::tempdir().unwrap();
        let cache = open(folder.path(), CacheLimits::default());
        let name = Digest::of(b"1");
        cache.put(&name, &said("hello"));
        let user = Message { role: Role::User, ..said("hello") };
        for (stored, message) in
            [(u64::MAX, said("x")), (u64::MAX / 2, said("x")), (9_999_999_999, said("x")), (0, user)]
        {
            let entry = serde_json::to_vec(&Entry { v: VERSION, stored, message }).unwrap();
            cache.write(&name, &entry).unwrap();
            assert_eq!(cache.get(&name), None, "{stored}");
        }
        fs::remove_file(cache.path(&name)).unwrap();
        let made = std::process::Command::new("mkfifo").arg(cache.path(&name)).status().unwrap();
        assert!(made.success());
        assert_eq!(cache.get(&name), None);
    }

    #[test]
    fn age_room_and_mode_are_kept_to() {
        let folder = tempfile::tempdir().unwrap();
        let old = open(folder.path(), CacheLimits { ttl: Duration::ZERO, ..CacheLimits::default() });
        let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
        old.put(&one, &said("hello"));
        assert_eq!(old.get(&one), None);
        let used = measure(folder.path()).unwrap();
        assert_eq!(used.entries, 1);
        let full = open(folder.path(), CacheLimits { bytes: used.bytes + 10, ..CacheLimits::default() });
        full.put(&two, &said("hello"));
        assert_eq!(full.get(&two), None);
        let reader = ResponseCache::open(folder.path(), CacheMode::Read, CacheLimits::default()).unwrap();
        reader.put(&two, &said("hello"));
        assert_eq!((reader.get(&one), reader.get(&two)), (Some(said("hello")), None));
        assert_eq!(prune(folder.path(), Duration::from_secs(60)).unwrap(), CacheUse::default());
        assert_eq!(prune(folder.path(), Duration::ZERO).unwrap(), used);
        assert_eq!(measure(folder.path()).unwrap(), CacheUse::default());
    }
}
