//! The controller of ArenaJob.

mod child;
mod end;
mod network;
mod observe;
mod plan;
mod pod;
mod progress;
mod queue;

pub(crate) use child::PARENT;
pub use network::PodNetwork;
pub use observe::{Frozen, JobObservation, Lane, Observed, Reported};
pub use plan::{Action, FINALIZER, JobPlan, plan_job};
pub use pod::{PodSettings, secret, worker_job};
pub use queue::{queue_shape, queue_spec};
