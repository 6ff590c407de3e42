//! Station 6, the queue. Takes the lanes of a plan (a length and limits each) and gives cases out under leases, takes
//! their outcomes back batch by batch, and counts: a state machine, not a list of messages. Never knows what a case
//! is, never stores a record, never calls a provider; its whole state is cursors, leases, retries and done bits.

mod answer;
mod batch;
mod clock;
#[cfg(feature = "contract")]
pub mod contract;
mod error;
mod ids;
mod memory;
mod queue;
mod rebuild;
#[cfg(feature = "redis")]
mod redis;
mod restored;
mod snapshot;
mod spec;
mod token;

pub use answer::{
    Claim, Claimed, Commit, Created, Exhausted, Failed, Failure, FailureClass, Finalize, Finish, Heartbeat, Idle,
    Reclaim, Register, Released, Seal, Settled,
};
pub(crate) use batch::check_batch;
#[cfg(feature = "contract")]
pub use clock::ManualClock;
pub use clock::{Clock, SystemClock, Timestamp};
pub use error::QueueError;
pub use ids::{CaseAt, JobId, Token, WorkerId};
pub use memory::{MAX_JOBS, MemoryQueue};
pub use queue::Queue;
pub use rebuild::{MAX_REASSERT, Reassert, Rebuilt};
#[cfg(feature = "redis")]
pub use redis::{Permit, PermitLimits, RedisOptions, RedisPermits, RedisQueue};
pub use restored::Restored;
pub use snapshot::{LaneCounts, OutcomeCounts, Phase, SealedJob, SealedWorker, Snapshot, WorkerView};
pub use spec::{
    DEFAULT_MAX_LOSERS, DEFAULT_MAX_WORKERS, DEFAULT_RETRY_BACKLOG, JobSpec, LaneSpec, MAX_BATCH, MAX_CASES, MAX_CLAIM,
    MAX_FINALIZE_LEASES, MAX_LANES, MAX_USD_MICRO, RetryPolicy,
};
pub use token::{OsTokens, TokenSource};
