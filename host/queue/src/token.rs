//! Where lease tokens come from.

use crate::{QueueError, Token};

/// Tokens drawn from the system at once; one system call serves as many leases.
const STOCK: usize = 64;

/// Gives a new token for each lease. Tests put a counter here.
pub trait TokenSource: Send {
    /// A token that was not given before.
    ///
    /// # Errors
    /// [`QueueError::RandomUnavailable`].
    fn next(&mut self) -> Result<Token, QueueError>;
}

/// Tokens from the system's random generator.
#[derive(Debug, Default)]
pub struct OsTokens {
    stock: Vec<Token>,
}

impl TokenSource for OsTokens {
    fn next(&mut self) -> Result<Token, QueueError> {
        if self.stock.is_empty() {
            let mut bytes = [0; 16 * STOCK];
            getrandom::fill(&mut bytes).map_err(|error| QueueError::RandomUnavailable { why: error.to_string() })?;
            let (tokens, _) = bytes.as_chunks::<16>();
            self.stock.extend(tokens.iter().map(|bytes| Token(u128::from_be_bytes(*bytes))));
        }
        self.stock.pop().ok_or(QueueError::Broken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_do_not_repeat_across_draws() {
        let mut source = OsTokens::default();
        let tokens: std::collections::HashSet<_> = (0..3 * STOCK).map(|_| source.next().unwrap()).collect();
        assert_eq!(tokens.len(), 3 * STOCK);
    }
}
