//! Checks by what a classifier says of a message: takes the labels with their scores that the host got for it, gives the
//! score of the label that is wanted. Asks nobody itself; where no classifier was asked a check is skipped.
//!
//! Names and params are those of PromptArena.

use arena_guest::prelude::*;
use serde_json::Value;

/// Longest stretch of a label in a reason, in characters.
const SHOWN: usize = 60;
/// Most labels in a reason.
const LISTED: usize = 5;

/// Params of all four.
#[derive(Deserialize, Params)]
#[params(validate = Wanted::sensible)]
pub struct Wanted {
    /// The label whose score counts.
    expected_label: String,
    /// Model of the classifier; its own if left out.
    model: Option<String>,
    /// Which classifier, where there are several.
    classifier_id: Option<String>,
    /// Whose message: `assistant` (default) or `user`.
    message_role: Option<String>,
    /// Which of them, from 0; -1 (default) is the newest.
    message_index: Option<i64>,
}

/// One label of a classifier.
#[derive(Deserialize)]
struct Label {
    label: String,
    score: f64,
}

impl Wanted {
    fn sensible(&self) -> Result<(), String> {
        if self.expected_label.is_empty() {
            return Err("parameter `expected_label`: is empty".to_owned());
        }
        match self.message_role.as_deref() {
            None | Some("assistant" | "user") => Ok(()),
            Some(role) => Err(format!("parameter `message_role`: unknown value `{role}`; give assistant or user")),
        }
    }

    /// What was said of the message that is meant.
    fn labels(&self, subject: &Subject<'_>, kind: &str) -> Result<Vec<Label>, CheckError> {
        let unreadable = |why: String| CheckError::Other(format!("an event `classification`: {why}"));
        for event in subject.events("classification").into_iter().rev() {
            let detail: Value = serde_json::from_str(&event.detail).map_err(|error| unreadable(error.to_string()))?;
            let same = |key: &str, wanted: Option<&str>| wanted.is_none_or(|wanted| detail[key] == wanted);
            let role = self.message_role.as_deref().unwrap_or("assistant");
            let index = self.message_index.unwrap_or(-1);
            if detail["check"] == kind
                && same("model", self.model.as_deref())
                && same("classifier", self.classifier_id.as_deref())
                && detail["role"] == role
                && detail["index"] == index
            {
                return serde_json::from_value(detail["labels"].clone()).map_err(|error| unreadable(error.to_string()));
            }
        }
        Err(CheckError::NotApplicable("no classifier was asked: the run has none".to_owned()))
    }

    fn judge(&self, subject: &Subject<'_>, kind: &str) -> Result<Verdict, CheckError> {
        let mut labels = self.labels(subject, kind)?;
        labels.sort_by(|one, other| other.score.total_cmp(&one.score));
        let said = labels.iter().map(|it| format!("{} {:.3}", excerpt(&it.label, SHOWN), it.score));
        let said = said.take(LISTED).collect::<Vec<_>>().join(", ");
        let wanted = labels.iter().find(|it| it.label.eq_ignore_ascii_case(&self.expected_label));
        let score = wanted.map_or(0.0, |it| it.score.clamp(0.0, 1.0));
        let reason = format!("{}: {score:.3}; the classifier said {said}", excerpt(&self.expected_label, SHOWN));
        Ok(Verdict::score(score, reason).passed(score >= 1.0))
    }
}

/// Checks by classifiers.
#[evaluator(name = "classifier")]
mod checks {
    use super::*;

    /// The score of an emotion in what is heard in a message.
    #[check(name = "audio_emotion", input = "conversation")]
    fn audio_emotion(subject: &Subject<'_>, params: Wanted) -> Result<Verdict, CheckError> {
        params.judge(subject, "audio_emotion")
    }

    /// The score of a label for the images of a message.
    #[check(name = "image_moderation", input = "conversation")]
    fn image_moderation(subject: &Subject<'_>, params: Wanted) -> Result<Verdict, CheckError> {
        params.judge(subject, "image_moderation")
    }

    /// The score of a label for how toxic the text of a message is.
    #[check(name = "text_toxicity", input = "conversation")]
    fn text_toxicity(subject: &Subject<'_>, params: Wanted) -> Result<Verdict, CheckError> {
        params.judge(subject, "text_toxicity")
    }

    /// The score of a sentiment for the text of a message.
    #[check(name = "text_sentiment", input = "conversation")]
    fn text_sentiment(subject: &Subject<'_>, params: Wanted) -> Result<Verdict, CheckError> {
        params.judge(subject, "text_sentiment")
    }
}
