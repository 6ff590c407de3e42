//! Limits of a provider that may be shared by many processes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::settings::Limits;

/// Keeps to the limits of one provider. One instance a provider; who shares the limits shares what stands behind it.
#[async_trait]
pub trait Permits: fmt::Debug + Send + Sync {
    /// Asks for a place for one request.
    async fn ask(&self, ask: Ask) -> Result<Admission, PermitsError>;

    /// The request is over. It was thought to take `asked` tokens and took `used`.
    async fn give_back(&self, admission: Admission, asked: u64, used: u64);
}

/// Gives what keeps the limits of a provider.
pub trait PermitSource: fmt::Debug + Send + Sync {
    /// Of the provider with this id.
    fn permits(&self, id: &str, limits: Limits) -> Arc<dyn Permits>;
}

/// A request that wants a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Tokens it is thought to take, in and out.
    pub tokens: u64,
    /// Longest it can wait.
    pub within: Duration,
    /// When its place among those at once is free again, if nobody gives it back.
    pub hold: Duration,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may go after this wait.
    At {
        /// From now.
        wait: Duration,
        /// What stands for its place among those at once; empty if their number has no limit.
        permit: String,
    },
    /// As many as may are under way.
    Busy {
        /// When it makes sense to ask again.
        again: Duration,
    },
    /// Its turn comes later than it can wait. Nothing was taken.
    Never,
}

/// What keeps the limits cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PermitsError(pub String);
