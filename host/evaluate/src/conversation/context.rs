//! What of a long conversation its model is sent, where the scenario limits it.

use std::ops::Range;

use arena_bundle::{ContextPolicy, ContextStrategy};
use arena_model::{Author, Message, Role};
use arena_provider::{ChatRequest, MockContext, Provider};
use serde_json::json;

use super::Run;
use crate::case::{Trouble, unsaid};

/// The step under which a mock file holds what a model says of what is left out.
const STEP: &str = "context_summary";
/// What a model is asked for.
const SUMMARIZE: &str = "Summarize the conversation so far in a few sentences. Keep names, numbers and decisions.";
/// How a summary is introduced to the model.
const SUMMARY: &str = "Summary of the conversation so far:";
/// The part of what is left that a summary may take.
const SUMMARY_SHARE: u64 = 4;

/// A part of the conversation that stands in for the whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Cut {
    /// Messages before this one are left out, system prompts apart.
    pub from: usize,
    /// So are these.
    pub left_out: Vec<Range<usize>>,
    /// What was said in them.
    pub summary: Option<String>,
}

impl Cut {
    /// Whether a message is sent.
    pub fn holds(&self, at: usize) -> bool {
        at >= self.from && !self.left_out.iter().any(|range| range.contains(&at))
    }

    /// The summary as the model is shown it.
    pub fn told(&self) -> Option<Message> {
        let summary = self.summary.as_ref()?;
        Some(Message::text(Role::System, Author::Script, format!("{SUMMARY}\n{summary}")))
    }
}

/// Tokens of a text as the original runner estimates them: 1.3 a word, rounded down.
fn tokens(text: &str) -> u64 {
    text.split_whitespace().count() as u64 * 13 / 10
}

/// Tokens of a message: its text and the arguments of its calls.
fn weight(message: &Message) -> u64 {
    let calls = message.tool_calls.iter().map(|call| tokens(&call.arguments.to_string()));
    tokens(&message.content.text()) + calls.sum::<u64>()
}

/// Tokens of what is said from `from` on.
fn said(messages: &[Message], from: usize) -> u64 {
    said_in(messages, &(from..messages.len()))
}

/// Tokens of what is said in a part of the conversation.
pub(super) fn said_in(messages: &[Message], part: &Range<usize>) -> u64 {
    messages[part.clone()].iter().filter(|message| message.role != Role::System).map(weight).sum()
}

/// Where the first exchange after `after` begins from which on everything fits into `room`; none if not even the newest
/// exchange does. An exchange is never taken apart: a result without its call is refused by vendors.
fn first_that_fits(messages: &[Message], after: usize, room: u64) -> Option<usize> {
    let starts = messages.iter().enumerate().skip(after + 1).filter(|(_, message)| message.role == Role::User);
    starts.map(|(at, _)| at).find(|at| said(messages, *at) <= room)
}

/// That something does not fit.
pub(super) fn exceeded(at: u32, policy: &ContextPolicy, have: u64, room: u64, advice: &str) -> Trouble {
    let ContextPolicy { budget, reserve, .. } = policy;
    let text = format!(
        "turn {at}: about {have} tokens are to be sent, and token_budget {budget} leaves room for {room} after the system \
         prompt and reserve_for_output {reserve}; {advice}"
    );
    Trouble::new("ContextExceeded", text)
}

impl Run<'_> {
    /// What of the conversation is to be sent now; none for all of it.
    pub(super) async fn cut(&mut self, at: u32, provider: &dyn Provider) -> Result<Option<Cut>, Trouble> {
        let case = self.case;
        let Some(policy) = &case.scenario.context else { return Ok(None) };
        let system: u64 = self.system_prompts().map(|message| weight(&message)).sum();
        let room = policy.budget.saturating_sub(policy.reserve).saturating_sub(system);
        let kept = self.kept.clone();
        let told = |cut: &Cut| cut.told().as_ref().map_or(0, weight);
        let have = told(&kept) + said(&self.conversation.messages, kept.from);
        if room == 0 {
            return Err(exceeded(at, policy, have, room, "raise token_budget"));
        }
        if have <= room {
            return Ok((kept.from > 0).then_some(kept));
        }
        let (summarize, left) = match &policy.strategy {
            ContextStrategy::Fail => {
                return Err(exceeded(at, policy, have, room, "raise token_budget, or use `strategy: oldest`"));
            }
            ContextStrategy::Relevance(relevance) => {
                return self.relevant(at, policy, relevance, room).await.map(Some);
            }
            ContextStrategy::Oldest => (false, room),
            ContextStrategy::Summarize => (true, room - room / SUMMARY_SHARE),
        };
        let all = &self.conversation.messages;
        let from = first_that_fits(all, kept.from, left).ok_or_else(|| {
            let newest = all.iter().rposition(|message| message.role == Role::User).unwrap_or_default();
            exceeded(at, policy, said(all, newest), left, "the newest exchange alone is too long: raise token_budget")
        })?;
        let dropped = all[..from].iter().filter(|message| message.role != Role::System).count();
        let summary = match summarize {
            true => Some(self.summary(&kept, from, room / SUMMARY_SHARE, at, provider).await?),
            false => None,
        };
        let cut = Cut { from, summary, ..Cut::default() };
        let sent = told(&cut) + said(&self.conversation.messages, from);
        if sent > room {
            return Err(exceeded(at, policy, sent, room, "the summary is too long: raise token_budget"));
        }
        let detail = json!({
            "strategy": policy.strategy.as_str(),
            "dropped": dropped,
            "first": from,
            "tokens": sent,
            "room": room,
            "summary": cut.summary,
        });
        self.event("context", at, detail);
        self.kept = cut.clone();
        Ok(Some(cut))
    }

    /// What the model says of the messages between those left out before and `from`.
    async fn summary(
        &mut self,
        before: &Cut,
        from: usize,
        room: u64,
        at: u32,
        provider: &dyn Provider,
    ) -> Result<String, Trouble> {
        let scenario = self.case.scenario.clone();
        let told = self.conversation.messages[before.from..from].iter();
        let told = told.filter(|message| message.role != Role::System).cloned();
        let mut messages: Vec<Message> = before.told().into_iter().chain(told).collect();
        messages.push(Message::text(Role::User, Author::Script, SUMMARIZE));
        let context = MockContext { scenario: &scenario.id, turn: 1, step: Some(STEP), ..MockContext::default() };
        let most = u32::try_from(room.max(1)).unwrap_or(u32::MAX);
        let request = ChatRequest {
            max_tokens: Some(most),
            ..self.request(&messages, &[], context, self.parameters(self.task()))
        };
        let answered = provider.chat(request).await;
        let reply = self.measured(answered)?;
        self.played += reply.usage.unwrap_or_default();
        self.played_cost = self.played_cost.zip(reply.cost_usd_micro).map(|(sum, one)| sum.saturating_add(one));
        let text = reply.content.text().trim().to_owned();
        match unsaid(&reply, at) {
            Some(trouble) => Err(trouble),
            None if text.is_empty() => {
                Err(Trouble::new("ReplyEmpty", format!("turn {at}: the model says nothing of the conversation so far")))
            }
            None => Ok(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arena_model::ToolCall;

    fn message(role: Role, words: usize) -> Message {
        Message::text(role, Author::Script, vec!["word"; words].join(" "))
    }

    #[test]
    fn tokens_are_those_of_the_original_runner() {
        for (words, expected) in [(0, 0), (1, 1), (3, 3), (4, 5), (10, 13)] {
            assert_eq!(weight(&message(Role::User, words)), expected, "{words}");
        }
        let arguments = json!({"q": "one two three"});
        let call = ToolCall::new("", "", arguments);
        assert_eq!(weight(&Message { tool_calls: vec![call], ..message(Role::Assistant, 10) }), 16);
    }

    #[test]
    fn exchanges_stay_whole_and_the_newest_must_fit() {
        let roles = [Role::System, Role::User, Role::Assistant, Role::User, Role::Assistant, Role::Tool, Role::User];
        let all: Vec<_> = roles.into_iter().map(|role| message(role, 10)).collect();
        assert_eq!(said(&all, 0), 6 * 13);
        // The newest exchange is 13, the two newest are 52.
        for (room, expected) in [(78, Some(1)), (77, Some(3)), (52, Some(3)), (51, Some(6)), (13, Some(6)), (12, None)]
        {
            assert_eq!(first_that_fits(&all, 0, room), expected, "{room}");
        }
        assert_eq!(first_that_fits(&all, 3, 52), Some(6));
    }
}
