//! What gates look at.

use std::fmt;

/// Of what a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// From 0 to 1; written so or in percent.
    Share,
    /// A number of cases or tokens.
    Count,
    /// Milliseconds; written with ms, s or m.
    Time,
    /// US dollars.
    Money,
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Share of passed among the cases with a verdict.
    PassRate(End),
    /// Mean score.
    MeanScore(End),
    /// Share of tests of which some trials passed and some did not.
    FlakeRate(End),
    /// Share of errors among the cases with a verdict.
    ErrorRate,
    /// Cases that failed.
    Failed,
    /// Cases that ended in an error.
    Errors,
    /// Cases that were skipped.
    Skipped,
    /// Tokens in and out.
    Tokens,
    /// Tokens in.
    InputTokens,
    /// Tokens out.
    OutputTokens,
    /// US dollars.
    Cost,
    /// Chance that at least one of so many trials passes.
    PassAny(u32),
    /// Chance that all of so many trials pass.
    PassAll(u32),
    /// Time of a case: the name of its percentile.
    Latency(&'static str),
    /// Time to the first token: the name of its percentile.
    FirstToken(&'static str),
}

/// Which end of an interval, or the value itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The value.
    Value,
    /// Its interval's lower end.
    Low,
    /// Its interval's upper end.
    High,
}

/// Names of metrics with what they mean, for messages and documentation.
const NAMES: [(&str, Metric); 24] = [
    ("pass_rate", Metric::PassRate(End::Value)),
    ("pass_rate.low", Metric::PassRate(End::Low)),
    ("pass_rate.high", Metric::PassRate(End::High)),
    ("mean_score", Metric::MeanScore(End::Value)),
    ("mean_score.low", Metric::MeanScore(End::Low)),
    ("mean_score.high", Metric::MeanScore(End::High)),
    ("flake_rate", Metric::FlakeRate(End::Value)),
    ("flake_rate.low", Metric::FlakeRate(End::Low)),
    ("flake_rate.high", Metric::FlakeRate(End::High)),
    ("error_rate", Metric::ErrorRate),
    ("failed", Metric::Failed),
    ("errors", Metric::Errors),
    ("skipped", Metric::Skipped),
    ("tokens", Metric::Tokens),
    ("input_tokens", Metric::InputTokens),
    ("output_tokens", Metric::OutputTokens),
    ("cost", Metric::Cost),
    ("p50", Metric::Latency("p50")),
    ("p95", Metric::Latency("p95")),
    ("p99", Metric::Latency("p99")),
    ("max", Metric::Latency("max")),
    ("ttft_p50", Metric::FirstToken("p50")),
    ("ttft_p95", Metric::FirstToken("p95")),
    ("ttft_p99", Metric::FirstToken("p99")),
];

impl Metric {
    /// By its name; `pass@K` and `pass^K` have a number in theirs.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let trials = |sign: char| -> Option<u32> { name.strip_prefix("pass")?.strip_prefix(sign)?.parse().ok() };
        let listed = || NAMES.iter().find(|(listed, _)| *listed == name).map(|(_, metric)| *metric);
        trials('@').map(Self::PassAny).or_else(|| trials('^').map(Self::PassAll)).or_else(listed)
    }

    /// What to write instead of a name that is none.
    pub(crate) fn advice(name: &str) -> String {
        let near =
            NAMES.iter().map(|(listed, _)| *listed).min_by_key(|listed| strsim::damerau_levenshtein(listed, name));
        let all: Vec<&str> = NAMES.iter().map(|(listed, _)| *listed).filter(|listed| !listed.contains('.')).collect();
        format!(
            "did you mean `{}`? There are {}, pass@K, pass^K; .low and .high behind pass_rate, mean_score and flake_rate are the ends of their intervals",
            near.unwrap_or_default(),
            all.join(", ")
        )
    }

    /// Of what its number is.
    pub fn unit(self) -> Unit {
        match self {
            Self::PassRate(_) | Self::MeanScore(_) | Self::FlakeRate(_) | Self::ErrorRate => Unit::Share,
            Self::PassAny(_) | Self::PassAll(_) => Unit::Share,
            Self::Failed | Self::Errors | Self::Skipped => Unit::Count,
            Self::Tokens | Self::InputTokens | Self::OutputTokens => Unit::Count,
            Self::Cost => Unit::Money,
            Self::Latency(_) | Self::FirstToken(_) => Unit::Time,
        }
    }
}

/// A kind of slices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum SliceKind {
    Scenario,
    Provider,
    Evaluator,
    Label,
}

impl SliceKind {
    pub(crate) const ALL: [Self; 4] = [Self::Scenario, Self::Provider, Self::Evaluator, Self::Label];

    /// The word in gates.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scenario => "scenario",
            Self::Provider => "provider",
            Self::Evaluator => "evaluator",
            Self::Label => "label",
        }
    }
}

/// One slice of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// What kind it is of.
    pub kind: SliceKind,
    /// Its name; `key=value` of a label, the type of an evaluator.
    pub name: String,
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind.as_str(), self.name)
    }
}
