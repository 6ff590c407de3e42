//! A conversation that was held elsewhere: nobody is called, all of it is judged.

use std::sync::Arc;

use arena_bundle::Recording;
use arena_model::{Compat, Conversation, Role};

use super::{Moment, Run};
use crate::case::Trouble;

impl Run<'_> {
    /// Judges each turn on what was said up to its end, or on all of it where a run is to do as PromptArena does, then the
    /// whole. A failed turn stops nothing: all has been said.
    pub(super) async fn judge_recording(&mut self, recording: &Arc<Recording>) -> Result<(), Trouble> {
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
        for message in &recording.messages {
            self.input.field(message.content.text().as_bytes());
        }
        for at in 0..self.case.scenario.turns.len() as u32 {
            self.check_time(self.timeout)?;
            let end = turns.iter().rposition(|turn| *turn == at).map_or(0, |last| last + 1);
            // What was said before the first user spoke answers nobody.
            let asked =
                turns.iter().zip(&recording.messages).position(|(turn, it)| *turn == at && it.role == Role::User);
            let after = &recording.messages[asked.map_or(end, |asked| asked + 1)..end];
            if !after.iter().any(|message| message.role == Role::Assistant) {
                // Nobody answered.
                continue;
            }
            let seen = if self.evaluator.parts.bundle.conduct.follows(Compat::LastReply) { turns.len() } else { end };
            self.conversation = Conversation {
                messages: recording.messages[..seen].to_vec(),
                turns: turns[..seen].to_vec(),
                ..std::mem::take(&mut self.conversation)
            };
            // How long the answer took when it was recorded, where that is known.
            let newest = (0..end).rev().find(|index| recording.messages[*index].role == Role::Assistant);
            self.took = newest.and_then(|index| *recording.latency_ms.get(index)?);
            self.judge(Some(at)).await?;
            self.observe(Moment::Turn, Some(at)).await?;
        }
        self.conversation.messages = recording.messages.clone();
        self.conversation.turns = turns;
        Ok(())
    }
}
