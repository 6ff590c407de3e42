//! Whether a file is still what it was, without reading it.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Times of files are this coarse at worst: what changed within it may change again unseen.
const COARSE: Duration = Duration::from_secs(2);

/// What changes whenever a file does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// Of an open file.
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether an equal stamp later on means that nothing changed: the last change is long enough ago at `now`.
    pub fn is_settled(&self, now: SystemTime) -> bool {
        let seconds = |(seconds, _): (i64, i64)| u64::try_from(seconds).unwrap_or(u64::MAX);
        let last = Duration::from_secs(seconds(self.modified).max(seconds(self.changed)));
        now.duration_since(UNIX_EPOCH).is_ok_and(|now| now.saturating_sub(COARSE) > last)
    }
}
