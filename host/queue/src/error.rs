//! What makes a call fail, as opposed to what it answers.

use arena_model::{Class, Fault};

use crate::{CaseAt, JobId, WorkerId};

/// A call that could not be carried out and changed nothing. Answers a worker has to live with (sealed, gone, behind)
/// are not errors but variants of the answers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say what the fields are")]
pub enum QueueError {
    #[error("{what} id `{value}` is not valid; it must be {want}")]
    IdInvalid { what: &'static str, value: String, want: &'static str },
    #[error("job {job} is not in the queue; create it first")]
    JobUnknown { job: JobId },
    #[error("job {job} is in the queue already with other lanes or limits; remove it or use another id")]
    JobDiffers { job: JobId },
    #[error("the queue holds {limit} jobs, its limit; remove a finished one")]
    TooManyJobs { limit: usize },
    #[error("job spec: {field} is {value}; it must be {want}")]
    SpecInvalid { field: String, value: String, want: String },
    #[error("job spec: lane {lane} has no price, so the budget of {budget} micro-USD cannot be kept; set its price")]
    PriceUnknown { lane: usize, budget: u64 },
    #[error("worker {worker} is not registered with job {job}; register it first")]
    WorkerUnknown { job: JobId, worker: WorkerId },
    #[error("job {job} has had {limit} worker processes, its limit; find out why workers restart or raise the limit")]
    TooManyWorkers { job: JobId, limit: u32 },
    #[error("lane {lane} does not exist; the job has {lanes}")]
    LaneUnknown { lane: u32, lanes: usize },
    #[error("case {} of lane {} does not exist; the lane has {length}", .at.j, .at.lane)]
    CaseUnknown { at: CaseAt, length: u64 },
    #[error("a claim asks for {k} cases; it must ask for 1 to {limit}")]
    ClaimInvalid { k: usize, limit: usize },
    #[error("batch {seq} of worker {worker} is not valid: {why}")]
    BatchInvalid { worker: WorkerId, seq: u64, why: String },
    #[error("job {job} would have over {limit} records of cases that were done already; its workers repeat work")]
    TooManyLosers { job: JobId, limit: u32 },
    #[error("the system gives no random bytes: {why}")]
    RandomUnavailable { why: String },
    #[error(
        "the queue's state of job {job} is gone or of another life of the server; rebuild it from the job's manifest"
    )]
    Rebuild { job: JobId },
    #[error("{claims} claims are re-asserted; at most {limit} are allowed")]
    ReassertInvalid { claims: usize, limit: usize },
    #[error(
        "the state of job {job} has schema {found}, which this version does not know; use the version that made it"
    )]
    SchemaUnknown { job: JobId, found: String },
    #[error("the address of Redis is not valid: {why}; it must be redis://, rediss:// or redis+unix://")]
    AddressInvalid { why: String },
    #[error("Redis cannot hold the queue: {why}")]
    ServerUnfit { why: String },
    #[error("Redis cannot be reached, tried {attempts} times: {why}; look at the server and the network")]
    Unreachable { attempts: u32, why: String },
    #[error("Redis refuses the user: {why}; look at the user's password and rights")]
    Refused { why: String },
    #[error("Redis cannot carry out a call: {why}")]
    ServerFailed { why: String },
    #[error("the queue's state was left half changed by a crash; end this process and resume the run")]
    Broken,
}

impl Fault for QueueError {
    fn reason(&self) -> &'static str {
        match self {
            Self::IdInvalid { .. } => "QueueIdInvalid",
            Self::JobUnknown { .. } => "QueueJobUnknown",
            Self::JobDiffers { .. } => "QueueJobDiffers",
            Self::TooManyJobs { .. } => "QueueTooManyJobs",
            Self::SpecInvalid { .. } => "QueueSpecInvalid",
            Self::PriceUnknown { .. } => "PriceUnknown",
            Self::WorkerUnknown { .. } => "QueueWorkerUnknown",
            Self::TooManyWorkers { .. } => "QueueTooManyWorkers",
            Self::LaneUnknown { .. } => "QueueLaneUnknown",
            Self::CaseUnknown { .. } => "QueueCaseUnknown",
            Self::ClaimInvalid { .. } => "QueueClaimInvalid",
            Self::BatchInvalid { .. } => "QueueBatchInvalid",
            Self::TooManyLosers { .. } => "QueueTooManyLosers",
            Self::RandomUnavailable { .. } => "RandomUnavailable",
            Self::Rebuild { .. } => "QueueRebuild",
            Self::ReassertInvalid { .. } => "QueueReassertInvalid",
            Self::SchemaUnknown { .. } => "QueueSchemaUnknown",
            Self::AddressInvalid { .. } => "QueueAddressInvalid",
            Self::ServerUnfit { .. } => "QueueServerUnfit",
            Self::Unreachable { .. } => "QueueUnreachable",
            Self::Refused { .. } => "QueueRefused",
            Self::ServerFailed { .. } => "QueueServerFailed",
            Self::Broken => "QueueBroken",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::SpecInvalid { .. }
            | Self::PriceUnknown { .. }
            | Self::IdInvalid { .. }
            | Self::AddressInvalid { .. } => Class::Input,
            Self::Unreachable { .. } => Class::Retryable,
            _ => Class::Infra,
        }
    }
}
