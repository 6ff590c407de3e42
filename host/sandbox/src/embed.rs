//! Embeddings as the sandbox sees them: a trait that the evaluation implements.

use arena_model::Usage;

/// What a guest asks.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct EmbedQuestion {
    /// Name of a provider of embeddings; none for the usual one.
    pub embedder: Option<String>,
    /// What vectors are wanted of.
    pub texts: Vec<String>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub struct EmbedAnswer {
    /// Name of the provider that made them.
    pub embedder: String,
    /// One vector a text, in the order of the texts.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens.
    pub usage: Usage,
    /// Millionths of a US dollar; none if the price is unknown.
    pub cost_usd_micro: Option<u64>,
}

/// Why there are no vectors.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmbedFailure {
    /// No provider of that name, or none at all.
    #[error("{0}")]
    Unknown(String),
    /// The provider failed after the host's retries, or takes no such texts.
    #[error("{0}")]
    Failed(String),
}

/// Makes vectors of the guest's texts. Must not evaluate anything itself.
#[async_trait::async_trait]
pub trait EmbedHost: Send + Sync {
    /// Asks the provider named in the question. May wait; the evaluation's wall clock runs, its guest clock does not.
    async fn embed(&self, question: &EmbedQuestion) -> Result<EmbedAnswer, EmbedFailure>;
}
