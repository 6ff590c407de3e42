//! Params, and what the judge is shown for each check.

use arena_evaluator_asking::{Points, judged_params, last_question};
use arena_guest::prelude::*;

use crate::transcript;

judged_params! {
    /// Params of `llm_judge` and `llm_judge_session`.
    #[derive(Deserialize, Params)]
    #[params(validate = Rubric::check)]
    pub struct Rubric {}
}

judged_params! {
    /// Params of `llm_judge_tool_calls`.
    #[derive(Deserialize, Params)]
    #[params(validate = CallRubric::check)]
    pub struct CallRubric {
        /// Names of the tools whose calls are judged; all if none is named.
        #[serde(default)]
        tools: Vec<String>,
    }
}

impl Rubric {
    fn check(&self) -> Result<(), String> {
        needs_a_rule(self.criteria.as_deref(), self.rubric.as_ref())
    }

    /// Asks about the last reply, with the message it answers.
    pub fn reply(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        let material = vec![
            ("USER MESSAGE".to_owned(), last_question(subject)),
            ("REPLY TO JUDGE".to_owned(), subject.reply_text()),
        ];
        self.inquiry("Judge the reply below.", None, material).verdict()
    }

    /// Asks about the whole conversation.
    pub fn conversation(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        let material = vec![("CONVERSATION TO JUDGE".to_owned(), transcript::whole(subject)?)];
        self.inquiry("Judge the conversation below.", None, material).verdict()
    }
}

impl CallRubric {
    fn check(&self) -> Result<(), String> {
        needs_a_rule(self.criteria.as_deref(), self.rubric.as_ref())
    }

    /// Asks about the calls of the named tools, with the messages that led to them.
    pub fn judge(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        let Some(calls) = transcript::calls(subject, &self.tools)? else {
            let tools: Vec<_> = self.tools.iter().take(10).map(|tool| excerpt(tool, 60)).collect();
            let text = match tools.as_slice() {
                [] => "no tool was called".to_owned(),
                names => format!("no call of {}", names.join(", ")),
            };
            return Err(CheckError::NotApplicable(text));
        };
        let material = vec![
            ("USER MESSAGES".to_owned(), transcript::requests(subject)?),
            ("TOOL CALLS TO JUDGE".to_owned(), calls),
        ];
        self.inquiry("Judge the tool calls below.", None, material).verdict()
    }
}

fn needs_a_rule(criteria: Option<&str>, rubric: Option<&Points>) -> Result<(), String> {
    if criteria.unwrap_or_default().trim().is_empty() && rubric.is_none_or(Points::is_blank) {
        return Err("give `criteria` or a `rubric`: the judge must know what to look for".to_owned());
    }
    Ok(())
}
