//! Attack: calls itself until the stack is gone. Takes a depth, gives a pass when it is back from there.

use arena_guest::prelude::*;

#[derive(Deserialize, Params)]
struct Depth {
    /// Calls within calls.
    amount: u32,
}

/// Passes when it is back.
#[evaluator(name = "recursion")]
fn recursion(_: &Subject<'_>, params: Depth) -> Result<Verdict, CheckError> {
    Ok(Verdict::pass(format!("came back with {}", descend(params.amount))))
}

/// What follows the inner call keeps the compiler from making a loop of it.
#[inline(never)]
fn descend(depth: u32) -> u32 {
    if depth == 0 {
        return 1;
    }
    descend(depth - 1).rotate_left(depth) ^ depth
}
