//! Guardrails: checks that act on what is said, before anybody else sees it.

use std::sync::Arc;

use arena_bundle::Validator;
use arena_model::{CheckRecord, Content, Conversation, Message, Outcome, Scope};
use arena_sandbox::GuardAction;
use serde_json::{Value, json};

use super::Run;
use crate::case::Trouble;
use crate::check::unjudged;

/// Said in place of a refused reply where the validator has no message.
const REFUSED: &str = "Sorry, we can't provide this response as it would violate our content policy.";
/// Those that shorten a reply; all others replace it.
const SHORTENING: [&str; 2] = ["max_length", "length"];
/// Params of the guardrail and not of its check.
const OWN: [&str; 2] = ["direction", "message"];

/// What `direction` may be.
const DIRECTIONS: [&str; 3] = ["input", "output", "both"];

/// Which messages a guardrail looks at.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Direction {
    Input,
    Output,
}

impl Direction {
    pub fn as_str(self) -> &'static str {
        if self == Self::Input { "input" } else { "output" }
    }

    pub fn wanted(self, validator: &Validator) -> bool {
        match validator.params["direction"].as_str() {
            Some("both") => true,
            Some("input") => self == Self::Input,
            _ => self == Self::Output,
        }
    }
}

impl Run<'_> {
    /// An error if nothing offers a guardrail in force, or it is not known what it is to look at: nobody is asked anything
    /// without it.
    pub(super) fn know_guards(&self) -> Result<(), Trouble> {
        let library = &self.evaluator.parts.library;
        for validator in self.guards {
            let Validator { kind, file, line, .. } = validator;
            let unknown = || library.find(kind).is_none().then(|| format!("CheckUnknown: {}", library.unknown(kind)));
            if let Some(why) = bad_direction(validator).or_else(unknown) {
                return Err(Trouble::new("GuardrailFailed", format!("{file}:{line}: guardrail `{kind}`: {why}")));
            }
        }
        Ok(())
    }

    /// Lets the guardrails in force look at a message. True if one of them changed it.
    pub(super) async fn guard(
        &mut self,
        message: &mut Message,
        direction: Direction,
        at: u32,
    ) -> Result<bool, Trouble> {
        let mut fired = false;
        let ended = direction == Direction::Output && std::mem::take(&mut self.ended);
        for (index, validator) in (0u32..).zip(self.guards).filter(|(_, validator)| direction.wanted(validator)) {
            let (mut record, micros, wanted) = self.guarded(message, validator, direction, index, at).await?;
            if record.outcome == Outcome::Skipped {
                // Whoever cannot say whether a message may pass must not let it pass.
                let why = record.reason.take().unwrap_or_else(|| "it judges nothing".to_owned());
                (record.outcome, record.error) = (Outcome::Error, Some("GuardrailSkipped".to_owned()));
                record.reason = Some(format!("it was skipped: {why}"));
            }
            let refused = record.outcome != Outcome::Passed;
            let cut = record.evidence.first().map(|span| span.start as usize);
            let error = record.error.clone().zip(record.reason.clone());
            self.checks.push(record);
            self.checks_us.push(micros);
            if let Some((_, why)) = error {
                let text = format!("{}:{}: guardrail `{}`: {why}", validator.file, validator.line, validator.kind);
                return Err(Trouble::new("GuardrailFailed", text));
            }
            if !refused {
                continue;
            }
            // Only the first may have ended the stream.
            let streamed = ended && !fired;
            fired = true;
            let action = act(message, validator, wanted, cut);
            // A refused question is pushed before the refusal.
            let at_message = self.conversation.messages.len() + usize::from(direction == Direction::Input);
            let mut detail = json!({
                "validator": validator.kind,
                "direction": direction.as_str(),
                "action": action,
                "message": at_message,
            });
            if streamed {
                detail["stream"] = json!("ended");
            }
            self.event("guardrail", at, detail);
        }
        if ended && !fired {
            let text = format!("turn {at}: a guardrail ended the stream of a reply that no guardrail refuses");
            return Err(Trouble::new("GuardrailFailed", text));
        }
        Ok(fired)
    }

    async fn guarded(
        &self,
        message: &Message,
        validator: &Validator,
        direction: Direction,
        index: u32,
        at: u32,
    ) -> Result<(CheckRecord, u64, GuardAction), Trouble> {
        let params = guard_params(validator);
        // The message alone, whoever it is from: a guardrail judges what is said now.
        let mut said = message.clone();
        said.role = arena_model::Role::Assistant;
        let subject =
            Arc::new(Conversation { turn: Some(at), messages: vec![said], turns: vec![at], ..Conversation::default() });
        let record = CheckRecord {
            message: validator.message.clone(),
            ..unjudged(Scope::Guardrail, Some(at), index, &validator.kind, validator.params.clone())
        };
        let library = &self.evaluator.bench.library;
        if let (None, Some(entry)) = (library.find(&validator.kind), library.find_guard(&validator.kind)) {
            let text = message.content.text().into_owned();
            return self.watched(text, validator, direction, record, entry).await;
        }
        let (bench, key) = (self.evaluator.bench.clone(), self.key.clone());
        let done =
            self.evaluator.parts.sandbox.on_pool(async move { bench.judge_as(record, &params, &subject, &key).await });
        let (record, micros) = done.await.map_err(Trouble::from_sandbox)?;
        Ok((record, micros, GuardAction::Proceed))
    }
}

/// Why it is not known what a guardrail is to look at. One that looked elsewhere than was meant would let pass what it is
/// there to stop.
pub(crate) fn bad_direction(validator: &Validator) -> Option<String> {
    match &validator.params["direction"] {
        Value::Null => None,
        Value::String(word) if DIRECTIONS.contains(&word.as_str()) => None,
        other => Some(format!("BadParams: parameter `direction`: {other} is none of {}", DIRECTIONS.join(", "))),
    }
}

/// What the check behind a guardrail is called with.
pub(crate) fn guard_params(validator: &Validator) -> Value {
    let mut params = validator.params.clone();
    if let Value::Object(params) = &mut params {
        params.retain(|key, _| !OWN.contains(&key.as_str()));
    }
    params
}

/// Changes the message; says how. A guardrail that says what it wants done gets it; of a check it is known by its type.
fn act(message: &mut Message, validator: &Validator, wanted: GuardAction, cut: Option<usize>) -> &'static str {
    let text = message.content.text().into_owned();
    let refused = match &wanted {
        GuardAction::Replace(text) if !text.is_empty() => text,
        _ => REFUSED,
    };
    let cut = match wanted {
        GuardAction::Truncate(bytes) => Some(bytes),
        _ => cut.filter(|_| SHORTENING.contains(&validator.kind.as_str())),
    };
    message.tool_calls.clear();
    message.by = arena_model::Author::Guardrail;
    match cut.filter(|cut| text.is_char_boundary(*cut)) {
        Some(cut) => {
            message.content = Content::Text(text[..cut].to_owned());
            "truncate"
        }
        None => {
            message.content = Content::Text(validator.message.clone().unwrap_or_else(|| refused.to_owned()));
            "replace"
        }
    }
}
