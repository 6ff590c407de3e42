//! A provider that says what was said once, without a network.

use std::time::Duration;

use arena_model::{Message, Role};
use async_trait::async_trait;
use serde_json::Value;

use crate::chat::{ChatReply, ChatRequest, Provider, Remark};
use crate::error::{Cause, ProviderError};
use crate::settings::ProviderSettings;

/// Answers with the replies of a recorded conversation.
pub(crate) struct Replay {
    id: String,
    model: String,
    /// Replies in order, each with what the user had said last.
    replies: Vec<(String, Message)>,
    /// By what the user said last, not by the number of the call.
    by_content: bool,
    remarks: Vec<Remark>,
}

impl Replay {
    pub(crate) fn new(settings: &ProviderSettings) -> Result<Self, Cause> {
        let none =
            || Cause::ReplayInvalid { text: "give `recording` or `arena_output`, with replies in it".to_owned() };
        let recorded = settings.replayed.as_ref().ok_or_else(none)?;
        let recorded = recorded.as_ref().map_err(|why| Cause::ReplayInvalid { text: why.clone() })?;
        let (mut asked, mut replies) = (String::new(), Vec::new());
        for message in recorded {
            match message.role {
                Role::User => asked = message.content.text().into_owned(),
                Role::Assistant => replies.push((asked.clone(), message.clone())),
                Role::System | Role::Tool => {}
            }
        }
        if replies.is_empty() {
            return Err(none());
        }
        let config = |key: &str| settings.additional_config.get(key).and_then(Value::as_str);
        let by_content = match config("match") {
            None | Some("turn") => false,
            Some("content") => true,
            Some(other) => {
                return Err(Cause::ReplayInvalid { text: format!("`match` is turn or content, not {other:?}") });
            }
        };
        let timing = config("timing").filter(|timing| *timing != "instant");
        let remarks = timing.map(|timing| Remark {
            reason: "ParameterLeftOut",
            text: format!("`timing: {timing}` is left out: replays are instant"),
        });
        let (id, model) = (settings.id.clone(), settings.model.clone());
        Ok(Self { id, model, replies, by_content, remarks: remarks.into_iter().collect() })
    }

    /// The reply to a call: to what the user said last, else the one whose number the call has within its conversation.
    fn reply(&self, messages: &[Message]) -> Option<&Message> {
        let replies = |messages: &[Message]| messages.iter().filter(|message| message.role == Role::Assistant).count();
        let asked = messages.iter().rposition(|message| message.role == Role::User).filter(|_| self.by_content);
        let by_content = asked.and_then(|at| {
            let text = messages[at].content.text();
            // A model at its tools replies to one question more than once.
            self.replies.iter().filter(|(known, _)| *known == text).nth(replies(&messages[at..]))
        });
        by_content.or_else(|| self.replies.get(replies(messages))).map(|(_, reply)| reply)
    }
}

#[async_trait]
impl Provider for Replay {
    async fn chat(&self, request: ChatRequest<'_>) -> Result<ChatReply, ProviderError> {
        let reply = self
            .reply(request.messages)
            .cloned()
            .ok_or_else(|| Cause::ReplayExhausted { replies: self.replies.len() as u32 }.by(&self.id, 0))?;
        let finish = match (reply.tool_calls.is_empty(), reply.content.text().is_empty()) {
            (false, _) => Some("tool-calls"),
            (true, false) => Some("stop"),
            // Nobody knows why nothing was said.
            (true, true) => None,
        };
        let finish = reply.finish.clone().or_else(|| finish.map(str::to_owned));
        // Nothing is paid for what was said before.
        let message = Message { finish, cost_usd_micro: Some(0), ..reply };
        let ttft = request.stream.then_some(Duration::ZERO);
        Ok(ChatReply { message, latency: Duration::ZERO, ttft, attempts: 0, retried: Vec::new(), cached: false })
    }

    fn model(&self) -> &str {
        &self.model
    }

    fn endpoint(&self) -> Option<&str> {
        None
    }

    fn remarks(&self) -> &[Remark] {
        &self.remarks
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use arena_model::{Author, Fault as _};
    use serde_json::json;

    use super::*;

    fn said(texts: &[(Role, &str)]) -> Vec<Message> {
        texts.iter().map(|(role, text)| Message::text(*role, Author::Script, *text)).collect()
    }

    fn replay(config: Value) -> Result<Replay, Cause> {
        let mut settings = ProviderSettings::new("p", "replay", "m");
        settings.replayed = Some(Ok(said(&[
            (Role::User, "one?"),
            (Role::Assistant, "one"),
            (Role::User, "two?"),
            (Role::Assistant, "two"),
        ])));
        settings.additional_config = config;
        Replay::new(&settings)
    }

    async fn answer(replay: &Replay, messages: &[Message]) -> Result<String, ProviderError> {
        let reply = replay.chat(ChatRequest::new(messages, Instant::now())).await?;
        Ok(reply.message.content.text().into_owned())
    }

    #[tokio::test]
    async fn calls_are_counted_within_their_conversation() {
        let replay = replay(json!({})).unwrap();
        let first = said(&[(Role::User, "two?")]);
        assert_eq!(answer(&replay, &first).await.unwrap(), "one");
        assert_eq!(answer(&replay, &first).await.unwrap(), "one", "conversations do not count for each other");
        let second = said(&[(Role::User, "a"), (Role::Assistant, "b"), (Role::User, "c")]);
        assert_eq!(answer(&replay, &second).await.unwrap(), "two");
        let third = said(&[(Role::Assistant, "b"), (Role::Assistant, "c")]);
        assert_eq!(answer(&replay, &third).await.unwrap_err().reason(), "ReplayExhausted");
    }

    #[tokio::test]
    async fn by_content_the_question_decides() {
        let replay = replay(json!({"match": "content", "timing": "realtime"})).unwrap();
        assert_eq!(answer(&replay, &said(&[(Role::User, "two?")])).await.unwrap(), "two");
        assert_eq!(answer(&replay, &said(&[(Role::User, "three?")])).await.unwrap(), "one");
        assert_eq!(replay.remarks.len(), 1);
    }

    #[test]
    fn what_cannot_be_replayed_is_refused() {
        assert!(matches!(replay(json!({"match": "mood"})), Err(Cause::ReplayInvalid { .. })));
        let settings = ProviderSettings::new("p", "replay", "m");
        assert!(matches!(Replay::new(&settings), Err(Cause::ReplayInvalid { .. })));
    }
}
