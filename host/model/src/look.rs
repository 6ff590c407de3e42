//! Where checks looked at a conversation: with it, what was judged can be judged again.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Author, Event, Message, Role};

/// When checks look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LookAt {
    /// An exchange is over.
    Turn,
    /// A workflow has moved on in the middle of an exchange.
    Step,
    /// Nothing more will be said.
    End,
}

/// How far a conversation had come when checks looked at it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Look {
    /// When.
    pub at: LookAt,
    /// Zero-based index of the scripted turn; at the end, of the last one.
    pub turn: u32,
    /// How many messages there were.
    pub messages: u32,
    /// How many events, before the calls of tools that these checks ask for.
    pub events: u32,
    /// What checks may ask for by name and no message tells, as far as it has changed since the look before.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, Value>,
}

impl Look {
    /// The looks at a conversation of one exchange a scripted turn that came to its end.
    pub fn plain(messages: &[Message], events: &[Event]) -> Vec<Self> {
        let starts = |at: &usize| opens(&messages[*at]);
        let mut next = (0..messages.len()).filter(starts).skip(1);
        let all = |at, turn, messages| {
            let events = events.partition_point(|event| at == LookAt::End || event.turn <= turn);
            Self { at, turn, messages, events: events as u32, facts: BTreeMap::new() }
        };
        let exchanges = messages.iter().filter(|message| opens(message)).count() as u32;
        let mut looks = Vec::with_capacity(exchanges as usize + 1);
        for turn in 0..exchanges {
            // The prompt that is put in force before a user speaks is of the user's turn.
            let end = match next.next() {
                Some(start) if messages[start - 1].role == Role::System => start - 1,
                Some(start) => start,
                None => messages.len(),
            };
            looks.push(all(LookAt::Turn, turn, end as u32));
        }
        looks.push(all(LookAt::End, exchanges.saturating_sub(1), messages.len() as u32));
        looks
    }
}

/// Whether an exchange begins with the message.
fn opens(message: &Message) -> bool {
    message.role == Role::User && matches!(message.by, Author::Script | Author::Persona)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_exchange_a_turn_needs_no_notes() {
        let message = |role, by| Message::text(role, by, "");
        let (user, reply) = (message(Role::User, Author::Script), message(Role::Assistant, Author::Model));
        let system = message(Role::System, Author::Script);
        let messages = [system.clone(), user.clone(), reply.clone(), system, user, reply];
        let event = |turn| Event { kind: "state".to_owned(), turn, detail: json!({}) };
        let look = |at, turn, messages, events| Look { at, turn, messages, events, facts: BTreeMap::new() };
        let expected = [look(LookAt::Turn, 0, 3, 1), look(LookAt::Turn, 1, 6, 2), look(LookAt::End, 1, 6, 2)];
        assert_eq!(Look::plain(&messages, &[event(0), event(1)]), expected);
        assert_eq!(Look::plain(&[], &[]), [look(LookAt::End, 0, 0, 0)]);
    }
}
