//! Why a plan could not be made.

use arena_model::{Class, Fault};

/// Why a plan could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// There is nothing to run.
    #[error("{what}")]
    NothingSelected {
        /// What is missing, and what to do.
        what: String,
    },
    /// The matrix is over the cap.
    #[error(
        "the plan has {cases} cases, {over} more than the cap of {cap}; \
         drop trials, rows, variants or providers, or split the bundle"
    )]
    PlanTooLarge {
        /// Cases in the matrix (the largest number if it does not fit).
        cases: u128,
        /// The cap.
        cap: u64,
        /// `cases - cap`.
        over: u128,
    },
    /// A scenario names a provider that does not exist.
    #[error("scenario `{scenario}`: provider `{provider}` does not exist{}", did_you_mean(.meant.as_deref()))]
    ProviderUnknown {
        /// Scenario id.
        scenario: String,
        /// The name that was not found.
        provider: String,
        /// The closest name that exists.
        meant: Option<String>,
    },
    /// A dimension has no value, so the whole product would be empty.
    #[error("{of}: {dimension} is 0; it must be at least 1")]
    DimensionEmpty {
        /// ``scenario `x` `` or `plan`.
        of: String,
        /// trials, rows, variants, providers or regions.
        dimension: &'static str,
    },
    /// Two entries with one name would give two cases with one key.
    #[error("{of}: {what} `{value}` stands there twice; remove one")]
    Duplicate {
        /// ``scenario `x` `` or `plan`.
        of: String,
        /// scenario, provider or region.
        what: &'static str,
        /// The name.
        value: String,
    },
    /// A scenario's provider index points past the list of providers.
    #[error("scenario `{scenario}`: provider index {index} is out of range, the plan has {providers} providers")]
    ProviderIndexInvalid {
        /// Scenario id.
        scenario: String,
        /// The index.
        index: u32,
        /// Length of the list.
        providers: usize,
    },
    /// An error of one of the bundle's documents.
    #[error("{file}: {error}")]
    OfFile {
        /// The document.
        file: String,
        /// What is wrong.
        error: Box<PlanError>,
    },
    /// A filter of scenarios is no glob.
    #[error("`{pattern}` is no glob: {detail}; `*`, `?`, `[a-z]` and `{{a,b}}` have a meaning")]
    GlobInvalid {
        /// As given.
        pattern: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A component named outside the bundle's documents is not among its files.
    #[error("component `{component}` is not in the bundle{}", did_you_mean(.meant.as_deref()))]
    ComponentMissing {
        /// Path that was asked for.
        component: String,
        /// The closest path that exists.
        meant: Option<String>,
    },
    /// Bindings took the place of a judge's provider.
    #[error("judge `{judge}`: its provider `{provider}` is replaced by the bound ones; bind one named `{provider}`")]
    JudgeUnmapped {
        /// Name of the judge.
        judge: String,
        /// Provider id.
        provider: String,
    },
    /// Providers of the bundle would call somebody under addresses and keys that the config does not give.
    #[error(
        "the bundle's providers {ids:?} would call a server; bind each to a Provider: an entry of that name in \
         spec.providers of the ArenaConfig"
    )]
    ProvidersUnbound {
        /// Provider ids.
        ids: Vec<String>,
    },
}

fn did_you_mean(meant: Option<&str>) -> String {
    meant.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

impl Fault for PlanError {
    fn reason(&self) -> &'static str {
        match self {
            Self::NothingSelected { .. } => "NothingSelected",
            Self::PlanTooLarge { .. } => "PlanTooLarge",
            Self::ProviderUnknown { .. } => "ProviderUnknown",
            Self::DimensionEmpty { .. } => "PlanDimensionEmpty",
            Self::Duplicate { .. } => "PlanDuplicate",
            Self::ProviderIndexInvalid { .. } => "PlanProviderIndexInvalid",
            Self::OfFile { error, .. } => error.reason(),
            Self::GlobInvalid { .. } => "GlobInvalid",
            Self::ComponentMissing { .. } => "EvaluatorMissing",
            Self::JudgeUnmapped { .. } | Self::ProvidersUnbound { .. } => "ProviderUnmapped",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::ProviderIndexInvalid { .. } => Class::Infra,
            Self::OfFile { error, .. } => error.class(),
            _ => Class::Input,
        }
    }
}
