//! All that can be wrong with a gate.

use arena_model::{Class, Fault};

/// An error of a gate; always wrong input. Each names the gate, what is wrong and what to do.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[allow(missing_docs, reason = "each field is named and shown in the message")]
pub enum GateError {
    /// The text is no gate.
    #[error("gate `{gate}`: {detail}")]
    Invalid { gate: String, detail: String },
    /// No metric has that name.
    #[error("gate `{gate}`: no metric is named `{metric}`; {known}")]
    MetricUnknown { gate: String, metric: String, known: String },
    /// The run has no such scenario, provider, evaluator or label.
    #[error("gate `{gate}`: the run has no {kind} `{name}`; {known}")]
    Unmatched { gate: String, kind: &'static str, name: String, known: String },
    /// There is nothing to judge by.
    #[error("gate `{gate}`: there are no data: {detail}")]
    NoData { gate: String, detail: String },
}

impl GateError {
    /// What is wrong, for where the gate stands beside it.
    pub fn without_gate(&self) -> String {
        let (Self::Invalid { gate, .. }
        | Self::MetricUnknown { gate, .. }
        | Self::Unmatched { gate, .. }
        | Self::NoData { gate, .. }) = self;
        let text = self.to_string();
        text.strip_prefix(&format!("gate `{gate}`: ")).unwrap_or(&text).to_owned()
    }
}

impl Fault for GateError {
    fn reason(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "GateInvalid",
            Self::MetricUnknown { .. } => "GateMetricUnknown",
            Self::Unmatched { .. } => "GateUnmatched",
            Self::NoData { .. } => "GateNoData",
        }
    }

    fn class(&self) -> Class {
        Class::Input
    }
}
