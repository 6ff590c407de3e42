//! The Kubernetes API of the fleet, group `omnia.altairalabs.ai/v1alpha1`: what users write and where they read how it
//! went. Takes nothing, gives plain types with their schema, defaults, bounds and CEL rules; never talks to a cluster,
//! never decides anything.
//!
//! Doc comments of fields are what `kubectl explain` prints, so they are written for users.

#![allow(clippy::duplicated_attributes, reason = "each printcolumn has a type_")]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod bounds;
mod condition;
mod config;
mod config_status;
mod definition;
mod duration;
mod gate;
mod job;
mod job_status;
mod provider;
mod reference;
mod run_spec;
mod schema;
mod source;

pub use condition::{Condition, ConditionStatus};
pub use config::{
    ArenaConfig, ArenaConfigSpec, CompatWay, ComponentRef, DatasetRef, EgressSettings, EvaluationSettings,
    EvaluatorSpec, FailedTurn, Grant, ProviderEntry, ScenarioFilter,
};
pub use config_status::ArenaConfigStatus;
pub use definition::{definition, definitions};
pub use duration::GoDuration;
pub use gate::{GateMetric, GateOperator, GateSpec, verdict};
pub use job::{ArenaJob, ArenaJobSpec, JobTrigger, JobType};
pub use job_status::{
    ArenaJobStatus, CaseCounts, GateStatus, JobPhase, LatencyStatus, ResultStatus, SourceStatus, WorkerCounts,
};
pub use provider::{
    Capability, Credential, MockSettings, Pricing, Provider, ProviderDefaults, ProviderSpec, ProviderStatus,
    ProviderType, RequestParameter,
};
pub use reference::{NameRef, SecretKeyRef};
pub use run_spec::{endpoint, run_spec};
pub use schema::refusal;
pub use source::{
    ArenaSource, ArenaSourceSpec, ArenaSourceStatus, Artifact, ConfigMapSource, GitReference, GitSource, OciSource,
    SourceContents, SourceType,
};

/// Group of all kinds.
pub const GROUP: &str = "omnia.altairalabs.ai";
/// Version of all kinds.
pub const VERSION: &str = "v1alpha1";
/// Annotation that makes the operator look at an ArenaSource at once, by any new value.
pub const REQUESTED_AT: &str = "reconcile.arena.altairalabs.ai/requestedAt";
