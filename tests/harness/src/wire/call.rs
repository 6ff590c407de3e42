//! What is read of a request, whatever its vendor.

use std::borrow::Cow;

/// What matters of a request.
pub(crate) struct Call<'a> {
    /// The model asked for.
    pub(crate) model: Cow<'a, str>,
    /// The answer is to be a stream.
    pub(crate) stream: bool,
    /// A stream is to end with its usage (chat completions only; all others always do).
    pub(crate) include_usage: bool,
    /// Everything said so far, oldest first; the texts to embed.
    pub(crate) said: Vec<Said<'a>>,
    /// How vectors are wanted.
    pub(crate) vectors: Vectors,
}

impl<'a> Call<'a> {
    pub(super) fn new(model: impl Into<Cow<'a, str>>, stream: bool, said: Vec<Said<'a>>) -> Self {
        Self { model: model.into(), stream, include_usage: true, said, vectors: Vectors::default() }
    }

    /// Texts of the user messages, newest first.
    pub(crate) fn user_texts(&self) -> impl Iterator<Item = &str> {
        self.said.iter().rev().filter(|said| said.by == Speaker::User).map(|said| said.text.as_ref())
    }

    /// True if the newest message is a tool's result.
    pub(crate) fn after_tool(&self) -> bool {
        self.said.last().is_some_and(|said| said.by == Speaker::Tool)
    }
}

/// How an embedding is wanted.
#[derive(Clone, Copy)]
pub(crate) struct Vectors {
    /// Numbers in each vector.
    pub(super) size: usize,
    /// Little-endian floats in base64 instead of a list of numbers.
    pub(super) base64: bool,
}

impl Default for Vectors {
    fn default() -> Self {
        Self { size: 8, base64: false }
    }
}

/// One remark of the conversation.
pub(crate) struct Said<'a> {
    pub(super) by: Speaker,
    pub(super) text: Cow<'a, str>,
}

impl<'a> Said<'a> {
    pub(super) fn new(by: Speaker, text: impl Into<Cow<'a, str>>) -> Self {
        Self { by, text: text.into() }
    }
}

/// Who said it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaker {
    User,
    Tool,
    /// The model, or the system prompt.
    Other,
}

/// One part of a message.
pub(super) enum Part<'a> {
    Text(Cow<'a, str>),
    ToolResult(String),
    /// An image, a call, reasoning.
    Other,
}

/// What a message of parts says: the texts in a row are one remark, each tool's result is one of its own.
pub(super) fn remarks<'a>(by: Speaker, parts: impl IntoIterator<Item = Part<'a>>) -> Vec<Said<'a>> {
    let mut said: Vec<Said<'a>> = Vec::new();
    for part in parts {
        let text = match part {
            Part::ToolResult(text) => {
                said.push(Said::new(Speaker::Tool, text));
                continue;
            }
            Part::Text(text) => text,
            Part::Other => "".into(),
        };
        match said.last_mut() {
            Some(last) if last.by == by && text.is_empty() => {}
            Some(last) if last.by == by && last.text.is_empty() => last.text = text,
            Some(last) if last.by == by => last.text = format!("{}\n{text}", last.text).into(),
            _ => said.push(Said::new(by, text)),
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tools_result_is_a_remark_of_its_own() {
        let parts = [Part::ToolResult("42".into()), Part::Text("a".into()), Part::Other, Part::Text("b".into())];
        let said = remarks(Speaker::User, parts);
        let call = Call::new("m", false, said);
        assert_eq!(call.user_texts().collect::<Vec<_>>(), ["a\nb"]);
        assert!(!call.after_tool());
        assert!(Call::new("m", false, remarks(Speaker::User, [Part::ToolResult("42".into())])).after_tool());
    }
}
