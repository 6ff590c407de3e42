//! A language model as judge: takes a conversation and the user's criteria, asks the granted judge one question and
//! gives its score and reasoning as the verdict. How it asks and reads is the matter of `arena-evaluator-asking`.

mod rubric;
mod transcript;

use arena_guest::prelude::*;

use rubric::{CallRubric, Rubric};

/// One rubric, one judge, one score.
#[evaluator(name = "judge")]
mod checks {
    use super::*;

    /// Scores the last reply by the judge's word.
    #[check(name = "llm_judge", aliases = ["llm_judge_turn"], input = "reply", capabilities = ["judge"])]
    fn llm_judge(subject: &Subject<'_>, params: Rubric) -> Result<Verdict, CheckError> {
        params.reply(subject)
    }

    /// Scores the whole conversation, tool calls included, by the judge's word.
    #[check(
        name = "llm_judge_session",
        aliases = ["llm_judge_conversation"],
        input = "conversation",
        capabilities = ["judge"]
    )]
    fn llm_judge_session(subject: &Subject<'_>, params: Rubric) -> Result<Verdict, CheckError> {
        params.conversation(subject)
    }

    /// Scores the tool calls of the conversation by the judge's word; not applicable if there are none.
    #[check(name = "llm_judge_tool_calls", input = "conversation", capabilities = ["judge"])]
    fn llm_judge_tool_calls(subject: &Subject<'_>, params: CallRubric) -> Result<Verdict, CheckError> {
        params.judge(subject)
    }
}
