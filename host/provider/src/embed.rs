//! Texts as vectors: one call to a model that makes embeddings.

use std::time::Instant;

use arena_model::Usage;
use async_trait::async_trait;

use crate::chat::Remark;
use crate::error::{Cause, ProviderError};

/// Most texts of one call.
pub const EMBED_TEXTS: usize = 64;
/// Longest text of a call, bytes: about what the models read of a text.
pub const EMBED_TEXT_BYTES: usize = 32 << 10;
/// Most numbers of a vector.
pub const EMBED_DIMENSIONS: usize = 4096;

/// A model that turns texts into vectors.
#[async_trait]
pub trait Embedder: Send + Sync {
    /// The vectors of `texts`, in their order, retrying what may pass. No attempt and no wait goes past the deadline.
    ///
    /// # Errors
    /// For more texts than [`EMBED_TEXTS`], an empty one and one of more than [`EMBED_TEXT_BYTES`], before any call; for
    /// an answer that has not one vector a text, all of one length and of numbers.
    async fn embed(&self, texts: &[&str], deadline: Instant) -> Result<EmbedReply, ProviderError>;

    /// The model's name as the vendor knows it.
    fn model(&self) -> &str;

    /// `host[:port]` that is called; none if nothing is called.
    fn endpoint(&self) -> Option<&str>;

    /// What of its settings has no effect, or will be missing.
    fn remarks(&self) -> &[Remark] {
        &[]
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub struct EmbedReply {
    /// One for each text, all of one length.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens; none if the vendor does not count them.
    pub usage: Option<Usage>,
    /// Millionths of a US dollar; none if price or tokens are not known.
    pub cost_usd_micro: Option<u64>,
    /// Attempts made, those that failed included; several for texts that the vendor takes one by one.
    pub attempts: u32,
}

/// Whether these texts may be asked for.
pub(crate) fn check_texts(texts: &[&str]) -> Result<(), Cause> {
    let refused = |text: String| Err(Cause::TextsRefused { text });
    if texts.len() > EMBED_TEXTS {
        return refused(format!("{} texts are more than the limit of {EMBED_TEXTS} a call", texts.len()));
    }
    for (at, text) in texts.iter().enumerate() {
        if text.is_empty() {
            return refused(format!("text {at} is empty"));
        }
        if text.len() > EMBED_TEXT_BYTES {
            return refused(format!("text {at} has {} bytes, more than the limit of {EMBED_TEXT_BYTES}", text.len()));
        }
    }
    Ok(())
}

/// Whether these are vectors for so many texts; what is wrong with them if not.
pub(crate) fn check_vectors(vectors: &[Vec<f32>], texts: usize) -> Result<(), String> {
    if vectors.len() != texts {
        return Err(format!("it has {} vectors for {texts} texts", vectors.len()));
    }
    let length = vectors.first().map_or(0, Vec::len);
    for (at, vector) in vectors.iter().enumerate() {
        if vector.len() != length {
            return Err(format!("vector {at} has {} numbers, the first {length}", vector.len()));
        }
        if !vector.iter().all(|number| number.is_finite()) {
            return Err(format!("vector {at} holds something that is no number"));
        }
        if !vector.is_empty() && vector.iter().all(|number| *number == 0.0) {
            return Err(format!("vector {at} is nothing but zeros, which point nowhere"));
        }
    }
    match length {
        0 if texts > 0 => Err("its vectors are empty".to_owned()),
        length if length > EMBED_DIMENSIONS => {
            Err(format!("its vectors have {length} numbers, more than the limit of {EMBED_DIMENSIONS}"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_limits() {
        let refused = |texts: &[&str]| check_texts(texts).map_err(|cause| cause.to_string());
        assert_eq!(refused(&["a"; EMBED_TEXTS]), Ok(()));
        assert!(refused(&["a"; EMBED_TEXTS + 1]).unwrap_err().contains("65 texts"));
        let long = "a".repeat(EMBED_TEXT_BYTES);
        assert_eq!(refused(&[&long]), Ok(()));
        let long = format!("{long}a");
        assert!(refused(&["a", &long]).unwrap_err().contains("text 1 has 32769 bytes"));
        assert!(refused(&["a", ""]).unwrap_err().contains("text 1 is empty"));
        assert_eq!(refused(&[]), Ok(()));
    }

    #[test]
    fn vectors_are_one_a_text_of_one_length_and_of_numbers() {
        let most = vec![0.5; EMBED_DIMENSIONS];
        assert_eq!(check_vectors(&[most.clone(), most.clone()], 2), Ok(()));
        assert_eq!(check_vectors(&[], 0), Ok(()));
        for (vectors, texts, why) in [
            (vec![vec![1.0]], 2, "1 vectors for 2 texts"),
            (vec![vec![1.0], vec![1.0, 2.0]], 2, "vector 1 has 2 numbers, the first 1"),
            (vec![vec![1.0], vec![f32::NAN]], 2, "vector 1 holds"),
            (vec![vec![f32::INFINITY]], 1, "vector 0 holds"),
            (vec![vec![]], 1, "empty"),
            (vec![vec![1.0, 0.0], vec![0.0, -0.0]], 2, "vector 1 is nothing but zeros"),
            (vec![[most, vec![0.5]].concat()], 1, "4097 numbers"),
        ] {
            let said = check_vectors(&vectors, texts).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }
}
