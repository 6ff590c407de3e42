//! Which exchanges of a long conversation have to do with what is asked now.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use arena_bundle::{ContextPolicy, Relevance, RelevanceQuery};
use arena_model::{Message, Role, Usage};
use arena_provider::{EMBED_TEXT_BYTES, EMBED_TEXTS};
use serde_json::json;

use super::Run;
use super::context::{Cut, exceeded, said_in};
use crate::case::Trouble;
use crate::embedding::cosine;

/// Most vectors that a case keeps, so that what was said is asked for once.
const KEPT: usize = 1024;

/// Vectors by their text.
pub(super) type Vectors = BTreeMap<String, Vec<f32>>;

/// The exchanges: each from a user's message to the next. What stands before the first belongs to it.
fn exchanges(messages: &[Message]) -> Vec<Range<usize>> {
    let starts = messages.iter().enumerate().filter(|(_, message)| message.role == Role::User).map(|(at, _)| at);
    let starts: Vec<usize> = std::iter::once(0).chain(starts.skip(1)).collect();
    let ends = starts.iter().skip(1).copied().chain([messages.len()]);
    starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect()
}

/// The text of a message as it is compared: none of its prompt, no blank, and as much as a vector is made of.
fn compared(message: &Message) -> Option<String> {
    let text = message.content.text();
    let end = (0..=EMBED_TEXT_BYTES.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    let text = &text[..end];
    (message.role != Role::System && !text.trim().is_empty()).then(|| text.to_owned())
}

/// What exchanges are compared with; none if nothing was said in words.
fn query(query: &RelevanceQuery, messages: &[Message]) -> Option<String> {
    match query {
        RelevanceQuery::LastUser => messages.iter().rev().filter(|it| it.role == Role::User).find_map(compared),
        RelevanceQuery::Last(count) => {
            let mut texts: Vec<_> = messages.iter().rev().filter_map(compared).take(*count).collect();
            texts.reverse();
            let text = texts.join("\n");
            compared(&Message::text(Role::User, arena_model::Author::Script, text))
        }
        RelevanceQuery::Custom(text) => {
            compared(&Message::text(Role::User, arena_model::Author::Script, text.as_str()))
        }
    }
}

/// The first of the exchanges that are always sent: the newest, and those with one of so many newest messages.
fn first_recent(messages: &[Message], exchanges: &[Range<usize>], recent: usize) -> usize {
    let newest: Vec<usize> = (0..messages.len()).rev().filter(|at| messages[*at].role != Role::System).collect();
    let oldest = newest.get(recent.clamp(1, newest.len().max(1)) - 1).copied().unwrap_or(0);
    let last = exchanges.len().saturating_sub(1);
    exchanges.iter().position(|exchange| exchange.contains(&oldest)).unwrap_or(last)
}

impl Run<'_> {
    /// What is sent where the exchanges that have least to do with the question are left out.
    pub(super) async fn relevant(
        &mut self,
        at: u32,
        policy: &ContextPolicy,
        relevance: &Relevance,
        room: u64,
    ) -> Result<Cut, Trouble> {
        let all = &self.conversation.messages;
        let exchanges = exchanges(all);
        let recent = first_recent(all, &exchanges, relevance.recent);
        let always: u64 = exchanges[recent..].iter().map(|exchange| said_in(all, exchange)).sum();
        if always > room {
            let advice =
                "the exchanges that are always sent are too long: raise token_budget or lower min_recent_messages";
            return Err(exceeded(at, policy, always, room, advice));
        }
        let (scores, usage, cost) = self.scores(relevance, &exchanges[..recent]).await?;
        let mut order: Vec<usize> = (0..recent).filter(|at| scores[*at] >= relevance.threshold).collect();
        // Of two that are as near the newer one goes first.
        order.sort_by(|one, other| scores[*other].total_cmp(&scores[*one]).then(other.cmp(one)));
        let (all, mut sent, mut tokens) = (&self.conversation.messages, BTreeSet::new(), always);
        for at in order {
            let weight = said_in(all, &exchanges[at]);
            if tokens + weight <= room {
                tokens += weight;
                sent.insert(at);
            }
        }
        let left_out: Vec<Range<usize>> =
            (0..recent).filter(|at| !sent.contains(at)).map(|at| exchanges[at].clone()).collect();
        let dropped =
            left_out.iter().flat_map(|range| &all[range.clone()]).filter(|it| it.role != Role::System).count();
        let told: Vec<_> = (0..recent)
            .map(|at| json!({"first": exchanges[at].start, "score": scores[at], "sent": sent.contains(&at)}))
            .collect();
        let detail = json!({
            "strategy": policy.strategy.as_str(),
            "dropped": dropped,
            "exchanges": told,
            "tokens": tokens,
            "room": room,
            "embedder": relevance.embedder.as_ref().ok(),
            "usage": usage,
            "cost_usd_micro": cost,
        });
        self.event("context", at, detail);
        Ok(Cut { left_out, ..Cut::default() })
    }

    /// How near each exchange is to what is asked: as near as the nearest of its messages.
    async fn scores(
        &mut self,
        relevance: &Relevance,
        exchanges: &[Range<usize>],
    ) -> Result<(Vec<f64>, Usage, Option<u64>), Trouble> {
        let (all, nothing) = (&self.conversation.messages, (vec![0.0; exchanges.len()], Usage::default(), Some(0)));
        let Some(query) = query(&relevance.query, all).filter(|_| !exchanges.is_empty()) else { return Ok(nothing) };
        let texts: Vec<Vec<String>> =
            exchanges.iter().map(|range| all[range.clone()].iter().filter_map(compared).collect()).collect();
        let wanted: BTreeSet<&str> = texts.iter().flatten().chain([&query]).map(String::as_str).collect();
        let (vectors, usage, cost) = self.vectors(relevance, wanted).await?;
        let lengths: BTreeSet<usize> = vectors.values().map(Vec::len).collect();
        if lengths.len() > 1 {
            let text = format!("embeddings have {lengths:?} numbers, and those of one case have the same number");
            return Err(Trouble::new("BadReply", text));
        }
        let near = |text: &String| vectors.get(&query).zip(vectors.get(text)).map(|(one, other)| cosine(one, other));
        let score = |texts: &Vec<String>| texts.iter().filter_map(near).max_by(f64::total_cmp).unwrap_or(0.0);
        let scores = texts.iter().map(score).collect();
        // The newest are those that the next question is compared with as well.
        let room = KEPT.saturating_sub(self.vectors.len());
        self.vectors.extend(vectors.into_iter().take(room));
        Ok((scores, usage, cost))
    }

    /// The vectors of these texts, and what those cost that were not known.
    async fn vectors(
        &mut self,
        relevance: &Relevance,
        wanted: BTreeSet<&str>,
    ) -> Result<(Vectors, Usage, Option<u64>), Trouble> {
        let id = relevance.embedder.as_ref().map_err(|why| Trouble::new("EmbedderMissing", why.as_str()))?;
        let embedder = self.evaluator.embedder(id)?;
        let known = |text: &&str| Some(((*text).to_owned(), self.vectors.get(*text)?.clone()));
        let mut vectors: Vectors = wanted.iter().filter_map(known).collect();
        let missing: Vec<&str> = wanted.into_iter().filter(|text| !vectors.contains_key(*text)).collect();
        let (mut usage, mut cost) = (Usage::default(), Some(0_u64));
        for texts in missing.chunks(EMBED_TEXTS) {
            let answered = embedder.embed(texts, self.deadline).await;
            let made = answered.as_ref().map_or_else(|error| error.attempts, |reply| reply.attempts);
            self.asked += u64::from(made);
            let reply = answered?;
            usage += reply.usage.unwrap_or_default();
            cost = cost.zip(reply.cost_usd_micro).map(|(sum, one)| sum.saturating_add(one));
            vectors.extend(texts.iter().map(|text| (*text).to_owned()).zip(reply.vectors));
        }
        self.played += usage;
        self.played_cost = self.played_cost.zip(cost).map(|(sum, one)| sum.saturating_add(one));
        Ok((vectors, usage, cost))
    }
}

#[cfg(test)]
mod tests {
    use arena_model::Author;

    use super::*;

    fn said(roles: &str) -> Vec<Message> {
        let role = |letter| match letter {
            's' => Role::System,
            'u' => Role::User,
            't' => Role::Tool,
            _ => Role::Assistant,
        };
        roles.chars().map(|letter| Message::text(role(letter), Author::Script, letter.to_string())).collect()
    }

    #[test]
    fn exchanges_are_whole_and_cover_everything() {
        for (roles, expected) in [
            ("suauatau", &[(0, 3), (3, 7), (7, 8)][..]),
            ("sauau", &[(0, 4), (4, 5)]),
            ("u", &[(0, 1)]),
            ("s", &[(0, 1)]),
        ] {
            let found: Vec<_> = exchanges(&said(roles)).into_iter().map(|part| (part.start, part.end)).collect();
            assert_eq!(found, expected, "{roles}");
        }
    }

    #[test]
    fn the_newest_messages_keep_their_exchanges() {
        let all = said("suauauau");
        for (recent, expected) in [(0, 3), (1, 3), (2, 2), (3, 2), (4, 1), (7, 0), (100, 0)] {
            assert_eq!(first_recent(&all, &exchanges(&all), recent), expected, "{recent}");
        }
    }

    #[test]
    fn what_is_asked_is_words_of_the_conversation_or_the_bundles() {
        let mut all = said("suau");
        assert_eq!(query(&RelevanceQuery::LastUser, &all).as_deref(), Some("u"));
        assert_eq!(query(&RelevanceQuery::Last(2), &all).as_deref(), Some("a\nu"));
        assert_eq!(query(&RelevanceQuery::Custom("x".to_owned()), &all).as_deref(), Some("x"));
        all.push(Message::text(Role::User, Author::Script, " "));
        assert_eq!(query(&RelevanceQuery::LastUser, &all).as_deref(), Some("u"));
        assert_eq!(query(&RelevanceQuery::LastUser, &said("s")), None);
        let long = Message::text(Role::User, Author::Script, "é".repeat(EMBED_TEXT_BYTES));
        assert_eq!(compared(&long).unwrap().len(), EMBED_TEXT_BYTES);
    }
}
