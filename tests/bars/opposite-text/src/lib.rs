//! The types of the standard `text` component with the opposite verdicts: takes the same params, passes what that one
//! fails and fails what it passes. With it in that one's place every verdict of these types must turn over; one that
//! does not was never the component's. Knows the plain meaning of each type and none of its finer points.

use arena_guest::prelude::*;
use regex_lite::RegexBuilder;

#[derive(Deserialize, Params)]
struct Phrases {
    /// Texts to look for.
    #[serde(default, alias = "words")]
    patterns: Vec<String>,
    /// Whether letters must also agree in case.
    #[serde(default)]
    case_sensitive: bool,
}

#[derive(Deserialize, Params)]
struct Equals {
    /// The text that is expected.
    expected: String,
}

#[derive(Deserialize, Params)]
struct Pattern {
    /// Regular expression to look for.
    pattern: String,
    /// Whether it is to be found.
    #[serde(default = "yes")]
    expect_match: bool,
}

#[derive(Deserialize, Params)]
struct Fewest {
    /// Fewest bytes.
    #[serde(default, alias = "min_characters", alias = "min_chars")]
    min: i64,
}

#[derive(Deserialize, Params)]
struct Most {
    /// Most bytes.
    #[serde(alias = "max_characters", alias = "max_chars")]
    max: Option<usize>,
    /// Most tokens of four bytes.
    max_tokens: Option<usize>,
}

fn yes() -> bool {
    true
}

impl Phrases {
    fn found(&self, text: &str) -> impl Iterator<Item = bool> {
        let fold = |text: &str| if self.case_sensitive { text.to_owned() } else { text.to_lowercase() };
        let text = fold(text);
        self.patterns.iter().map(move |pattern| text.contains(&fold(pattern)))
    }
}

/// What would be said of `holds`, turned over.
fn opposite(holds: bool) -> Result<Verdict, CheckError> {
    Ok(if holds { Verdict::fail("it holds, so no") } else { Verdict::pass("it does not hold, so yes") })
}

/// The types of the standard text component, turned over.
#[evaluator(name = "text")]
mod checks {
    use super::*;

    /// Passes when a pattern is missing in the last reply.
    #[check(name = "contains", aliases = ["content_includes"], input = "reply")]
    fn contains(subject: &Subject<'_>, params: Phrases) -> Result<Verdict, CheckError> {
        opposite(params.found(&subject.reply_text()).all(|found| found))
    }

    /// Passes when no reply has any of the patterns.
    #[check(name = "contains_any", aliases = ["content_includes_any"], input = "conversation")]
    fn contains_any(subject: &Subject<'_>, params: Phrases) -> Result<Verdict, CheckError> {
        opposite(subject.replies().into_iter().any(|reply| params.found(&reply.text).any(|found| found)))
    }

    /// Passes when some reply has one of the patterns.
    #[check(name = "content_excludes", aliases = ["content_not_includes"], input = "conversation")]
    fn content_excludes(subject: &Subject<'_>, params: Phrases) -> Result<Verdict, CheckError> {
        opposite(!subject.replies().into_iter().any(|reply| params.found(&reply.text).any(|found| found)))
    }

    /// Passes when some reply has one of the words.
    #[check(name = "banned_words", input = "conversation")]
    fn banned_words(subject: &Subject<'_>, params: Phrases) -> Result<Verdict, CheckError> {
        let banned = |word: &str| params.patterns.iter().any(|pattern| pattern.eq_ignore_ascii_case(word));
        let has = |text: &str| text.split(|c: char| !c.is_alphanumeric()).any(banned);
        opposite(!subject.replies().into_iter().any(|reply| has(&reply.text)))
    }

    /// Passes when the last reply is another text.
    #[check(name = "equals", input = "reply")]
    fn equals(subject: &Subject<'_>, params: Equals) -> Result<Verdict, CheckError> {
        opposite(subject.reply_text().trim() == params.expected.trim())
    }

    /// Passes when the last reply does not match, or does with `expect_match: false`.
    #[check(name = "regex", aliases = ["content_matches"], input = "reply")]
    fn regex(subject: &Subject<'_>, params: Pattern) -> Result<Verdict, CheckError> {
        let pattern = RegexBuilder::new(&params.pattern).build();
        let pattern = pattern.map_err(|error| CheckError::BadParams(error.to_string()))?;
        opposite(pattern.is_match(&subject.reply_text()) == params.expect_match)
    }

    /// Passes when the last reply is shorter.
    #[check(name = "min_length", input = "reply")]
    fn min_length(subject: &Subject<'_>, params: Fewest) -> Result<Verdict, CheckError> {
        opposite(subject.reply_text().len() as i64 >= params.min)
    }

    /// Passes when the last reply is longer.
    #[check(name = "max_length", aliases = ["length"], input = "reply")]
    fn max_length(subject: &Subject<'_>, params: Most) -> Result<Verdict, CheckError> {
        let length = subject.reply_text().len();
        opposite(params.max.is_none_or(|max| length <= max) && params.max_tokens.is_none_or(|max| length / 4 <= max))
    }
}
