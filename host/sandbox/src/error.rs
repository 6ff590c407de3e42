//! Errors with stable names: why a component cannot be loaded, and why an evaluation gave no verdict.

use arena_model::{Class, Fault};

/// Why a component cannot be used. Each check of that component is `error` with this; nothing else is touched.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[allow(missing_docs, reason = "the message of each variant says what its fields are")]
pub enum LoadError {
    /// Not Wasm, cut short, or malformed.
    #[error("component `{name}` is not valid WebAssembly: {detail}")]
    InvalidWasm { name: String, detail: String },
    /// A core module.
    #[error("`{name}` is a core module, not a component; build it with `arena evaluator build`")]
    NotAComponent { name: String },
    /// Over the size or count limits that protect the compiler.
    #[error("component `{name}` has {found} {what}; the limit is {limit}")]
    ComponentTooLarge { name: String, what: &'static str, found: u64, limit: u64 },
    /// Needs more at once than an instance can have.
    #[error("component `{name}` is too large to be instantiated: {detail}")]
    InstanceTooLarge { name: String, detail: String },
    /// Exports none of our worlds, or one at another version or with other types.
    #[error("component `{name}` does not fit the contract: {detail}")]
    ContractMismatch { name: String, detail: String },
    /// Imports something that was not granted.
    #[error("component `{name}` imports `{import}`, {hint}")]
    CapabilityDenied { name: String, import: String, hint: String },
    /// The custom section and `describe` disagree, or neither can be read.
    #[error("component `{name}`: its metadata is wrong: {detail}")]
    MetadataInvalid { name: String, detail: String },
    /// The compiler refused it.
    #[error("component `{name}` does not compile: {detail}")]
    CompileFailed { name: String, detail: String },
    /// The compiler ran into its time or memory limit.
    #[error("component `{name}` could not be compiled within {limit}: {detail}")]
    CompileLimit { name: String, limit: String, detail: String },
    /// Somebody ended the compiler, twice: a system out of memory, an impatient operator.
    #[error("the compiler of component `{name}` was killed from outside, twice: {detail}; is there enough memory?")]
    CompilerKilled { name: String, detail: String },
    /// Our own trouble: the child could not be started, the engine refused its configuration.
    #[error("component `{name}`: the sandbox failed: {detail}")]
    SandboxFailed { name: String, detail: String },
}

impl Fault for LoadError {
    fn reason(&self) -> &'static str {
        match self {
            Self::InvalidWasm { .. } => "InvalidWasm",
            Self::NotAComponent { .. } => "NotAComponent",
            Self::ComponentTooLarge { .. } => "ComponentTooLarge",
            Self::InstanceTooLarge { .. } => "InstanceTooLarge",
            Self::ContractMismatch { .. } => "ContractMismatch",
            Self::CapabilityDenied { .. } => "CapabilityDenied",
            Self::MetadataInvalid { .. } => "MetadataInvalid",
            Self::CompileFailed { .. } => "CompileFailed",
            Self::CompileLimit { .. } => "CompileLimit",
            Self::CompilerKilled { .. } => "CompilerKilled",
            Self::SandboxFailed { .. } => "SandboxFailed",
        }
    }

    fn class(&self) -> Class {
        if matches!(self, Self::SandboxFailed { .. } | Self::CompilerKilled { .. }) {
            Class::Infra
        } else {
            Class::Input
        }
    }
}

/// Why an evaluation gave no verdict. Never a pass, negated or not.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[allow(missing_docs, reason = "the message of each variant says what its fields are")]
pub enum GuestError {
    /// Fuel ran out.
    #[error("used all of its {limit} units of fuel")]
    FuelExhausted { limit: u64 },
    /// Wanted more linear memory.
    #[error("wanted {wanted} bytes of memory; the limit is {limit}")]
    MemoryLimit { wanted: u64, limit: u64 },
    /// Wanted larger tables.
    #[error("wanted {wanted} table elements; the limit is {limit}")]
    TableLimit { wanted: u64, limit: u64 },
    /// Wanted more core instances, memories or tables than fit.
    #[error("needs more than {limit} core instances, memories or tables")]
    InstanceLimit { limit: u64 },
    /// Recursed too deep.
    #[error("its call stack overflowed")]
    StackOverflow,
    /// Any other trap: unreachable (a panic), division by zero, out of bounds.
    #[error("trapped: {0}")]
    GuestTrap(String),
    /// A call copied out more than the limit.
    #[error("handed over more than {limit} bytes in one call")]
    ResultLimit { limit: u64 },
    /// An answer outside the contract: NaN, a score outside 0 to 1, bad UTF-8, a pointer out of bounds.
    #[error("gave an invalid answer: {0}")]
    ResultInvalid(String),
    /// Params and messages are larger than the limit.
    #[error("was handed more than {limit} bytes of params and messages")]
    InputLimit { limit: u64 },
    /// Logged too much.
    #[error("logged more than {limit} bytes")]
    LogLimit { limit: u64 },
    /// Called the host too often.
    #[error("called the host more than {limit} times")]
    HostCallLimit { limit: u64 },
    /// Asked the judge too often and gave up over it.
    #[error("asked the judge more than {limit} questions")]
    JudgeCallLimit { limit: u32 },
    /// Asked for embeddings too often and gave up over it.
    #[error("asked for embeddings more than {limit} times")]
    EmbedCallLimit { limit: u32 },
    /// Holds too many handles.
    #[error("holds more than {limit} resource handles")]
    ResourceLimit { limit: u64 },
    /// The guest says its params are wrong.
    #[error("{0}")]
    BadParams(String),
    /// The guest says there is nothing to judge: the check is skipped.
    #[error("{0}")]
    NotApplicable(String),
    /// The guest says something outside failed.
    #[error("{0}")]
    CheckRetryable(String),
    /// The guest gave another error.
    #[error("{0}")]
    CheckFailed(String),
    /// No such check in the component.
    #[error("{0}")]
    CheckUnknown(String),
    /// Guest CPU time ran out before its fuel: a slow or stolen machine.
    #[error("ran for more than {limit} ms of its own time, twice")]
    GuestTimeout { limit: u64 },
    /// Wall time ran out, host calls included.
    #[error("took more than {limit} ms, twice")]
    EvaluationTimeout { limit: u64 },
    /// A judge did not answer, though the host had tried again.
    #[error("{0}")]
    JudgeFailed(String),
    /// Texts did not become vectors, though the host had tried again.
    #[error("{0}")]
    EmbedFailed(String),
    /// Our own trouble.
    #[error("the sandbox failed: {0}")]
    SandboxFailed(String),
}

impl Fault for GuestError {
    fn reason(&self) -> &'static str {
        match self {
            Self::FuelExhausted { .. } => "FuelExhausted",
            Self::MemoryLimit { .. } => "MemoryLimit",
            Self::TableLimit { .. } => "TableLimit",
            Self::InstanceLimit { .. } => "InstanceLimit",
            Self::StackOverflow => "StackOverflow",
            Self::GuestTrap(_) => "GuestTrap",
            Self::ResultLimit { .. } => "ResultLimit",
            Self::ResultInvalid(_) => "ResultInvalid",
            Self::InputLimit { .. } => "InputLimit",
            Self::LogLimit { .. } => "LogLimit",
            Self::HostCallLimit { .. } => "HostCallLimit",
            Self::JudgeCallLimit { .. } => "JudgeCallLimit",
            Self::EmbedCallLimit { .. } => "EmbedCallLimit",
            Self::ResourceLimit { .. } => "ResourceLimit",
            Self::BadParams(_) => "BadParams",
            Self::NotApplicable(_) => "NotApplicable",
            Self::CheckRetryable(_) => "CheckRetryable",
            Self::CheckFailed(_) => "CheckFailed",
            Self::CheckUnknown(_) => "CheckUnknown",
            Self::GuestTimeout { .. } => "GuestTimeout",
            Self::EvaluationTimeout { .. } => "EvaluationTimeout",
            Self::JudgeFailed(_) => "JudgeFailed",
            Self::EmbedFailed(_) => "EmbedFailed",
            Self::SandboxFailed(_) => "SandboxFailed",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::GuestTimeout { .. } | Self::EvaluationTimeout { .. } | Self::SandboxFailed(_) => Class::Infra,
            Self::CheckRetryable(_) | Self::JudgeFailed(_) | Self::EmbedFailed(_) => Class::Retryable,
            _ => Class::Input,
        }
    }
}

impl GuestError {
    /// Whether another attempt in a fresh instance makes sense: time ran out, which says nothing of the guest.
    pub(crate) fn is_time(&self) -> bool {
        matches!(self, Self::GuestTimeout { .. } | Self::EvaluationTimeout { .. })
    }
}
