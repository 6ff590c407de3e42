//! The judge as the sandbox sees it: a trait that the evaluation implements.

use arena_model::Usage;

/// What a guest asks.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct JudgeQuestion {
    /// Name of a judge; none for the default one.
    pub judge: Option<String>,
    /// System prompt.
    pub system: String,
    /// User prompt.
    pub prompt: String,
    /// Most tokens of the answer.
    pub max_tokens: u32,
}

/// What the judge answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgeAnswer {
    /// Name of the judge that answered.
    pub judge: String,
    /// Its text.
    pub text: String,
    /// Tokens.
    pub usage: Usage,
    /// Millionths of a US dollar; none if the price is unknown.
    pub cost_usd_micro: Option<u64>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JudgeFailure {
    /// No judge of that name, or none at all.
    #[error("{0}")]
    Unknown(String),
    /// The provider failed after the host's retries.
    #[error("{0}")]
    Failed(String),
}

/// Answers the guest's questions. Must not evaluate anything itself: a judge never triggers a check.
#[async_trait::async_trait]
pub trait JudgeHost: Send + Sync {
    /// Asks the judge named in the question. May wait; the evaluation's wall clock runs, its guest clock does not.
    async fn ask(&self, question: &JudgeQuestion) -> Result<JudgeAnswer, JudgeFailure>;
}
