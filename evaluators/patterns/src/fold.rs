//! Searching without regard to case, with places in the text as it was written.

use std::ops::Range;

/// A text made comparable, and the way back from its bytes to those of the original.
pub struct Folded<'a> {
    original: &'a str,
    text: String,
    /// Where lower-casing changed the length of a character: first byte after it here, and there.
    shifts: Vec<(usize, usize)>,
}

impl<'a> Folded<'a> {
    /// Lower case, character by character; unchanged if `case_sensitive`.
    pub fn new(original: &'a str, case_sensitive: bool) -> Self {
        let mut shifts = Vec::new();
        let text = match (case_sensitive, original.is_ascii()) {
            (true, _) => original.to_owned(),
            (false, true) => original.to_ascii_lowercase(),
            (false, false) => {
                let mut text = String::with_capacity(original.len());
                let mut read = 0;
                for letter in original.chars() {
                    let before = text.len();
                    text.extend(letter.to_lowercase());
                    read += letter.len_utf8();
                    if text.len() - before != letter.len_utf8() {
                        shifts.push((text.len(), read));
                    }
                }
                text
            }
        };
        Self { original, text, shifts }
    }

    /// The first place of `pattern`, as bytes of the original. `pattern` must be folded the same way.
    pub fn find(&self, pattern: &str) -> Option<Range<usize>> {
        self.find_from(pattern, 0).map(|found| self.unfold(found))
    }

    /// The first place of `pattern` where it stands as a word: a letter, digit or underscore at its edge has none
    /// beside it.
    pub fn find_word(&self, pattern: &str) -> Option<Range<usize>> {
        let mut from = 0;
        while let Some(found) = self.find_from(pattern, from) {
            let before = self.text[..found.start].chars().next_back();
            let after = self.text[found.end..].chars().next();
            let joined =
                |inner: Option<char>, outer: Option<char>| inner.is_some_and(is_word) && outer.is_some_and(is_word);
            if !joined(pattern.chars().next(), before) && !joined(pattern.chars().next_back(), after) {
                return Some(self.unfold(found));
            }
            from = found.start + self.text[found.start..].chars().next().map_or(1, char::len_utf8);
        }
        None
    }

    fn find_from(&self, pattern: &str, from: usize) -> Option<Range<usize>> {
        let start = from + self.text.get(from..)?.find(pattern)?;
        Some(start..start + pattern.len())
    }

    /// A range of the folded text as a range of the original, widened to whole characters.
    fn unfold(&self, range: Range<usize>) -> Range<usize> {
        let (mut start, mut end) = (self.original_byte(range.start), self.original_byte(range.end));
        while !self.original.is_char_boundary(start) {
            start -= 1;
        }
        while !self.original.is_char_boundary(end) {
            end += 1;
        }
        start..end.max(start)
    }

    fn original_byte(&self, byte: usize) -> usize {
        let passed = self.shifts.partition_point(|&(here, _)| here <= byte);
        let (here, there) = passed.checked_sub(1).map_or((0, 0), |last| self.shifts[last]);
        let next = self.shifts.get(passed).map_or(self.original.len(), |&(_, there)| there);
        (there + byte - here).min(next)
    }
}

/// A pattern in the form that a text folded with the same `case_sensitive` is searched for.
pub fn fold(pattern: &str, case_sensitive: bool) -> String {
    Folded::new(pattern, case_sensitive).text
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_the_original() {
        // İ (2 bytes) becomes i and a combining dot (3 bytes); the Kelvin sign (3 bytes) becomes k (1 byte).
        for (text, pattern, want) in [
            ("Say REFUND", "refund", "REFUND"),
            ("İİ then Refund", "REFUND", "Refund"),
            ("\u{212a}\u{212a} Refund \u{212a}", "refund", "Refund"),
            ("273 \u{212a}.", "k", "\u{212a}"),
            ("STRASSE ÄÖÜ", "äöü", "ÄÖÜ"),
            ("xİy", "i\u{307}y", "İy"),
            ("xİy", "\u{307}", "İ"),
        ] {
            let found = Folded::new(text, false).find(&fold(pattern, false)).unwrap();
            assert_eq!(&text[found], want, "{pattern} in {text}");
        }
        assert_eq!(Folded::new("Refund", true).find("refund"), None);
        assert_eq!(Folded::new("ΣΑΣ", false).find(&fold("σασ", false)), Some(0..6));
    }

    #[test]
    fn words() {
        let at = |text: &str, word: &str| Folded::new(text, false).find_word(&fold(word, false));
        assert_eq!(at("Hello, hell!", "hell"), Some(7..11));
        assert_eq!(at("shell hello hell_", "hell"), None);
        assert_eq!(at("it is 100% sure", "100%"), Some(6..10));
        assert_eq!(at("it is 2100% sure", "100%"), None);
        assert_eq!(at("cafés café", "café"), Some(7..12));
        assert_eq!(at("aaaa aa", "aa"), Some(5..7));
    }
}
