//! One check or eval that looks at a conversation.

use std::sync::Arc;

use arena_bundle::{Assertion, PackEval};
use arena_model::{CheckRecord, Conversation, Event, Scope};

use super::super::exec::asked_tools;
use crate::check::Planned;

/// A check or an eval at one look.
#[derive(Clone)]
pub(super) enum Item {
    Check(Planned),
    Eval { eval: Arc<PackEval>, turn: Option<u32>, index: u32 },
}

impl Item {
    pub(super) fn assertion(&self) -> &Assertion {
        match self {
            Self::Check(planned) => planned.assertion(),
            Self::Eval { eval, .. } => &eval.check,
        }
    }

    /// Whether both would say the same, wherever they are written.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Check(_), Self::Check(_)) => self.assertion().says_as(other.assertion()),
            (Self::Eval { eval, .. }, Self::Eval { eval: known, .. }) => {
                eval.id == known.id && eval.threshold == known.threshold && eval.check.says_as(&known.check)
            }
            _ => false,
        }
    }

    pub(super) fn place(&self) -> (Scope, Option<u32>, u32) {
        match self {
            Self::Check(planned) => (planned.scope(), planned.turn, planned.index),
            Self::Eval { turn, index, .. } => (Scope::Eval, *turn, *index),
        }
    }
}

pub(super) fn place(record: &CheckRecord) -> (Scope, Option<u32>, u32) {
    (record.scope, record.turn, record.index)
}

/// Whether the tools that a check wants called were called.
pub(super) fn asks_as(item: &Item, subject: &Conversation, heard: &[Event]) -> bool {
    let asked = asked_tools(std::iter::once(item.assertion()), subject);
    asked.iter().all(|(tool, arguments, _)| {
        heard.iter().any(|event| event.detail["tool"] == tool.as_str() && event.detail["args"] == *arguments)
    })
}
