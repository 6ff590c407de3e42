//! Checks on answers that rest on retrieved texts: takes the chunks that the user names, the question and the reply,
//! asks the granted judge one question and gives its score and reasoning as the verdict. Never retrieves anything and
//! never looks at tool results by itself: what was retrieved is what the params say.
//!
//! Names and params are those of PromptArena. A score of 1 is the best for all of them, `hallucination` included.

mod chunks;
mod measure;
mod metrics;

use arena_guest::prelude::*;

use metrics::{Coverage, Grounding, Relevancy, Retrieval};

/// Checks on answers that rest on retrieved texts.
#[evaluator(name = "rag")]
mod checks {
    use super::*;

    /// Scores the share of the reply's claims that the contexts support.
    #[check(name = "faithfulness", input = "reply", capabilities = ["judge"])]
    fn faithfulness(subject: &Subject<'_>, params: Grounding) -> Result<Verdict, CheckError> {
        params.judge(subject, measure::FAITHFULNESS)
    }

    /// Scores how free the reply is of statements that the contexts contradict or do not know; 1 is free of them.
    #[check(name = "hallucination", input = "reply", capabilities = ["judge"])]
    fn hallucination(subject: &Subject<'_>, params: Grounding) -> Result<Verdict, CheckError> {
        params.judge(subject, measure::HALLUCINATION)
    }

    /// Scores how much of the reply answers the question, and whether it does so in full.
    #[check(name = "answer_relevancy", input = "reply", capabilities = ["judge"])]
    fn answer_relevancy(subject: &Subject<'_>, params: Relevancy) -> Result<Verdict, CheckError> {
        params.judge(subject)
    }

    /// Scores the share of the contexts that help to answer the question.
    #[check(name = "contextual_precision", input = "conversation", capabilities = ["judge"])]
    fn contextual_precision(subject: &Subject<'_>, params: Retrieval) -> Result<Verdict, CheckError> {
        params.judge(subject, measure::PRECISION)
    }

    /// Scores how much of what the contexts say bears on the question.
    #[check(name = "contextual_relevancy", input = "conversation", capabilities = ["judge"])]
    fn contextual_relevancy(subject: &Subject<'_>, params: Retrieval) -> Result<Verdict, CheckError> {
        params.judge(subject, measure::RELEVANCY)
    }

    /// Scores the share of the reference answer's statements that can be had from the contexts.
    #[check(name = "contextual_recall", input = "conversation", capabilities = ["judge"])]
    fn contextual_recall(subject: &Subject<'_>, params: Coverage) -> Result<Verdict, CheckError> {
        params.judge(subject)
    }
}
