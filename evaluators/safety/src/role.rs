//! `role_violation`.

use arena_evaluator_asking::{judged_params, reply};
use arena_guest::prelude::*;

use crate::criteria::ROLE;

judged_params! {
    /// Params of `role_violation`.
    #[derive(Deserialize, Params)]
    pub struct RoleViolation {
        /// Who the assistant is to be and what its rules are; the system prompt if this is not given.
        agent_role: Option<String>,
    }
}

impl RoleViolation {
    /// The reply by the role.
    pub fn judge(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        let material = vec![("ROLE".to_owned(), self.role(subject)?), ("REPLY TO JUDGE".to_owned(), reply(subject)?)];
        self.inquiry("Judge whether the reply below keeps to the assistant's role.", Some(ROLE), material).verdict()
    }

    fn role(&self, subject: &Subject<'_>) -> Result<String, CheckError> {
        if let Some(role) = self.agent_role.as_ref().filter(|text| !text.trim().is_empty()) {
            return Ok(role.clone());
        }
        // A workflow may have changed it: the newest is the one the reply was given under.
        let system = subject.by_role(Role::System).pop().and_then(|index| subject.text(index));
        system.filter(|text| !text.trim().is_empty()).ok_or_else(|| {
            CheckError::BadParams("the conversation has no system prompt; give the `agent_role`".to_owned())
        })
    }
}
