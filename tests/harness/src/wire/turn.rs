//! What is answered, whatever the vendor, and the tokens it is said to take.

use super::Call;
use crate::TokenDetails;

/// What the model says.
#[derive(Default)]
pub(crate) struct Answer {
    pub(crate) text: String,
    /// Name and arguments, JSON text.
    pub(crate) tool_calls: Vec<(String, String)>,
}

/// One call and its answer.
pub(crate) struct Turn<'a> {
    /// Number of the call, for ids.
    pub(crate) number: u64,
    pub(crate) call: &'a Call<'a>,
    pub(crate) answer: &'a Answer,
    /// Pieces a text is cut into.
    pub(crate) pieces: usize,
    pub(crate) details: TokenDetails,
}

impl Turn<'_> {
    /// Tokens of the prompt that no cache had, at least 1.
    pub(super) fn fresh(&self) -> u64 {
        self.call.said.iter().map(|said| said.text.len() as u64 / 4).sum::<u64>().max(1)
    }

    /// All tokens of the prompt.
    pub(super) fn prompt(&self) -> u64 {
        self.fresh() + self.details.cached + self.details.cache_written
    }

    /// Tokens of the text of the answer, at least 1.
    pub(super) fn text(&self) -> u64 {
        (self.answer.text.len() as u64 / 4).max(1)
    }

    /// All tokens of the answer.
    pub(super) fn completion(&self) -> u64 {
        self.text() + self.details.reasoning
    }

    /// The answer calls tools.
    pub(super) fn calls_tools(&self) -> bool {
        !self.answer.tool_calls.is_empty()
    }

    /// The answer has a text, or nothing at all, which is an empty text.
    pub(super) fn has_text(&self) -> bool {
        !self.answer.text.is_empty() || !self.calls_tools()
    }

    /// The text in its pieces.
    pub(super) fn text_pieces(&self) -> Vec<&str> {
        cut(&self.answer.text, self.pieces)
    }
}

/// Cuts a text into about `pieces` pieces, never inside a character.
pub(super) fn cut(text: &str, pieces: usize) -> Vec<&str> {
    let size = text.len().div_ceil(pieces.max(1)).max(1);
    let (mut rest, mut out) = (text, Vec::new());
    while !rest.is_empty() {
        let (head, tail) = rest.split_at(rest.ceil_char_boundary(size));
        out.push(head);
        rest = tail;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_between_characters() {
        assert_eq!(cut("héé", 5), ["h", "é", "é"]);
        assert_eq!(cut("", 5), Vec::<&str>::new());
        assert_eq!(cut("abcdef", 2), ["abc", "def"]);
    }
}
