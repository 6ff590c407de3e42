//! What a run will have, known before its first call.

use std::collections::BTreeMap;

use crate::expression::Gate;
use crate::metric::{Metric, Selector, SliceKind};
use crate::{Comparison, GateError};

/// Names that are listed in a message.
const LISTED: usize = 20;

/// The slices of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Ids of scenarios with cases, each with the most trials of a test of it.
    pub scenarios: BTreeMap<String, u32>,
    /// The same of providers.
    pub providers: BTreeMap<String, u32>,
    /// The same of labels as `key=value`.
    pub labels: BTreeMap<String, u32>,
    /// The same of check types as they stand in records, evals as `eval:ID`.
    pub evaluators: BTreeMap<String, u32>,
    /// Most trials of a test.
    pub trials: u32,
}

impl Known {
    fn of(&self, kind: SliceKind) -> &BTreeMap<String, u32> {
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
        let trials = match selector {
            None => self.trials,
            Some(selector) => {
                let known = self.of(selector.kind);
                let unknown = || unmatched(text, selector, known.keys().map(String::as_str));
                *known.get(&selector.name).ok_or_else(unknown)?
            }
        };
        let needed = match metric {
            Metric::FlakeRate(_) => 2,
            Metric::PassAny(k) | Metric::PassAll(k) => *k,
            _ => 1,
        };
        if trials < needed {
            let place = selector.as_ref().map_or_else(String::new, |selector| format!(" of {selector}"));
            let detail = format!("it needs {needed} trials of a test, and there are {trials}{place}: raise `trials`");
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
        let map = |names: &[(&str, u32)]| names.iter().map(|(name, trials)| ((*name).to_owned(), *trials)).collect();
        let known = Known {
            scenarios: map(&[("refund", 3), ("once", 1)]),
            providers: map(&[("mock", 3)]),
            labels: map(&[("team=billing", 3)]),
            evaluators: map(&[("contains", 3)]),
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
            ("pass^3{scenario:refund} >= 0.9", None),
            ("pass^3{scenario:once} >= 0.9", Some("GateNoData")),
            ("flake_rate(contains) < 0.1", None),
        ] {
            let found = known.check(&Gate::parse(text).unwrap());
            assert_eq!(found.as_ref().err().map(GateError::reason), reason, "{text}");
        }
        let once = Known { trials: 1, ..known };
        let error = once.check(&Gate::parse("flake_rate < 5%").unwrap()).unwrap_err();
        assert!(error.to_string().contains("raise `trials`"), "{error}");
    }
}
