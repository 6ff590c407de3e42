//! What watches a stream.

use crate::CheckError;

pub use crate::bindings::guardrail::exports::arena::evaluator::stream_guard::Action;

/// A guardrail at work on one stream, which it sees in pieces cut anywhere between characters.
pub trait Guard {
    /// More of the text. Whoever wants to wait for what follows says [`Action::Proceed`]: a later piece, or
    /// [`Guard::finish`], is asked again.
    fn push(&mut self, chunk: &str) -> Result<Action, CheckError>;

    /// The text is complete.
    fn finish(&mut self) -> Result<Action, CheckError>;
}
