//! Verdicts, built in one expression.

use std::ops::Range;

use crate::{Evidence, Metric, Verdict};

impl Verdict {
    /// Passed, score 1.
    pub fn pass(reason: impl Into<String>) -> Self {
        Self::score(1.0, reason).passed(true)
    }

    /// Failed, score 0.
    pub fn fail(reason: impl Into<String>) -> Self {
        Self::score(0.0, reason).passed(false)
    }

    /// A score from 0 (worst) to 1 (best) without a word on passing: the user's threshold decides.
    pub fn score(score: f64, reason: impl Into<String>) -> Self {
        Self { score: Some(score), ..Self::observation(reason) }
    }

    /// No score: for a check that only labels or measures.
    pub fn observation(reason: impl Into<String>) -> Self {
        Self {
            score: None,
            label: None,
            passed: None,
            reason: reason.into(),
            evidence: Vec::new(),
            metrics: Vec::new(),
        }
    }

    /// The check's own word; a threshold that the user configured wins over it.
    pub fn passed(mut self, passed: bool) -> Self {
        self.passed = Some(passed);
        self
    }

    /// Points at the bytes `range` of the text of message `message`. Both ends must be character boundaries.
    pub fn evidence(mut self, message: u32, range: Range<usize>, note: impl Into<String>) -> Self {
        let offset = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
        let (start, end) = (offset(range.start), offset(range.end));
        self.evidence.push(Evidence { message, start, end, note: note.into() });
        self
    }

    /// A number worth plotting beside the score.
    pub fn metric(mut self, name: impl Into<String>, value: f64) -> Self {
        self.metrics.push(Metric { name: name.into(), value });
        self
    }

    /// A class instead of, or beside, a number.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds() {
        let verdict = Verdict::score(0.5, "half").passed(false).evidence(3, 1..4, "here").metric("n", 2.0).label("meh");
        assert_eq!((verdict.score, verdict.passed, verdict.label.as_deref()), (Some(0.5), Some(false), Some("meh")));
        let span = &verdict.evidence[0];
        assert_eq!((span.message, span.start, span.end, span.note.as_str()), (3, 1, 4, "here"));
        assert_eq!((verdict.metrics[0].name.as_str(), verdict.metrics[0].value), ("n", 2.0));
        assert_eq!(Verdict::pass("x").score, Some(1.0));
        assert_eq!(Verdict::fail("x").passed, Some(false));
    }
}
