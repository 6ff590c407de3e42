//! Compare texts by what they mean: vectors of them, made by a model that the user named. A check that calls [`embed`]
//! must declare `capabilities = ["embed"]`; its component then imports the `embed` interface and needs that grant.

pub use crate::bindings::evaluator::arena::evaluator::embed::EmbedError;

use crate::CheckError;

/// One vector a text, in the order of the texts, all of one length. `embedder` names a provider of embeddings in the
/// bundle; none for the usual one. Model, key, retries and price are the host's.
pub fn embed(embedder: Option<&str>, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::evaluator::arena::evaluator::embed::embed(embedder, &texts);
    #[cfg(not(target_arch = "wasm32"))]
    crate::testing::next_vectors(embedder, texts)
}

/// The cosine of the angle between two vectors of one length, -1 to 1; 0 if one of them is nothing.
pub fn cosine(one: &[f32], other: &[f32]) -> f64 {
    let product = |one: &[f32], other: &[f32]| -> f64 {
        one.iter().zip(other).map(|(one, other)| f64::from(*one) * f64::from(*other)).sum()
    };
    let lengths = (product(one, one) * product(other, other)).sqrt();
    if lengths > 0.0 { (product(one, other) / lengths).clamp(-1.0, 1.0) } else { 0.0 }
}

impl From<EmbedError> for CheckError {
    fn from(error: EmbedError) -> Self {
        match error {
            EmbedError::Unknown(text) => Self::BadParams(format!("embedder: {text}")),
            EmbedError::Budget(text) => Self::Other(format!("the embedding budget is used up: {text}")),
            EmbedError::Failed(text) => Self::Retryable(format!("the embedding failed: {text}")),
        }
    }
}
