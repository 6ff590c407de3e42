//! Notes of how far the conversation had come when checks looked, so that they can look again.

use arena_model::{Look, LookAt, Message, Role, Usage};
use serde_json::{Value, json};

use super::Run;

/// Facts that no message tells.
const UNTOLD: [&str; 2] = ["composition", "workflow"];

impl Run<'_> {
    /// Notes that checks look now.
    pub(super) fn note_look(&mut self, at: LookAt, turn: Option<u32>) {
        let turn = turn.or(self.conversation.turns.last().copied()).unwrap_or_default();
        let mut look = Look {
            at,
            turn,
            messages: self.conversation.messages.len() as u32,
            events: self.conversation.events.len() as u32,
            facts: Default::default(),
        };
        if self.machine.is_some() {
            self.set_facts();
            for name in UNTOLD {
                let fact = self.conversation.facts.get(name);
                if let Some(fact) = fact.filter(|fact| self.noted.get(name) != Some(fact)) {
                    look.facts.insert(name.to_owned(), fact.clone());
                    self.noted.insert(name, fact.clone());
                }
            }
        }
        self.looks.push(look);
    }

    /// The notes, unless they say what messages and events say. A recording is looked at as it stands in the bundle.
    pub(crate) fn looks(&mut self) -> Option<Vec<Look>> {
        let looks = std::mem::take(&mut self.looks);
        let plain = || Look::plain(&self.conversation.messages, &self.conversation.events);
        (self.case.scenario.recording.is_none() && looks != plain()).then_some(looks)
    }
}

/// What the answers so far have cost. A reply whose tokens nobody counted makes the sum unknown, not smaller.
pub(super) fn cost_fact(messages: &[Message]) -> Value {
    let (mut usage, mut cost) = (Some(Usage::default()), Some(0u64));
    for message in messages.iter().filter(|message| message.role == Role::Assistant) {
        usage = usage.zip(message.usage).map(|(mut sum, one)| {
            sum += one;
            sum
        });
        cost = cost.zip(message.cost_usd_micro).map(|(sum, one)| sum.saturating_add(one));
    }
    let tokens = |count: fn(Usage) -> u64| usage.map(count);
    json!({
        "usd_micro": cost,
        "input_tokens": tokens(|usage| usage.input),
        "output_tokens": tokens(|usage| usage.output),
    })
}
