//! Attack: evidence that lies outside of any message. Takes a span, gives a pass that points at it.

use arena_guest::prelude::*;

#[derive(Deserialize, Params)]
struct Span {
    /// Index of the message.
    message: u32,
    /// First byte.
    start: usize,
    /// One past the last byte.
    end: usize,
}

/// Passes and points.
#[evaluator(name = "bad-evidence", input = "conversation")]
fn bad_evidence(_: &Subject<'_>, params: Span) -> Result<Verdict, CheckError> {
    Ok(Verdict::pass("there").evidence(params.message, params.start..params.end, "look"))
}
