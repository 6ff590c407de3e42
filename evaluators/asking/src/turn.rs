//! The two texts that most judges are shown.

use arena_guest::prelude::*;

/// Text of the newest user message; empty if there is none.
pub fn last_question(subject: &Subject<'_>) -> String {
    let index = subject.by_role(Role::User).pop();
    index.and_then(|index| subject.text(index)).unwrap_or_default()
}

/// Text of the newest reply, which may be empty. Where nothing was said there is nothing to ask a judge about.
pub fn reply(subject: &Subject<'_>) -> Result<String, CheckError> {
    let reply = subject.last_reply();
    Ok(reply.ok_or_else(|| CheckError::NotApplicable("there is no reply to judge".to_owned()))?.text)
}
