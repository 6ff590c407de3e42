//! Station 4, the operator: takes the four kinds of the API as users write them, gives status, frozen runs, queue jobs
//! and worker pods. Each controller looks, plans without IO, acts, and looks again; [`run`] is the process. Never runs
//! tenant code, never names the sandbox (what only an engine can say comes from a [`Freezer`]), never reads a result but
//! its summary.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod conditions;
mod config;
mod context;
mod control;
mod error;
mod health;
mod job;
mod lease;
mod name;
mod operator;
mod provider;
mod record;
mod reference;
mod schedule;
mod settings;
mod source;
mod status;

pub use conditions::{Conditions, Kind};
pub use config::{ConfigObservation, plan_config};
pub use error::OperatorError;
pub use job::{
    Action, FINALIZER, Frozen, JobObservation, JobPlan, Lane, Observed, PodNetwork, PodSettings, Reported, plan_job,
    queue_shape, queue_spec, secret, worker_job,
};
pub use name::{child_name, worker_name};
pub use operator::run;
pub use provider::{ProviderObservation, SecretSeen, plan_provider};
pub use reference::{ReferenceError, Resolved, resolve};
pub use schedule::{BACKOFF_MAX, BACKOFF_MIN, backoff, jittered};
pub use settings::{Freezer, FrozenTable, FrozenWork, Settings};
pub use source::{Fetch, SourceObservation, SourcePlan, plan_source};
