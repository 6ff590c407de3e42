//! From a guest's verdict to an outcome: the user's threshold if there is one, else the guest's own word, else error.

use arena_model::Outcome;
use arena_sandbox::Verdict;
use serde_json::Value;

/// Thresholds of one assertion, taken out of its params before the guest sees them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Threshold {
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
}

impl Threshold {
    /// Splits `min_score` and `max_score` off `params`. The error names the one that is no number.
    pub(crate) fn split(params: &Value) -> Result<(Self, Value), String> {
        let Value::Object(fields) = params else { return Ok((Self::default(), params.clone())) };
        if !fields.contains_key("min_score") && !fields.contains_key("max_score") {
            return Ok((Self::default(), params.clone()));
        }
        let mut fields = fields.clone();
        let mut take = |name: &str| match fields.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_f64() {
                Some(number) => Ok(Some(number)),
                None => Err(format!("`{name}` is {value}; give a number from 0 to 1")),
            },
        };
        let (min, max) = (take("min_score")?, take("max_score")?);
        Ok((Self { min, max }, Value::Object(fields)))
    }

    /// The outcome, or the stable name of the error with its sentence.
    pub(crate) fn judge(self, verdict: &Verdict) -> Result<Outcome, (&'static str, String)> {
        let passed = match (self, verdict.score, verdict.passed) {
            (Self { min: None, max: None }, _, Some(word)) => word,
            (Self { min: None, max: None }, _, None) => {
                return Err(("VerdictMissing", "the check says neither passed nor failed; set `min_score`".to_owned()));
            }
            (_, None, _) => {
                return Err(("ScoreMissing", "a threshold is set, but the check gave no score".to_owned()));
            }
            (Self { min, max }, Some(score), _) => {
                min.is_none_or(|min| score >= min) && max.is_none_or(|max| score <= max)
            }
        };
        Ok(if passed { Outcome::Passed } else { Outcome::Failed })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn verdict(score: Option<f64>, passed: Option<bool>) -> Verdict {
        Verdict { score, passed, label: None, reason: String::new(), evidence: vec![], metrics: vec![] }
    }

    #[test]
    fn the_users_threshold_wins_over_the_guests_word() {
        let (threshold, rest) = Threshold::split(&json!({"min_score": 0.5, "patterns": ["a"]})).unwrap();
        assert_eq!(rest, json!({"patterns": ["a"]}));
        assert_eq!(threshold.judge(&verdict(Some(0.5), Some(false))), Ok(Outcome::Passed));
        assert_eq!(threshold.judge(&verdict(Some(0.49), Some(true))), Ok(Outcome::Failed));
        let (threshold, _) = Threshold::split(&json!({"max_score": 0.2})).unwrap();
        assert_eq!(threshold.judge(&verdict(Some(0.3), Some(true))), Ok(Outcome::Failed));
    }

    #[test]
    fn no_word_and_no_score_are_errors_and_never_passes() {
        assert_eq!(Threshold::default().judge(&verdict(Some(1.0), None)).unwrap_err().0, "VerdictMissing");
        let (threshold, _) = Threshold::split(&json!({"min_score": 0.0})).unwrap();
        assert_eq!(threshold.judge(&verdict(None, Some(true))).unwrap_err().0, "ScoreMissing");
        assert!(Threshold::split(&json!({"min_score": "high"})).unwrap_err().contains("\"high\""));
    }
}
