//! Guardrails that acted on the last reply.

use arena_guest::prelude::*;

use crate::record::{Guardrail, events};
use crate::switch::Switch;
use crate::{SHOWN, not_empty};

/// What a guardrail looks at.
#[derive(Clone, Copy, Deserialize, Params, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The user's message.
    Input,
    /// The reply.
    Output,
    /// Either.
    Both,
}

impl Direction {
    fn word(self) -> Option<&'static str> {
        match self {
            Self::Input => Some("input"),
            Self::Output => Some("output"),
            Self::Both => None,
        }
    }
}

/// Params of `guardrail_triggered`.
#[derive(Deserialize, Params)]
#[params(validate = GuardrailTriggered::sensible)]
pub struct GuardrailTriggered {
    /// Type of the guardrail, as the prompt's `validators` name it.
    #[serde(alias = "validator", alias = "guardrail")]
    validator_type: String,
    /// False to pass when it did not act; default true.
    should_trigger: Option<Switch>,
    /// `input`, `output` or `both` (default): what it must have looked at.
    direction: Option<Direction>,
}

impl GuardrailTriggered {
    fn sensible(&self) -> Result<(), String> {
        not_empty("validator_type", &self.validator_type)
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        let reply = subject.last_reply();
        let index = reply.as_ref().map(|reply| reply.index);
        let direction = self.direction.and_then(Direction::word);
        let acted = |guardrail: &Guardrail| {
            guardrail.validator == self.validator_type
                && Some(guardrail.message) == index
                && direction.is_none_or(|direction| guardrail.direction == direction)
        };
        let fired = events(subject, "guardrail")?.into_iter().find(acted);
        let expected = self.should_trigger.is_none_or(|switch| switch.0);
        let name = excerpt(&self.validator_type, SHOWN);
        let reason = match (&fired, expected) {
            (Some(guardrail), _) => {
                let action = excerpt(&guardrail.action, SHOWN);
                format!("{name} acted on the {} of the last reply: {action}", guardrail.direction)
            }
            (None, true) => format!("{name} did not act on the last reply"),
            (None, false) => format!("{name} did not act on the last reply, as expected"),
        };
        let verdict = if fired.is_some() == expected { Verdict::pass(reason) } else { Verdict::fail(reason) };
        Ok(match (fired, reply) {
            (Some(guardrail), Some(reply)) => {
                verdict.evidence(guardrail.message, 0..reply.text.len(), format!("{name} acted on this"))
            }
            _ => verdict,
        })
    }
}
