//! Station 4, the controllers' minds: takes what was seen of the four kinds, the queue, the store and the workers, gives
//! what to do next and what to say in the status. Never talks to anything, never runs tenant code, never reads a
//! result but its summary: observe and apply are the caller's.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod conditions;
mod config;
mod job;
mod name;
mod provider;
mod reference;
mod schedule;
mod source;

pub use conditions::{Conditions, Kind};
pub use config::{ConfigObservation, plan_config};
pub use job::{
    Action, FINALIZER, Frozen, JobObservation, JobPlan, Lane, Observed, PodSettings, Reported, plan_job, queue_shape,
    queue_spec, secret, worker_job,
};
pub use name::{child_name, worker_name};
pub use provider::{ProviderObservation, SecretSeen, plan_provider};
pub use reference::{ReferenceError, Resolved, resolve};
pub use schedule::{BACKOFF_MAX, BACKOFF_MIN, backoff, jittered};
pub use source::{Fetch, SourceObservation, SourcePlan, plan_source};
