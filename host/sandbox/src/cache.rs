//! Compiled code on disk. An entry is used only if it carries a keyed hash made with a secret of the user's folder:
//! loading machine code is running it, so a file that somebody else put there is a miss, never a risk.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use arena_model::Digest;

const MAC_BYTES: usize = 32;
/// Largest entry that is read back.
const ENTRY_BYTES: u64 = 512 << 20;

/// A folder of compiled components.
pub(crate) struct Cache {
    folder: PathBuf,
    key: [u8; 32],
}

impl Cache {
    /// Opens the folder, making it and its key if need be.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join("key");
        let key = match read_key(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => make_key(folder, &path)?,
            other => other?,
        };
        Ok(Self { folder: folder.to_owned(), key })
    }

    /// The code of a component for this engine; none if there is no entry or it is not ours.
    pub(crate) fn get(&self, component: &Digest, engine: &str) -> Option<Vec<u8>> {
        let path = self.path(component, engine);
        let mut file = fs::File::open(&path).ok()?;
        if file.metadata().ok()?.len() > ENTRY_BYTES {
            return None;
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).ok()?;
        let code = bytes.len().checked_sub(MAC_BYTES)?;
        let stored: [u8; MAC_BYTES] = bytes.get(code..)?.try_into().ok()?;
        // Comparing blake3 hashes takes constant time.
        if self.mac(component, engine, bytes.get(..code)?) != blake3::Hash::from_bytes(stored) {
            tracing::warn!(path = %path.display(), "cached code is not authentic; compiling again");
            return None;
        }
        bytes.truncate(code);
        Some(bytes)
    }

    /// Stores an entry; other processes see it whole or not at all.
    pub(crate) fn put(&self, component: &Digest, engine: &str, code: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(code)?;
        file.write_all(self.mac(component, engine, code).as_bytes())?;
        file.persist(self.path(component, engine))?;
        Ok(())
    }

    fn path(&self, component: &Digest, engine: &str) -> PathBuf {
        self.folder.join(format!("{}-{engine}.cwasm", component.hex()))
    }

    fn mac(&self, component: &Digest, engine: &str, code: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        for field in [component.as_str().as_bytes(), engine.as_bytes(), code] {
            hasher.update(&(field.len() as u64).to_le_bytes());
            hasher.update(field);
        }
        hasher.finalize()
    }
}

fn read_key(path: &Path) -> io::Result<[u8; 32]> {
    let bytes = fs::read(path)?;
    bytes.try_into().map_err(|_| {
        let text = format!("{} is not a key of 32 bytes; delete it and its folder", path.display());
        io::Error::new(io::ErrorKind::InvalidData, text)
    })
}

/// Makes the key. Of two processes that do so at once, the first to link it wins and both use that one.
fn make_key(folder: &Path, path: &Path) -> io::Result<[u8; 32]> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let own = folder.join(format!("key.{:016x}", u64::from_le_bytes(random)));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&own)?;
    file.write_all(&key)?;
    file.sync_all()?;
    let linked = fs::hard_link(&own, path);
    fs::remove_file(&own)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => read_key(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_entries_are_used() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        let (one, two) = (Digest::of(b"one"), Digest::of(b"two"));
        cache.put(&one, "engine", b"code").unwrap();
        assert_eq!(cache.get(&one, "engine").as_deref(), Some(&b"code"[..]));
        assert_eq!(cache.get(&one, "other engine"), None);

        // An entry under another component's name, a changed byte, a cut file, another user's key.
        fs::copy(cache.path(&one, "engine"), cache.path(&two, "engine")).unwrap();
        assert_eq!(cache.get(&two, "engine"), None);
        let entry = fs::read(cache.path(&one, "engine")).unwrap();
        for at in 0..entry.len() {
            let mut forged = entry.clone();
            forged[at] ^= 1;
            fs::write(cache.path(&one, "engine"), &forged).unwrap();
            assert_eq!(cache.get(&one, "engine"), None, "byte {at}");
            fs::write(cache.path(&one, "engine"), &entry[..at]).unwrap();
            assert_eq!(cache.get(&one, "engine"), None, "cut at {at}");
        }
        fs::write(cache.path(&one, "engine"), &entry).unwrap();
        fs::write(folder.path().join("key"), [7; 32]).unwrap();
        assert_eq!(Cache::open(folder.path()).unwrap().get(&one, "engine"), None);
    }

    #[test]
    fn a_second_process_uses_the_same_key() {
        let folder = tempfile::tempdir().unwrap();
        let first = Cache::open(folder.path()).unwrap();
        assert_eq!(first.key, Cache::open(folder.path()).unwrap().key);
        assert_eq!(make_key(folder.path(), &folder.path().join("key")).unwrap(), first.key);
    }
}
