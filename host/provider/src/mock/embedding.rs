//! Vectors without a model: equal for equal words, and the nearer the more words two texts share.

use std::time::Instant;

use arena_model::{Digest, Usage};
use async_trait::async_trait;

use super::MICRO_USD_PER_TOKEN;
use crate::embed::{EmbedReply, Embedder, check_texts};
use crate::error::ProviderError;
use crate::settings::ProviderSettings;

/// Numbers of a vector.
const DIMENSIONS: u64 = 256;

/// Counts words. What is alike in its meaning alone is not alike to it.
pub(crate) struct MockEmbedder {
    id: String,
    model: String,
}

impl MockEmbedder {
    pub(crate) fn new(settings: &ProviderSettings) -> Self {
        Self { id: settings.id.clone(), model: settings.model.clone() }
    }
}

/// How often each word is in a text, capitals or not, as a vector of length 1. A text without words is a word itself.
fn vector(text: &str) -> Vec<f32> {
    let lower = text.to_lowercase();
    let mut counts = vec![0_u32; DIMENSIONS as usize];
    let mut count = |word: &str| counts[place(word)] += 1;
    let mut words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).peekable();
    match words.peek() {
        Some(_) => words.for_each(count),
        None => count(text),
    }
    let length = counts.iter().map(|count| f64::from(*count).powi(2)).sum::<f64>().sqrt();
    counts.into_iter().map(|count| (f64::from(count) / length) as f32).collect()
}

/// Where a word counts; few of a conversation's words share a place.
fn place(word: &str) -> usize {
    let digest = Digest::of(word.as_bytes());
    let hash = digest.hex().bytes().take(8).fold(0, |sum: u64, digit| (sum << 5) ^ u64::from(digit));
    (hash % DIMENSIONS) as usize
}

#[async_trait]
impl Embedder for MockEmbedder {
    async fn embed(&self, texts: &[&str], _: Instant) -> Result<EmbedReply, ProviderError> {
        check_texts(texts).map_err(|cause| cause.by(&self.id, 0))?;
        // As the mock of a model counts them.
        let input: u64 = texts.iter().map(|text| (text.len() as u64 / 4).max(1)).sum();
        Ok(EmbedReply {
            vectors: texts.iter().map(|text| vector(text)).collect(),
            usage: Some(Usage { input, ..Usage::default() }),
            cost_usd_micro: Some(input * MICRO_USD_PER_TOKEN),
            attempts: 1,
        })
    }

    fn model(&self) -> &str {
        &self.model
    }

    fn endpoint(&self) -> Option<&str> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cosine(one: &str, other: &str) -> f32 {
        vector(one).iter().zip(vector(other)).map(|(one, other)| one * other).sum()
    }

    #[test]
    fn the_more_words_two_texts_share_the_nearer_they_are() {
        let about = |text| cosine("where is my order number seven", text);
        assert!((about("Where is my order number SEVEN?") - 1.0).abs() < 1e-6);
        assert!(about("my order is late") > about("the weather is fine"));
        assert!(about("a completely unrelated remark") < 0.2);
        assert!((cosine("...", "...") - 1.0).abs() < 1e-6);
        assert!(cosine("...", "!!!") < 0.5);
    }
}
