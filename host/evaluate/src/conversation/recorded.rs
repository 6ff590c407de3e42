//! A conversation that was held elsewhere: nobody is called, all of it is judged.

use std::sync::Arc;

use arena_bundle::Recording;
use arena_model::{Conversation, Role};

use super::{Moment, Run};
use crate::case::Trouble;

impl Run<'_> {
    /// Judges each turn on what was said up to its end, then the whole. A failed turn stops nothing: all has been said.
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
            let end = turns.iter().rposition(|turn| *turn == at).map_or(0, |last| last + 1);
            let said = recording.messages[..end].iter().zip(&turns[..end]);
            if !said.rev().take_while(|(_, turn)| **turn == at).any(|(message, _)| message.role == Role::Assistant) {
                // Nobody answered.
                continue;
            }
            self.conversation = Conversation {
                messages: recording.messages[..end].to_vec(),
                turns: turns[..end].to_vec(),
                ..std::mem::take(&mut self.conversation)
            };
            self.judge(Some(at)).await?;
            self.observe(Moment::Turn, Some(at)).await?;
        }
        self.conversation.messages = recording.messages.clone();
        self.conversation.turns = turns;
        Ok(())
    }
}
