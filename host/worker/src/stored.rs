//! A finished case on its way to the journal: its record and the line that goes there.

use std::mem;

use arena_model::{Measured, Outcome, Record};

/// Stable name of the error of a record that is larger than the journal takes.
const TOO_LARGE: &str = "RecordTooLarge";
/// Of one that cannot be written as JSON, or not be read back.
const INVALID: &str = "RecordInvalid";

/// A record and what it serialises to. What a model says must not end a run: a record that cannot be stored becomes a
/// small one that says so, with the same ids, tokens, cost and times.
pub(crate) struct Stored {
    pub record: Record,
    pub line: Vec<u8>,
}

impl Stored {
    /// `limit` is that of the journal, bytes of a line.
    pub(crate) fn new(record: Record, limit: u32) -> serde_json::Result<Self> {
        match line(&record) {
            Ok(line) if line.len() <= limit as usize => Ok(Self { record, line }),
            Ok(line) => {
                let why = format!("the record has {} bytes, the limit is {limit}", line.len());
                Self::without_contents(record, TOO_LARGE, &why)
            }
            Err(error) => Self::without_contents(record, INVALID, &format!("the record cannot be stored: {error}")),
        }
    }

    /// Messages and checks are left out whole: half a conversation would be judged by who reads it as if it were all.
    fn without_contents(mut record: Record, error: &str, why: &str) -> serde_json::Result<Self> {
        record.reason = Some(format!("{error}: {why}; messages and checks are left out; it was {}", was(&record)));
        record.outcome = Outcome::Error;
        record.error = Some(error.to_owned());
        record.messages = Vec::new();
        record.events = Vec::new();
        record.checks = Vec::new();
        record.measured = Measured { turns: Vec::new(), checks_us: Vec::new(), ..mem::take(&mut record.measured) };
        let line = line(&record)?;
        Ok(Self { record, line })
    }
}

/// How the case had ended.
fn was(record: &Record) -> String {
    match (record.outcome, &record.error) {
        (Outcome::Error, Some(error)) => format!("error: {error}"),
        (outcome, _) => outcome.as_str().to_owned(),
    }
}

/// The line of a record. Where it holds JSON that a model made, it is read back: nested deep enough, that can be written
/// and never be read.
fn line(record: &Record) -> serde_json::Result<Vec<u8>> {
    let line = serde_json::to_vec(record)?;
    if record.messages.iter().any(|message| !message.tool_calls.is_empty()) {
        serde_json::from_slice::<Record>(&line)?;
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use arena_model::{Author, CaseId, Digest, MeasuredTurn, Message, Role, ToolCall, Usage};
    use serde_json::{Value, json};

    use super::*;

    fn record(messages: Vec<Message>) -> Record {
        let id =
            CaseId { scenario: "s".into(), provider: "p".into(), region: None, trial: 2, row: None, variant: None };
        Record {
            v: 1,
            key: id.key(),
            index: 7,
            input: Digest::of(b"input"),
            scenario: id.scenario,
            provider: id.provider,
            region: None,
            trial: 2,
            row: None,
            variant: None,
            outcome: Outcome::Passed,
            reason: None,
            error: None,
            messages,
            events: vec![],
            looks: None,
            checks: vec![],
            usage: Usage { input: 9, output: 8, cached: 7, ..Usage::default() },
            cost_usd_micro: Some(6),
            measured: Measured {
                started: "2026-01-05T09:30:00Z".into(),
                latency_ms: 5.0,
                turns: vec![MeasuredTurn::default()],
                attempts: 1,
                ..Measured::default()
            },
        }
    }

    fn said(text: &str) -> Record {
        record(vec![Message::text(Role::Assistant, Author::Model, text)])
    }

    #[test]
    fn a_record_at_the_limit_stays_and_one_byte_more_leaves_its_ids_and_costs() {
        let whole = said(&"\u{1}".repeat(1000));
        let size = serde_json::to_vec(&whole).unwrap().len() as u32;
        assert!(size > 6000, "escapes count");
        assert_eq!(Stored::new(whole.clone(), size).unwrap().record, whole);

        let Stored { record: small, line } = Stored::new(whole.clone(), size - 1).unwrap();
        assert_eq!(serde_json::from_slice::<Record>(&line).unwrap(), small);
        assert!(line.len() < 1000);
        assert_eq!((small.outcome, small.error.as_deref()), (Outcome::Error, Some("RecordTooLarge")));
        let reason = small.reason.clone().unwrap();
        assert!(reason.starts_with("RecordTooLarge: ") && reason.contains(&size.to_string()), "{reason}");
        assert!(reason.ends_with("it was passed"), "{reason}");
        let measured = Measured { turns: vec![], ..whole.measured.clone() };
        let (outcome, reason, error) = (small.outcome, small.reason.clone(), small.error.clone());
        assert_eq!(small, Record { outcome, reason, error, messages: vec![], measured, ..whole });
    }

    #[test]
    fn arguments_that_are_nested_too_deep_to_be_read_back_are_left_out() {
        let nested = |depth: usize| {
            let arguments = (0..depth).fold(json!(1), |inner, _| Value::Array(vec![inner]));
            let mut message = Message::text(Role::Assistant, Author::Model, "");
            message.tool_calls = vec![ToolCall::new("1", "f", arguments)];
            record(vec![message])
        };
        assert_eq!(Stored::new(nested(100), 1 << 20).unwrap().record, nested(100));
        let stored = Stored::new(nested(127), 1 << 20).unwrap();
        assert_eq!(stored.record.error.as_deref(), Some("RecordInvalid"));
        assert!(serde_json::from_slice::<Record>(&stored.line).is_ok());
    }
}
