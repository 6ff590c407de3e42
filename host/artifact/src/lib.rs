//! Station 3, artifact: takes bytes under fixed names (artifacts by their digest, a job's results, pins), gives them
//! back over HTTP to whoever holds a token for them. [`Disk`] keeps them in files, created once, atomically and synced;
//! [`serve`] is the one process that touches those; [`StoreClient`] is how all others do. Never overwrites an object,
//! never looks into one but a pin, never knows a cluster or a queue.

mod client;
mod connection;
mod disk;
mod error;
mod job;
mod listing;
mod name;
mod pin;
mod retry;
mod server;
mod sweep;
mod token;
mod upload;

pub use client::{ClientSettings, StoreClient};
pub use disk::Disk;
pub use error::{ClientError, StoreError};
pub use job::JobResults;
pub use listing::{Item, Page};
pub use name::{Folder, Name};
pub use pin::Pin;
pub use server::{Clock, ServerSettings, serve};
pub use sweep::{SweepReport, SweepSettings};
pub use token::{Claims, Key, TokenError};
pub use upload::Upload;

/// What became of a create-only write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// The object is new.
    Created,
    /// It was there, with the same bytes.
    SameExists,
    /// It was there, with other bytes: their digest. Nothing was changed.
    OtherExists(arena_model::Digest),
}

/// Header with the digest of an object: of the body in a request, of what is there in an answer.
const DIGEST_HEADER: &str = "x-arena-digest";

/// Largest archive of a bundle, bytes.
pub const ARCHIVE_BYTES: u64 = 2 << 30;
/// Largest manifest or summary, bytes.
pub const DOCUMENT_BYTES: u64 = 256 << 20;
