//! Checks on the text of replies: takes a conversation and the words, pattern or limit the user named, gives verdicts
//! with the bytes that speak for them. Never asks a model, never looks at tool calls.
//!
//! Names, aliases, scores and quirks are PromptArena's: lengths are bytes, `contains` looks at the last reply and
//! `contains_any` at all of them, letters compare without case unless `case_sensitive` is set. A conversation without
//! a reply is judged as an empty text. Where ours differ, `docs/compat-notes-a.md` says why.

mod equality;
mod fields;
mod length;
mod pattern;
mod phrases;
mod sentences;
mod similarity;

use arena_guest::prelude::*;

use equality::Equals;
use fields::FieldPresence;
use length::{MaxLength, MinLength};
use pattern::Regex;
use phrases::{AnyOf, BannedWords, Contains, Excludes};
use sentences::SentenceCount;
use similarity::CosineSimilarity;

/// Longest stretch of a pattern or reply that is shown in a reason, in characters.
const SHOWN: usize = 60;

/// Most pieces of evidence one verdict carries, and most patterns its reason names.
const LISTED: usize = 20;

/// Checks on the text of replies: words, patterns, lengths, likeness.
#[evaluator(name = "text")]
mod checks {
    use super::*;

    /// Passes when the last reply contains all patterns; the score is the share found.
    #[check(name = "contains", aliases = ["content_includes"], input = "reply")]
    fn contains(subject: &Subject<'_>, params: Contains) -> Result<Verdict, CheckError> {
        Ok(params.judge(subject))
    }

    /// Passes when any reply of the conversation contains any of the patterns.
    #[check(name = "contains_any", aliases = ["content_includes_any"], input = "conversation")]
    fn contains_any(subject: &Subject<'_>, params: AnyOf) -> Result<Verdict, CheckError> {
        Ok(params.judge(subject))
    }

    /// Passes when no reply of the conversation contains any of the patterns.
    #[check(name = "content_excludes", aliases = ["content_not_includes"], input = "conversation")]
    fn content_excludes(subject: &Subject<'_>, params: Excludes) -> Result<Verdict, CheckError> {
        Ok(params.judge(subject))
    }

    /// Passes when no reply of the conversation contains any of the words; only whole words count.
    #[check(name = "banned_words", input = "conversation")]
    fn banned_words(subject: &Subject<'_>, params: BannedWords) -> Result<Verdict, CheckError> {
        Ok(params.judge(subject))
    }

    /// Passes when the last reply is the expected text.
    #[check(name = "equals", input = "reply")]
    fn equals(subject: &Subject<'_>, params: Equals) -> Result<Verdict, CheckError> {
        Ok(params.judge(subject))
    }

    /// Passes when the last reply matches the regular expression (RE2 syntax), or does not with `expect_match: false`.
    #[check(name = "regex", aliases = ["content_matches"], input = "reply")]
    fn regex(subject: &Subject<'_>, params: Regex) -> Result<Verdict, CheckError> {
        params.judge(subject)
    }

    /// Passes when the last reply has at least this many bytes; the score is actual/min.
    #[check(name = "min_length", input = "reply")]
    fn min_length(subject: &Subject<'_>, params: MinLength) -> Result<Verdict, CheckError> {
        Ok(params.judge(subject))
    }

    /// Passes when the last reply has at most this many bytes (or tokens, taken as bytes/4); the score is max/actual.
    #[check(name = "max_length", aliases = ["length"], input = "reply")]
    fn max_length(subject: &Subject<'_>, params: MaxLength) -> Result<Verdict, CheckError> {
        Ok(params.judge(subject))
    }

    /// Passes when the last reply has at most this many sentences; the score is max/actual.
    #[check(name = "sentence_count", aliases = ["max_sentences"], input = "reply")]
    fn sentence_count(subject: &Subject<'_>, params: SentenceCount) -> Result<Verdict, CheckError> {
        Ok(params.judge(subject))
    }

    /// Passes when the last reply mentions all the fields; the score is the share.
    #[check(name = "field_presence", aliases = ["required_fields"], input = "reply")]
    fn field_presence(subject: &Subject<'_>, params: FieldPresence) -> Result<Verdict, CheckError> {
        Ok(params.judge(subject))
    }

    /// Passes when the last reply means nearly the same as a reference, as embeddings have it; the score is the cosine.
    #[check(name = "cosine_similarity", input = "reply", capabilities = ["embed"])]
    fn cosine_similarity(subject: &Subject<'_>, params: CosineSimilarity) -> Result<Verdict, CheckError> {
        params.judge(subject)
    }
}

/// Index and text of the last reply; an empty text if there is none.
fn last_reply(subject: &Subject<'_>) -> (u32, String) {
    subject.last_reply().map_or_else(Default::default, |reply| (reply.index, reply.text))
}

/// Names from a list, in quotes, cut to what a reason can show.
fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    excerpts(names, LISTED, SHOWN)
}
