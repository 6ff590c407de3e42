//! A conversation that was held elsewhere: nobody is called, all of it is judged.

use std::sync::Arc;

use arena_bundle::Recording;
use arena_model::{Compat, Conversation, Role};

use super::{Moment, Run};
use crate::case::Trouble;

/// A turn of a recording that somebody answered, as checks see it.
pub(super) struct Seen {
    pub turn: u32,
    /// How many messages they see.
    pub messages: usize,
    /// Milliseconds that the answer took when it was recorded, where that is known.
    pub took: Option<u64>,
}

/// For each message its turn, and what checks see of each of the first `count` turns: what was said up to its end, or all
/// of it where a run is to do as PromptArena does.
pub(super) fn seen(recording: &Recording, count: u32, all: bool) -> (Vec<u32>, Vec<Seen>) {
    let turns: Vec<u32> = {
        let mut turn = None;
        let mut number = |role: Role| {
            if role == Role::User {
                turn = Some(turn.map_or(0, |turn: u32| turn + 1));
            }
            turn.unwrap_or_default()
        };
        recording.messages.iter().map(|message| number(message.role)).collect()
    };
    let of = |at: u32| {
        let end = turns.iter().rposition(|turn| *turn == at).map_or(0, |last| last + 1);
        // What was said before the first user spoke answers nobody.
        let asked = turns.iter().zip(&recording.messages).position(|(turn, it)| *turn == at && it.role == Role::User);
        let after = &recording.messages[asked.map_or(end, |asked| asked + 1)..end];
        if !after.iter().any(|message| message.role == Role::Assistant) {
            // Nobody answered.
            return None;
        }
        let newest = (0..end).rev().find(|index| recording.messages[*index].role == Role::Assistant);
        let took = newest.and_then(|index| *recording.latency_ms.get(index)?);
        Some(Seen { turn: at, messages: if all { turns.len() } else { end }, took })
    };
    let seen = (0..count).filter_map(of).collect();
    (turns, seen)
}

impl Run<'_> {
    /// Judges each turn, then the whole. A failed turn stops nothing: all has been said.
    pub(super) async fn judge_recording(&mut self, recording: &Arc<Recording>) -> Result<(), Trouble> {
        for message in &recording.messages {
            self.input.field(message.content.text().as_bytes());
        }
        let all = self.evaluator.parts.bundle.conduct.follows(Compat::LastReply);
        let (turns, seen) = seen(recording, self.case.scenario.turns.len() as u32, all);
        for Seen { turn, messages, took } in seen {
            self.check_time(self.timeout)?;
            self.conversation = Conversation {
                messages: recording.messages[..messages].to_vec(),
                turns: turns[..messages].to_vec(),
                ..std::mem::take(&mut self.conversation)
            };
            self.took = took;
            self.judge(Some(turn)).await?;
            self.observe(Moment::Turn, Some(turn)).await?;
        }
        self.conversation.messages = recording.messages.clone();
        self.conversation.turns = turns;
        Ok(())
    }
}
