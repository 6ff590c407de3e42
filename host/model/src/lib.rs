//! The nouns every station speaks of: digests, conversations, records, the run manifest and the summary.
//! Takes nothing, gives plain serialisable types; never does IO, never waits, never knows a cluster.

mod case;
mod conduct;
mod conversation;
mod digest;
mod fault;
mod look;
mod manifest;
mod metadata;
mod provenance;
mod record;
mod run_spec;
mod scripted;
mod selection;
mod statistics;
mod store;
mod summary;
mod ticket;

pub use case::{CaseId, CaseKey};
pub use conduct::{Compat, Conduct, OnFailedTurn};
pub use conversation::{Author, Content, Conversation, Event, Message, Part, Role, ToolCall, Usage};
pub use digest::{Digest, Hasher, canonical_json};
pub use fault::{Class, Fault};
pub use look::{Look, LookAt};
pub use manifest::{EvaluatorPin, Lineage, Manifest, Origin, PlanPin, Taken, Work};
pub use metadata::{CheckMetadata, ComponentMetadata, METADATA_SECTION};
pub use provenance::Provenance;
pub use record::{CheckRecord, EvaluatorRef, Evidence, HostCall, Measured, MeasuredTurn, Outcome, Record, Scope};
pub use run_spec::{CloudPlatform, ComponentBinding, Endpoint, ProviderBinding, RunSpec};
pub use scripted::{ScriptedCall, ScriptedResults};
pub use selection::Selection;
pub use statistics::{
    AT_K, AtK, CheckProfile, Checks, CostlyCheck, DeadCheck, Estimate, GateResult, Interval, IntervalMethod,
    Percentiles, Repeats, SliceStatistics, SliceTimes, Variation,
};
pub use store::{ResultStore, StoreError, Stored};
pub use summary::{ConcurrencyHistory, Counts, MeasuredSummary, Summary, Tally, ThresholdTally, TrialTally, Trials};
pub use ticket::{DatasetPin, QueueShape, RedisAccess, StoreAccess, Ticket};
