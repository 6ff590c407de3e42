//! Names that occur in many rows, and stand in the page once.

use std::borrow::Cow;
use std::collections::HashMap;

use super::inert;

/// Characters of a name, a reason and every other text outside of transcripts.
const MAX_TEXT: usize = 240;

/// Text as the page shows it outside of transcripts.
pub(super) fn short(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_TEXT {
        return Cow::Borrowed(text);
    }
    match text.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// Names by the number of their first appearance.
#[derive(Default)]
pub(super) struct Names {
    numbers: HashMap<String, u32>,
    names: Vec<String>,
    /// Whether a row needs the name; the page gets no others, but for those of the matrix.
    used: Vec<bool>,
}

impl Names {
    /// Its number.
    pub(super) fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.names.len() as u32;
        self.numbers.insert(name.to_owned(), number);
        self.names.push(name.to_owned());
        self.used.push(false);
        number
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// Marks a name as needed by a row and gives the bytes that costs, none the second time.
    pub(super) fn need(&mut self, number: u32) -> serde_json::Result<usize> {
        let number = number as usize;
        if std::mem::replace(&mut self.used[number], true) {
            return Ok(0);
        }
        Ok(inert(&serde_json::to_string(&short(&self.names[number]))?).len() + 1)
    }

    /// Those that rows need or `kept` says, at the places of their numbers.
    pub(super) fn shown(&self, kept: impl Fn(u32) -> bool) -> Vec<Option<Cow<'_, str>>> {
        let names = self.names.iter().zip(&self.used).zip(0u32..);
        names.map(|((name, used), number)| (*used || kept(number)).then(|| short(name))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_at_a_character() {
        assert_eq!(short(&"é".repeat(MAX_TEXT)), "é".repeat(MAX_TEXT));
        assert_eq!(short(&"é".repeat(MAX_TEXT + 1)), format!("{}…", "é".repeat(MAX_TEXT)));
    }

    #[test]
    fn a_name_is_paid_once_and_shown_only_if_needed() {
        let mut names = Names::default();
        assert_eq!([names.number("a"), names.number("b<"), names.number("a")], [0, 1, 0]);
        assert_eq!([names.need(1).unwrap(), names.need(1).unwrap()], [r#""b\u003c""#.len() + 1, 0]);
        assert_eq!(names.shown(|_| false), [None, Some(Cow::Borrowed("b<"))]);
    }
}
