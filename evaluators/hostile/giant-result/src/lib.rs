//! Attack: a verdict too large to take. Takes a number of bytes, gives a pass with a reason of that length.

use arena_guest::prelude::*;

#[derive(Deserialize, Params)]
struct Length {
    /// Bytes of the reason.
    amount: usize,
}

/// Passes at length.
#[evaluator(name = "giant-result")]
fn giant_result(_: &Subject<'_>, params: Length) -> Result<Verdict, CheckError> {
    Ok(Verdict::pass("x".repeat(params.amount)))
}
