//! What a check judges, offered lazily: only what is asked for is copied into the component.

use serde_json::Value;

use crate::bindings::evaluator::arena::evaluator::subject::Conversation;
use crate::{Event, Message, Role, ToolCall};

/// A conversation as far as it has gone.
pub struct Subject<'a>(Source<'a>);

enum Source<'a> {
    Host(&'a Conversation),
    #[cfg(not(target_arch = "wasm32"))]
    Test(Box<crate::testing::Conversation>),
}

/// An assistant message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Index of the message, for evidence.
    pub index: u32,
    /// All text parts, joined by a newline.
    pub text: String,
}

/// One call to whatever stands behind the subject.
macro_rules! ask {
    ($subject:expr, $source:ident => $call:expr) => {
        match &$subject.0 {
            Source::Host($source) => $call,
            #[cfg(not(target_arch = "wasm32"))]
            Source::Test($source) => $call,
        }
    };
}

impl<'a> Subject<'a> {
    pub(crate) fn host(conversation: &'a Conversation) -> Self {
        Self(Source::Host(conversation))
    }

    /// A subject for native tests.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn test(conversation: crate::testing::Conversation) -> Subject<'static> {
        Subject(Source::Test(Box::new(conversation)))
    }

    /// Zero-based index of the scripted turn under judgement; none when the whole conversation is.
    pub fn turn(&self) -> Option<u32> {
        ask!(self, source => source.turn())
    }

    /// Number of messages so far.
    pub fn len(&self) -> u32 {
        ask!(self, source => source.len())
    }

    /// True before the first message.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Message `index` with its parts.
    pub fn message(&self, index: u32) -> Option<Message> {
        ask!(self, source => source.message(index))
    }

    /// Text of message `index`, without its parts.
    pub fn text(&self, index: u32) -> Option<String> {
        ask!(self, source => source.text(index))
    }

    /// All messages, fetched one at a time.
    pub fn messages(&self) -> impl Iterator<Item = Message> + '_ {
        (0..self.len()).filter_map(|index| self.message(index))
    }

    /// Index and text of the newest assistant message; none before the first.
    pub fn last_reply(&self) -> Option<Reply> {
        let index = ask!(self, source => source.last_reply())?;
        Some(Reply { index, text: self.text(index)? })
    }

    /// Text of the newest assistant message; empty before the first.
    pub fn reply_text(&self) -> String {
        self.last_reply().map_or_else(String::new, |reply| reply.text)
    }

    /// Indices of the messages with this role, in order.
    pub fn by_role(&self, role: Role) -> Vec<u32> {
        ask!(self, source => source.by_role(role_name(role)))
    }

    /// All assistant messages in order, fetched one at a time.
    pub fn replies(&self) -> impl Iterator<Item = Reply> + '_ {
        let indices = self.by_role(Role::Assistant).into_iter();
        indices.filter_map(|index| Some(Reply { index, text: self.text(index)? }))
    }

    /// All tool calls so far, earlier turns included.
    pub fn tool_calls(&self) -> Vec<ToolCall> {
        ask!(self, source => source.tool_calls())
    }

    /// Events of one kind so far, or of all kinds for the empty string.
    pub fn events(&self, kind: &str) -> Vec<Event> {
        ask!(self, source => source.events(kind))
    }

    /// A named fact about the case: `variables`, `metadata`, `expected`, `row`, `latency_ms`, `cost`, `workflow`,
    /// `composition`. None if the host does not know it.
    pub fn fact(&self, name: &str) -> Option<Value> {
        let json = ask!(self, source => source.fact(name))?;
        serde_json::from_str(&json).ok()
    }
}

/// The word for `role` in the contract.
pub(crate) fn role_name(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Conversation;

    #[test]
    fn offers_what_the_conversation_holds() {
        let conversation = Conversation::new()
            .system("be kind")
            .user("hi")
            .assistant("hello")
            .tool_call("search", r#"{"q":1}"#, Ok("found"))
            .user("and?")
            .assistant("bye")
            .with_fact("expected", serde_json::json!({"a": 1}));
        let subject = Subject::test(conversation);
        assert_eq!(subject.len(), 5);
        assert_eq!(subject.last_reply(), Some(Reply { index: 4, text: "bye".to_owned() }));
        assert_eq!(subject.by_role(Role::Assistant), [2, 4]);
        assert_eq!(subject.replies().map(|reply| reply.text).collect::<Vec<_>>(), ["hello", "bye"]);
        assert_eq!(subject.messages().count(), 5);
        assert_eq!(subject.tool_calls()[0].outcome.as_deref(), Some("found"));
        assert_eq!(subject.fact("expected"), Some(serde_json::json!({"a": 1})));
        assert_eq!(subject.fact("row"), None);
        assert!(subject.text(5).is_none() && subject.events("").is_empty() && subject.turn().is_none());
    }

    #[test]
    fn messages_have_parts() {
        let conversation = Conversation::new()
            .assistant("here")
            .part("image", Some("image/png"), serde_json::json!({"width": 2}))
            .tool("made");
        let subject = Subject::test(conversation);
        let parts: Vec<_> = subject.messages().map(|message| message.parts).collect();
        assert_eq!((parts[0][0].kind.as_str(), parts[0][0].info.as_str()), ("image", r#"{"width":2}"#));
        assert_eq!((parts[0][0].mime_type.as_deref(), parts[1].len()), (Some("image/png"), 0));
        assert_eq!(subject.by_role(Role::Tool), [1]);
    }

    #[test]
    fn results_of_tools_are_messages_with_parts() {
        let conversation = Conversation::new()
            .user("draw")
            .assistant("")
            .tool_call("draw", "{}", Ok("done"))
            .tool_result("done")
            .media("image", "image/png");
        let message = Subject::test(conversation).message(2).unwrap();
        assert_eq!((message.role, message.tool_call_id.as_deref()), (Role::Tool, Some("call_0")));
        assert_eq!((message.turn, message.text.as_str()), (0, "done"));
        assert_eq!(
            (message.parts[0].kind.as_str(), message.parts[0].mime_type.as_deref()),
            ("image", Some("image/png"))
        );
    }

    #[test]
    fn nothing_said_yet() {
        let subject = Subject::test(Conversation::new());
        assert!(subject.is_empty() && subject.last_reply().is_none());
        assert_eq!(subject.reply_text(), "");
    }
}
