//! Ask a language model that the user named as judge. A check that calls [`ask`] must declare
//! `capabilities = ["judge"]`; its component then imports the `judge` interface and needs that grant.

pub use crate::bindings::evaluator::arena::evaluator::judge::{Answer, JudgeError, Question};

use crate::CheckError;

/// Asks and waits for the answer. Model, key, retries, price and cache are the host's.
pub fn ask(question: &Question) -> Result<Answer, JudgeError> {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::evaluator::arena::evaluator::judge::ask(question);
    #[cfg(not(target_arch = "wasm32"))]
    crate::testing::next_answer(question)
}

impl From<JudgeError> for CheckError {
    fn from(error: JudgeError) -> Self {
        match error {
            JudgeError::Unknown(text) => Self::BadParams(format!("judge: {text}")),
            JudgeError::Budget(text) => Self::Other(format!("the judge budget is used up: {text}")),
            JudgeError::Failed(text) => Self::Retryable(format!("the judge failed: {text}")),
        }
    }
}
