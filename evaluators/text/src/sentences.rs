//! The number of sentences.

use std::ops::Range;

use arena_guest::prelude::*;

use crate::last_reply;

/// What ends a sentence, if white space or nothing follows: `$79.99` is no end.
const ENDS: [char; 3] = ['.', '!', '?'];

/// What may stand between that and the white space.
const CLOSERS: [char; 8] = ['"', '\'', ')', ']', '}', '\u{bb}', '\u{201d}', '\u{2019}'];

/// Params of `sentence_count`.
#[derive(Deserialize, Params)]
#[params(validate = SentenceCount::check_limit)]
pub struct SentenceCount {
    /// Most sentences the reply may have.
    #[serde(alias = "max_sentences")]
    max: usize,
}

impl SentenceCount {
    fn check_limit(&self) -> Result<(), String> {
        if self.max == 0 { Err("parameter `max`: must be above zero".to_owned()) } else { Ok(()) }
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Verdict {
        let (message, text) = last_reply(subject);
        let sentences = sentences(&text);
        let count = sentences.len();
        let reason = format!("{count} sentences, at most {} wanted", self.max);
        let verdict = match sentences.get(self.max) {
            None => Verdict::pass(reason),
            Some(over) => {
                let start = over.end - text[over.clone()].trim_start().len();
                let verdict = Verdict::score(self.max as f64 / count as f64, reason).passed(false);
                verdict.evidence(message, start..text.len(), "over the limit")
            }
        };
        verdict.metric("sentences", count as f64)
    }
}

/// The sentences of a text, white space in front included. What stands after the last end is one, too.
fn sentences(text: &str) -> Vec<Range<usize>> {
    let (mut sentences, mut start) = (Vec::new(), 0);
    let mut letters = text.char_indices().peekable();
    while let Some((_, letter)) = letters.next() {
        if !ENDS.contains(&letter) {
            continue;
        }
        while letters.next_if(|(_, next)| ENDS.contains(next) || CLOSERS.contains(next)).is_some() {}
        let (end, ended) = letters.peek().map_or((text.len(), true), |&(at, next)| (at, next.is_whitespace()));
        if ended {
            sentences.push(start..end);
            start = end;
        }
    }
    sentences.push(start..text.len());
    let says = |letter: char| !letter.is_whitespace() && !ENDS.contains(&letter);
    sentences.retain(|sentence| text[sentence.clone()].contains(says));
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        for (text, want) in [
            ("", 0),
            (" \n", 0),
            ("...", 0),
            ("One", 1),
            ("One. Two!? Three...", 3),
            ("It costs $79.99 in v1.5.2.", 1),
            ("He said \"Stop.\" Then (so it seems!) he left.\n\nYes", 4),
            ("Wirklich? Äh... \u{201e}Ja!\u{201d} Nein", 4),
            ("a.b", 1),
        ] {
            assert_eq!(sentences(text).len(), want, "{text}");
        }
    }
}
