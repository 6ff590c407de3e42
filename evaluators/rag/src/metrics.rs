//! Params of the checks, and what the judge is shown for each.

use arena_evaluator_asking::{judged_params, last_question, reply};
use arena_guest::prelude::*;

use crate::chunks::{Source, headed};
use crate::measure::{ANSWER_RELEVANCY, Measure, RECALL};

/// Params with the three ways to give contexts before the fields given.
macro_rules! retrieval_params {
    ($(#[$attribute:meta])* pub struct $name:ident { $($fields:tt)* }) => {
        judged_params! {
            $(#[$attribute])*
            pub struct $name {
                /// The retrieved texts.
                #[serde(default)]
                contexts: Vec<String>,
                /// The one retrieved text.
                context: Option<String>,
                /// Name of the retrieved texts among the row, the variables or the metadata of the case.
                context_field: Option<String>,
                $($fields)*
            }
        }

        impl $name {
            fn source(&self) -> Source<'_> {
                let (context, field) = (self.context.as_deref(), self.context_field.as_deref());
                Source { contexts: &self.contexts, context, field }
            }
        }
    };
}

retrieval_params! {
    /// Params of `faithfulness` and `hallucination`.
    #[derive(Deserialize, Params)]
    #[params(validate = Grounding::check)]
    pub struct Grounding {}
}

impl Grounding {
    fn check(&self) -> Result<(), String> {
        self.source().check()
    }

    /// The reply by the contexts.
    pub fn judge(&self, subject: &Subject<'_>, measure: Measure) -> Result<Verdict, CheckError> {
        let mut material = headed(self.source().chunks(subject)?, "CONTEXT");
        material.push(("REPLY TO JUDGE".to_owned(), reply(subject)?));
        self.inquiry(measure.task, Some(measure.criteria), material).verdict()
    }
}

judged_params! {
    /// Params of `answer_relevancy`.
    #[derive(Deserialize, Params)]
    pub struct Relevancy {
        /// What was asked; the newest user message if this is not given.
        question: Option<String>,
    }
}

impl Relevancy {
    /// The reply by the question.
    pub fn judge(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        let material = vec![
            ("QUESTION".to_owned(), question(self.question.as_deref(), subject)?),
            ("REPLY TO JUDGE".to_owned(), reply(subject)?),
        ];
        self.inquiry(ANSWER_RELEVANCY.task, Some(ANSWER_RELEVANCY.criteria), material).verdict()
    }
}

retrieval_params! {
    /// Params of `contextual_precision` and `contextual_relevancy`.
    #[derive(Deserialize, Params)]
    #[params(validate = Retrieval::check)]
    pub struct Retrieval {
        /// What was asked; the newest user message if this is not given.
        question: Option<String>,
    }
}

impl Retrieval {
    fn check(&self) -> Result<(), String> {
        self.source().check()
    }

    /// The contexts by the question.
    pub fn judge(&self, subject: &Subject<'_>, measure: Measure) -> Result<Verdict, CheckError> {
        let mut material = vec![("QUESTION".to_owned(), question(self.question.as_deref(), subject)?)];
        material.extend(headed(self.source().chunks(subject)?, "CHUNK"));
        self.inquiry(measure.task, Some(measure.criteria), material).verdict()
    }
}

retrieval_params! {
    /// Params of `contextual_recall`.
    #[derive(Deserialize, Params)]
    #[params(validate = Coverage::check)]
    pub struct Coverage {
        /// The answer that is known to be right.
        #[serde(alias = "expected_output")]
        reference: String,
    }
}

impl Coverage {
    fn check(&self) -> Result<(), String> {
        if self.reference.trim().is_empty() {
            return Err("parameter `reference`: is empty; give the answer that is known to be right".to_owned());
        }
        self.source().check()
    }

    /// The contexts by the reference answer.
    pub fn judge(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        let mut material = vec![("REFERENCE ANSWER".to_owned(), self.reference.clone())];
        material.extend(headed(self.source().chunks(subject)?, "CHUNK"));
        self.inquiry(RECALL.task, Some(RECALL.criteria), material).verdict()
    }
}

/// The question given, else the newest user message.
fn question(given: Option<&str>, subject: &Subject<'_>) -> Result<String, CheckError> {
    let said = given.map(str::to_owned).filter(|text| !text.trim().is_empty());
    let asked = said.unwrap_or_else(|| last_question(subject));
    if asked.trim().is_empty() {
        let text = "there is no user message with text; give the `question`";
        return Err(CheckError::BadParams(text.to_owned()));
    }
    Ok(asked)
}
