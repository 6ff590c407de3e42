//! What a run will have, known before its first call.

use std::collections::BTreeSet;

use crate::expression::Gate;
use crate::metric::{Metric, Selector, SliceKind};
use crate::{Comparison, GateError};

/// Names that are listed in a message.
const LISTED: usize = 20;

/// The slices of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Ids of scenarios with cases.
    pub scenarios: BTreeSet<String>,
    /// Ids of providers with cases.
    pub providers: BTreeSet<String>,
    /// Check types as they stand in records, evals as `eval:ID`.
    pub evaluators: BTreeSet<String>,
    /// Labels as `key=value`.
    pub labels: BTreeSet<String>,
    /// Most trials of a test.
    pub trials: u32,
}

impl Known {
    fn of(&self, kind: SliceKind) -> &BTreeSet<String> {
        match kind {
            SliceKind::Scenario => &self.scenarios,
            SliceKind::Provider => &self.providers,
            SliceKind::Evaluator => &self.evaluators,
            SliceKind::Label => &self.labels,
        }
    }

    /// Refuses a gate that cannot be decided whatever the answers are.
    ///
    /// Errors: `GateUnmatched`, `GateNoData`.
    pub fn check(&self, gate: &Gate) -> Result<(), GateError> {
        let Gate::Comparison { text, comparison: Comparison { metric, selector, .. } } = gate else { return Ok(()) };
        if let Some(selector) = selector {
            let names = self.of(selector.kind);
            if !names.contains(&selector.name) {
                return Err(unmatched(text, selector, names.iter().map(String::as_str)));
            }
        }
        let needed = match metric {
            Metric::FlakeRate(_) => 2,
            Metric::PassAny(k) | Metric::PassAll(k) => *k,
            _ => 1,
        };
        if self.trials < needed {
            let detail = format!("it needs {needed} trials of a test, and there are {}: raise `trials`", self.trials);
            return Err(GateError::NoData { gate: text.clone(), detail });
        }
        Ok(())
    }
}

/// The error of a slice that the run does not have.
pub(crate) fn unmatched<'a>(gate: &str, selector: &Selector, names: impl Iterator<Item = &'a str>) -> GateError {
    let names: Vec<&str> = names.collect();
    let listed = names[..names.len().min(LISTED)].join(", ");
    let known = match names.len() {
        0 => "it has none at all".to_owned(),
        count if count > LISTED => format!("it has {listed} and {} more", count - LISTED),
        _ => format!("it has {listed}"),
    };
    GateError::Unmatched { gate: gate.to_owned(), kind: selector.kind.as_str(), name: selector.name.clone(), known }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use arena_model::Fault as _;

    use super::*;

    #[test]
    fn what_no_answer_can_mend_is_found_before() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let known = Known {
            scenarios: set(&["refund"]),
            providers: set(&["mock"]),
            evaluators: set(&["contains"]),
            labels: set(&["team=billing"]),
            trials: 3,
        };
        for (text, reason) in [
            ("pass_rate{scenario:refund} >= 0.9", None),
            ("pass_rate{label:team=billing} >= 0.9", None),
            ("mean_score(contains) >= 0.9", None),
            ("pass^3 >= 0.9", None),
            ("regression vs nowhere", None),
            ("pass_rate{scenario:refunds} >= 0.9", Some("GateUnmatched")),
            ("pass_rate{label:team=sales} >= 0.9", Some("GateUnmatched")),
            ("mean_score(regex) >= 0.9", Some("GateUnmatched")),
            ("pass^4 >= 0.9", Some("GateNoData")),
        ] {
            let found = known.check(&Gate::parse(text).unwrap());
            assert_eq!(found.as_ref().err().map(GateError::reason), reason, "{text}");
        }
        let once = Known { trials: 1, ..known };
        let error = once.check(&Gate::parse("flake_rate < 5%").unwrap()).unwrap_err();
        assert!(error.to_string().contains("raise `trials`"), "{error}");
    }
}
