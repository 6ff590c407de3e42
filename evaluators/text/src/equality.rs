//! The reply as a whole.

use arena_evaluator_patterns::fold;
use arena_guest::prelude::*;

use crate::{SHOWN, last_reply};

/// Params of `equals`.
#[derive(Deserialize, Params)]
pub struct Equals {
    /// What the reply must be.
    expected: String,
    /// Whether letters must also agree in case; default true.
    case_sensitive: Option<bool>,
    /// Whether white space around both texts is left out of account; default true.
    trim: Option<bool>,
}

impl Equals {
    pub fn judge(&self, subject: &Subject<'_>) -> Verdict {
        let (message, text) = last_reply(subject);
        let trim = self.trim.unwrap_or(true);
        let [reply, expected] = [text.as_str(), &self.expected].map(|text| if trim { text.trim() } else { text });
        let case_sensitive = self.case_sensitive.unwrap_or(true);
        if fold(reply, case_sensitive) == fold(expected, case_sensitive) {
            return Verdict::pass("the reply is the expected text");
        }
        let reason = format!("expected {}, got {}", excerpt(expected, SHOWN), excerpt(reply, SHOWN));
        let start = reply.as_ptr().addr() - text.as_ptr().addr();
        Verdict::fail(reason).evidence(message, start..start + reply.len(), "differs from the expected text")
    }
}
