//! A language model as judge: takes a conversation and the user's criteria, asks the granted judge one question and
//! gives its score and reasoning as the verdict. Never compares with a threshold (the host does) and never guesses: an
//! answer it cannot read is an error.
//!
//! What is judged was written by a model that may want to please or to deceive the judge, so it stands between two
//! lines that do not occur in it, and the judge is told that everything between them is data.

mod answer;
mod question;
mod transcript;

use arena_guest::prelude::*;

use question::Rubric;

/// One rubric, one judge, one score.
#[evaluator(name = "judge")]
mod checks {
    use super::*;

    /// Scores the last reply by the judge's word.
    #[check(name = "llm_judge", aliases = ["llm_judge_turn"], input = "reply", capabilities = ["judge"])]
    fn llm_judge(subject: &Subject<'_>, params: Rubric) -> Result<Verdict, CheckError> {
        let asked = transcript::last_question(subject);
        let material = [("USER MESSAGE", asked), ("REPLY TO JUDGE", subject.reply_text())];
        params.judge("reply", &material)
    }

    /// Scores the whole conversation, tool calls included, by the judge's word.
    #[check(
        name = "llm_judge_session",
        aliases = ["llm_judge_conversation"],
        input = "conversation",
        capabilities = ["judge"]
    )]
    fn llm_judge_session(subject: &Subject<'_>, params: Rubric) -> Result<Verdict, CheckError> {
        params.judge("conversation", &[("CONVERSATION TO JUDGE", transcript::whole(subject)?)])
    }
}
