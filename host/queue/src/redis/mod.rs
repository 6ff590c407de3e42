//! The queue in Redis: one Lua script per call of the contract, so that each is one atomic step, under Redis' own
//! clock. Everything of a job lies under `arena:{<job>}:`
//!
//! | Key | What |
//! |---|---|
//! | `meta` | schema, run id of the server, spec, budget, end |
//! | `workers` | per worker its newest batch, last heartbeat, whether it is gone |
//! | `losers`, `charges` | per batch its losers; per lost lease what it may have cost |
//! | `lane:<n>` | limits, cursor and counters of a lane |
//! | `done:<n>` | its done bits, as long as the last one set |
//! | `leases:<n>`, `due:<n>`, `retries:<n>` | its leases; its retries by due time, and their history |
//! | `held:<w>` | the leases of a worker |
//! | `told` | after a rebuild: the workers that have said since what they hold |
//!
//! That is O(in flight + workers) plus N bits. Redis must not evict keys (`maxmemory-policy noeviction`).

mod calls;
mod link;
mod options;
mod permits;
mod rebuild;
mod reply;
mod script;
mod user;
mod wire;

use std::sync::Mutex;

use redis::Script;

use crate::{JobId, OsTokens, QueueError, TokenSource, WorkerId};
use link::{Again, Links, Request};
use reply::Reply;
use script::{Arguments, Clock, Scripts};

pub use options::RedisOptions;
pub use permits::{Permit, PermitLimits, RedisPermits};

type Result<T> = std::result::Result<T, QueueError>;

/// The contract in Redis, over one connection at a time.
///
/// A call that errs with [`QueueError::Rebuild`] found the state of another life of the server, or none: see
/// [`crate::Queue::rebuild`]. One that errs with [`QueueError::Unreachable`] may have been carried out. Every call but
/// `claim` was tried again before that; after `claim` the worker may hold leases it does not know of, which
/// [`crate::Queue::reassert`] gives back.
pub struct RedisQueue {
    links: Links,
    scripts: Scripts,
    tokens: Mutex<Box<dyn TokenSource>>,
}

impl RedisQueue {
    /// A queue over the Redis at `options`. The first call connects.
    ///
    /// # Errors
    /// [`QueueError::AddressInvalid`] for a URL that is none.
    pub fn new(options: RedisOptions) -> Result<Self> {
        Self::build(options, Clock::Server)
    }

    /// A queue whose scripts take the time from a clock of the test's choice.
    ///
    /// # Errors
    /// As [`RedisQueue::new`].
    #[cfg(feature = "contract")]
    pub fn with_clock(options: RedisOptions, clock: std::sync::Arc<dyn crate::Clock>) -> Result<Self> {
        Self::build(options, Clock::Manual(clock))
    }

    fn build(options: RedisOptions, clock: Clock) -> Result<Self> {
        let tokens: Box<dyn TokenSource> = Box::<OsTokens>::default();
        Ok(Self { links: Links::new(options)?, scripts: Scripts::new(clock), tokens: Mutex::new(tokens) })
    }

    /// Runs a script that may run twice.
    async fn run(&self, script: &Script, job: &JobId, worker: Option<WorkerId>, arguments: Arguments) -> Result<Reply> {
        self.run_again(Again::Yes, script, job, worker, arguments).await
    }

    async fn run_again(
        &self,
        again: Again,
        script: &Script,
        job: &JobId,
        worker: Option<WorkerId>,
        arguments: Arguments,
    ) -> Result<Reply> {
        let request = Request::Script { scripts: &self.scripts, script, job, arguments: &arguments };
        let value = self.links.send(again, &request).await?;
        let mut reply = Reply::new(value)?;
        reply.refusal(job, worker)?;
        Ok(reply)
    }
}

/// Text of a worker id or a number as an argument.
fn argument(value: impl ToString) -> Vec<u8> {
    value.to_string().into()
}
