//! From a guest's verdict to an outcome: the user's threshold if there is one, else the guest's own word, else error.

use arena_bundle::EvalThreshold;
use arena_model::Outcome;
use arena_sandbox::Verdict;
use serde_json::Value;

const MIN: &str = "min_score";
const MAX: &str = "max_score";

/// Thresholds of one assertion, taken out of its params before the guest sees them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Threshold {
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
}

impl Threshold {
    /// Splits `min_score` and `max_score` off `params`. The error names the one that is no number from 0 to 1: a
    /// threshold that nothing or everything reaches would decide the verdict before the check does.
    pub(crate) fn split(params: &Value) -> Result<(Self, Value), String> {
        let Value::Object(fields) = params else { return Ok((Self::default(), params.clone())) };
        if !fields.contains_key(MIN) && !fields.contains_key(MAX) {
            return Ok((Self::default(), params.clone()));
        }
        let mut fields = fields.clone();
        let mut take = |name: &str| match fields.remove(name) {
            None => Ok(None),
            Some(value) => match value.as_f64().filter(|number| (0.0..=1.0).contains(number)) {
                Some(number) => Ok(Some(number)),
                None => Err(format!("`{name}` is {value}; give a number from 0 to 1")),
            },
        };
        Ok((Self { min: take(MIN)?, max: take(MAX)? }.possible()?, Value::Object(fields)))
    }

    /// Of a wrapper and of what it wraps: each threshold may stand at either place.
    pub(crate) fn and(self, inner: Self) -> Result<Self, String> {
        let one = |name: &str, outer: Option<f64>, inner: Option<f64>| match (outer, inner) {
            (Some(outer), Some(inner)) if outer != inner => {
                Err(format!("`{name}` is {outer} beside `eval_params` and {inner} in it; give it once"))
            }
            (outer, inner) => Ok(outer.or(inner)),
        };
        Self { min: one(MIN, self.min, inner.min)?, max: one(MAX, self.max, inner.max)? }.possible()
    }

    fn possible(self) -> Result<Self, String> {
        match (self.min, self.max) {
            (Some(min), Some(max)) if min > max => {
                Err(format!("`{MIN}` is {min} and `{MAX}` is {max}; no score is both"))
            }
            _ => Ok(self),
        }
    }

    /// The outcome with its reason, or the stable name of the error with its sentence.
    pub(crate) fn judge(self, verdict: &Verdict) -> Result<(Outcome, String), (&'static str, String)> {
        let outcome = |passed: bool| if passed { Outcome::Passed } else { Outcome::Failed };
        let score = match (self, verdict.score, verdict.passed) {
            // By how much it fell short is otherwise seen nowhere.
            (Self { min: None, max: None }, Some(score), Some(false)) if score > 0.0 && score < 1.0 => {
                return Ok((Outcome::Failed, format!("score {score} and no `{MIN}` is set: {}", verdict.reason)));
            }
            (Self { min: None, max: None }, _, Some(word)) => return Ok((outcome(word), verdict.reason.clone())),
            (Self { min: None, max: None }, _, None) => {
                return Err(("VerdictMissing", "the check says neither passed nor failed; set `min_score`".to_owned()));
            }
            (_, None, _) => {
                return Err(("ScoreMissing", "a threshold is set, but the check gave no score".to_owned()));
            }
            (_, Some(score), _) => score,
        };
        let (outcome, words) = self.weigh(score);
        Ok((outcome, format!("{words}: {}", verdict.reason)))
    }

    /// What a score comes to, with words on why.
    pub(crate) fn weigh(self, score: f64) -> (Outcome, String) {
        let mut words = Vec::new();
        let mut passed = true;
        for (name, limit, holds, yes, no) in [
            (MIN, self.min, self.min.is_none_or(|min| score >= min), "reaches", "is below"),
            (MAX, self.max, self.max.is_none_or(|max| score <= max), "is within", "is above"),
        ] {
            passed &= holds;
            words.extend(limit.map(|limit| format!("{} {name} {limit}", if holds { yes } else { no })));
        }
        let outcome = if passed { Outcome::Passed } else { Outcome::Failed };
        (outcome, format!("score {score} {}", words.join(" and ")))
    }
}

/// What an eval's verdict comes to. It measures, so that a score without a word is enough if nothing is asked of it; what
/// is asked, in its params and by its own threshold, must all hold.
pub(crate) fn observed(
    threshold: Threshold,
    own: Option<&EvalThreshold>,
    verdict: &Verdict,
) -> Result<(Outcome, String), (&'static str, String)> {
    let Some(own) = own else {
        return match (verdict.passed, verdict.score) {
            (None, Some(score)) if threshold == Threshold::default() => {
                Ok((Outcome::Passed, format!("score {score}: {}", verdict.reason)))
            }
            _ => threshold.judge(verdict),
        };
    };
    let mut holds = threshold == Threshold::default() || threshold.judge(verdict)?.0 == Outcome::Passed;
    let mut words = Vec::new();
    if let Some(wanted) = own.passed {
        let word = verdict.passed.ok_or(("VerdictMissing", "the check says neither passed nor failed".to_owned()))?;
        holds &= word == wanted;
        let name = |word: bool| if word { "passed" } else { "failed" };
        words.push(format!("{} where {} is wanted", name(word), name(wanted)));
    }
    for (bound, value) in &own.bounds {
        let score =
            verdict.score.ok_or(("ScoreMissing", "a threshold is set, but the check gave no score".to_owned()))?;
        let keeps = bound.holds(score, *value);
        holds &= keeps;
        words.push(format!("score {score} is {}{} {value}", if keeps { "" } else { "not " }, bound.as_str()));
    }
    let outcome = if holds { Outcome::Passed } else { Outcome::Failed };
    Ok((outcome, format!("{}: {}", words.join(" and "), verdict.reason)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn verdict(score: Option<f64>, passed: Option<bool>) -> Verdict {
        Verdict { score, passed, label: None, reason: "why".to_owned(), evidence: vec![], metrics: vec![] }
    }

    #[test]
    fn the_users_threshold_wins_over_the_guests_word() {
        let (threshold, rest) = Threshold::split(&json!({"min_score": 0.5, "patterns": ["a"]})).unwrap();
        assert_eq!(rest, json!({"patterns": ["a"]}));
        let judged = |threshold: Threshold, score, word| threshold.judge(&verdict(Some(score), Some(word))).unwrap();
        let reached = "score 0.5 reaches min_score 0.5: why".to_owned();
        assert_eq!(judged(threshold, 0.5, false), (Outcome::Passed, reached));
        assert_eq!(
            judged(threshold, 0.49, true),
            (Outcome::Failed, "score 0.49 is below min_score 0.5: why".to_owned())
        );
        let (threshold, _) = Threshold::split(&json!({"max_score": 0.2})).unwrap();
        assert_eq!(judged(threshold, 0.3, true), (Outcome::Failed, "score 0.3 is above max_score 0.2: why".to_owned()));
        assert_eq!(judged(Threshold::default(), 0.3, true), (Outcome::Passed, "why".to_owned()));
    }

    #[test]
    fn an_eval_measures_and_holds_what_is_asked_of_it() {
        use arena_bundle::Bound;
        let none = Threshold::default();
        assert_eq!(
            observed(none, None, &verdict(Some(0.3), None)).unwrap(),
            (Outcome::Passed, "score 0.3: why".into())
        );
        assert_eq!(observed(none, None, &verdict(Some(0.3), Some(false))).unwrap().0, Outcome::Failed);
        assert_eq!(observed(none, None, &verdict(None, None)).unwrap_err().0, "VerdictMissing");
        let own = EvalThreshold { passed: None, bounds: vec![(Bound::AtLeast, 0.5), (Bound::Below, 0.9)] };
        let of = |score, word| observed(none, Some(&own), &verdict(score, word));
        assert_eq!(of(Some(0.5), Some(false)).unwrap().0, Outcome::Passed);
        let (outcome, reason) = of(Some(0.9), Some(true)).unwrap();
        assert_eq!(
            (outcome, reason.as_str()),
            (Outcome::Failed, "score 0.9 is gte 0.5 and score 0.9 is not lt 0.9: why")
        );
        assert_eq!(of(None, Some(true)).unwrap_err().0, "ScoreMissing");
        let word = EvalThreshold { passed: Some(false), bounds: vec![] };
        assert_eq!(observed(none, Some(&word), &verdict(None, Some(false))).unwrap().0, Outcome::Passed);
        assert_eq!(observed(none, Some(&word), &verdict(None, Some(true))).unwrap().0, Outcome::Failed);
        assert_eq!(observed(none, Some(&word), &verdict(Some(1.0), None)).unwrap_err().0, "VerdictMissing");
        // What the params ask holds as well.
        let params = Threshold { min: Some(0.8), max: None };
        assert_eq!(observed(params, Some(&own), &verdict(Some(0.6), None)).unwrap().0, Outcome::Failed);
    }

    #[test]
    fn no_word_and_no_score_are_errors_and_never_passes() {
        assert_eq!(Threshold::default().judge(&verdict(Some(1.0), None)).unwrap_err().0, "VerdictMissing");
        let (threshold, _) = Threshold::split(&json!({"min_score": 0.0})).unwrap();
        assert_eq!(threshold.judge(&verdict(None, Some(true))).unwrap_err().0, "ScoreMissing");
    }

    #[test]
    fn a_threshold_is_a_number_from_0_to_1_that_can_be_met() {
        for (params, part) in [
            (json!({"min_score": "high"}), "`min_score` is \"high\""),
            (json!({"min_score": "0.8"}), "\"0.8\""),
            (json!({"min_score": null}), "`min_score` is null"),
            (json!({"max_score": []}), "`max_score` is []"),
            (json!({"min_score": 1.01}), "1.01"),
            (json!({"max_score": -0.1}), "-0.1"),
            (json!({"min_score": 8}), "`min_score` is 8; give a number from 0 to 1"),
            (json!({"min_score": 0.9, "max_score": 0.1}), "no score is both"),
        ] {
            let error = Threshold::split(&params).unwrap_err();
            assert!(error.contains(part), "{params}: {error}");
        }
        let (whole, _) = Threshold::split(&json!({"min_score": 0, "max_score": 1})).unwrap();
        assert_eq!(whole, Threshold { min: Some(0.0), max: Some(1.0) });
    }

    #[test]
    fn the_wrapper_and_the_wrapped_may_each_give_one() {
        let (min, max) = (Threshold { min: Some(0.5), max: None }, Threshold { min: None, max: Some(0.2) });
        assert_eq!(min.and(Threshold::default()), Ok(min));
        assert_eq!(Threshold::default().and(min), Ok(min));
        assert_eq!(min.and(min), Ok(min));
        assert!(min.and(Threshold { min: Some(0.6), max: None }).unwrap_err().contains("give it once"));
        assert!(min.and(max).unwrap_err().contains("no score is both"));
    }
}
