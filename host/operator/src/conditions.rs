//! Builds the conditions of a status: times change only with the status, the three that kstatus reads fit together.

use arena_crd::{Condition, ConditionStatus};
use k8s_openapi::jiff::Timestamp;

/// Types of conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// All is as it should be.
    Ready,
    /// It is being worked on. Set only while True.
    Reconciling,
    /// Nothing helps but a change by the user. Set only while True.
    Stalled,
    /// The newest fetch of a source failed. Set only while True.
    FetchFailed,
    /// All that a job needs was found and frozen.
    Resolved,
    /// Workers are at a job.
    Progressing,
    /// A job is over, however it ended.
    Finished,
    /// What a job tested is good. Set when it is over.
    Passed,
}

impl Kind {
    /// As it stands in `type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
            Self::FetchFailed => "FetchFailed",
            Self::Resolved => "Resolved",
            Self::Progressing => "Progressing",
            Self::Finished => "Finished",
            Self::Passed => "Passed",
        }
    }
}

/// The conditions of one object, made new from what they were. What is not set again is dropped.
#[derive(Debug)]
pub struct Conditions<'a> {
    old: &'a [Condition],
    new: Vec<Condition>,
    generation: Option<i64>,
    now: Timestamp,
}

impl<'a> Conditions<'a> {
    /// Of an object of this generation.
    pub fn new(old: &'a [Condition], generation: Option<i64>, now: Timestamp) -> Self {
        Self { old, new: Vec::new(), generation, now }
    }

    /// Sets one. A message over the limit is cut at a character.
    pub fn set(&mut self, kind: Kind, status: ConditionStatus, reason: &str, message: impl Into<String>) -> &mut Self {
        let old = Condition::find(self.old, kind.name());
        let since = old.filter(|old| old.status == status).map(|old| old.last_transition_time.clone());
        self.new.retain(|condition| condition.type_ != kind.name());
        self.new.push(Condition {
            type_: kind.name().to_owned(),
            status,
            observed_generation: self.generation,
            last_transition_time: since.unwrap_or_else(|| time(self.now)),
            reason: reason.to_owned(),
            message: cut(message.into()),
        });
        self
    }

    /// All is as it should be.
    pub fn ready(&mut self, reason: &str, message: impl Into<String>) -> &mut Self {
        self.set(Kind::Ready, ConditionStatus::True, reason, message)
    }

    /// Not ready, and being worked on: it gets ready by itself or when what it waits for is there.
    pub fn waiting(&mut self, reason: &str, message: impl Into<String>) -> &mut Self {
        let message = message.into();
        self.set(Kind::Reconciling, ConditionStatus::True, reason, message.clone());
        self.set(Kind::Ready, ConditionStatus::False, reason, message)
    }

    /// Not ready, and only a change by the user helps.
    pub fn stalled(&mut self, reason: &str, message: impl Into<String>) -> &mut Self {
        let message = message.into();
        self.set(Kind::Stalled, ConditionStatus::True, reason, message.clone());
        self.set(Kind::Ready, ConditionStatus::False, reason, message)
    }

    /// Keeps one as it was.
    pub fn keep(&mut self, kind: Kind) -> &mut Self {
        if let Some(old) = Condition::find(self.old, kind.name()) {
            self.new.retain(|condition| condition.type_ != kind.name());
            self.new.push(old.clone());
        }
        self
    }

    /// Sorted by type, so that equal conditions give equal bytes.
    pub fn finish(self) -> Vec<Condition> {
        let mut conditions = self.new;
        conditions.sort_by(|a, b| a.type_.cmp(&b.type_));
        conditions
    }
}

/// RFC 3339 in whole seconds, as Kubernetes writes times.
pub(crate) fn time(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second()).unwrap_or(at).to_string()
}

fn cut(mut text: String) -> String {
    if text.len() > Condition::MESSAGE_BYTES {
        let end = text.floor_char_boundary(Condition::MESSAGE_BYTES - "…".len());
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_time_moves_with_the_status_alone() {
        let mut conditions = Conditions::new(&[], Some(1), at(100));
        conditions.waiting("SourceNotFound", "a");
        let first = conditions.finish();
        let mut conditions = Conditions::new(&first, Some(2), at(200));
        conditions.set(Kind::Ready, ConditionStatus::False, "SourceNotReady", "b");
        let second = conditions.finish();
        assert_eq!(second.len(), 1, "Reconciling was not set again: {second:?}");
        assert_eq!(second[0].last_transition_time, "1970-01-01T00:01:40Z");
        assert_eq!((second[0].reason.as_str(), second[0].observed_generation), ("SourceNotReady", Some(2)));
        let mut conditions = Conditions::new(&second, Some(2), at(300));
        conditions.ready("Ready", "");
        assert_eq!(conditions.finish()[0].last_transition_time, "1970-01-01T00:05:00Z");
    }

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        let mut conditions = Conditions::new(&[], None, at(0));
        conditions.ready("Ready", "ä".repeat(2000));
        let message = &conditions.finish()[0].message;
        assert!(message.len() <= Condition::MESSAGE_BYTES && message.ends_with("ä…"));
        let mut conditions = Conditions::new(&[], None, at(0));
        conditions.ready("Ready", "x".repeat(Condition::MESSAGE_BYTES));
        assert_eq!(conditions.finish()[0].message, "x".repeat(Condition::MESSAGE_BYTES));
    }
}
