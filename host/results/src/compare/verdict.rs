//! The verdict over all metrics.

use serde::Serialize;

use super::{MetricComparison, Pairing, Question};

/// What became of the candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Some metric is significantly higher and none lower.
    Better,
    /// Some metric is significantly lower.
    Worse,
    /// Every interval lies within the margin.
    Same,
    /// Neither of these.
    NotEnoughData,
}

impl Verdict {
    /// The words for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Same => "same",
            Self::NotEnoughData => "not enough data",
        }
    }
}

/// The verdict and why.
pub(super) fn of(metrics: &[MetricComparison], question: &Question, pairing: &Pairing) -> (Verdict, String) {
    let named = |wanted: Verdict| {
        let names: Vec<&str> =
            metrics.iter().filter(|metric| metric.verdict == wanted).map(|metric| metric.metric.as_str()).collect();
        if names.len() > 5 {
            format!("{} and {} more", names[..5].join(", "), names.len() - 5)
        } else {
            names.join(", ")
        }
    };
    let margin = format!("{} points", (question.margin * 1e4).round() / 100.0);
    let confidence = format!("{} %", (question.confidence * 1e4).round() / 100.0);
    let (worse, better) = (named(Verdict::Worse), named(Verdict::Better));
    if metrics.is_empty() {
        let text = format!("no pair has a verdict on both sides; {} have none on one", pairing.without_verdict);
        return (Verdict::NotEnoughData, text);
    }
    match (worse.is_empty(), better.is_empty()) {
        (false, true) => (Verdict::Worse, format!("lower with {confidence} confidence: {worse}")),
        (false, false) => (Verdict::Worse, format!("lower with {confidence} confidence: {worse}; higher: {better}")),
        (true, false) => (Verdict::Better, format!("higher with {confidence} confidence: {better}; none is lower")),
        (true, true) if metrics.iter().all(|metric| metric.verdict == Verdict::Same) => {
            (Verdict::Same, format!("every interval lies within {margin} of no difference"))
        }
        (true, true) => {
            let open = named(Verdict::NotEnoughData);
            let most = metrics.iter().filter(|metric| metric.verdict == Verdict::NotEnoughData);
            let needed = most.filter_map(|metric| metric.items_needed).max().unwrap_or_default();
            let items = metrics.iter().map(|metric| metric.items).max().unwrap_or_default();
            let advice =
                if needed > items { format!("; about {needed} items would, there are {items}") } else { String::new() };
            let text = format!("no difference is sure, and {margin} more or less are not ruled out: {open}{advice}");
            (Verdict::NotEnoughData, text)
        }
    }
}
