//! Answers of a queue whose state was lost or went back in time.

use crate::CaseAt;

/// Most claims a worker may re-assert.
pub const MAX_REASSERT: usize = 4096;

/// Of `rebuild`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rebuilt {
    /// Nothing was left; the job starts from its spec, without workers and with no case done but the restored ones.
    Empty,
    /// An earlier state of the job was left and counts; newer batches are missing.
    Kept,
    /// The job belongs to this life of the server, maybe by another's rebuild; nothing was changed.
    Current,
}

/// Of `reassert`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reassert {
    /// The worker is registered and holds the cases it named, and no others.
    Held {
        /// But for these, which are done or another's; drop them.
        lost: Vec<CaseAt>,
    },
    /// The job takes no more results; nothing was changed.
    Sealed,
    /// The worker's leases were taken from it; it must go on under a new id.
    Gone,
}
