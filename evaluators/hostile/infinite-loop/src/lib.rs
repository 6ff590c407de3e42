//! Attack: a check that does not end. Takes a number of rounds, gives a pass after them; without a number it runs
//! until its fuel or its time is gone.

use arena_guest::prelude::*;

#[derive(Deserialize, Params)]
struct Rounds {
    /// Rounds of the loop; absent for no end.
    amount: Option<u64>,
}

/// Passes after its rounds.
#[evaluator(name = "infinite-loop")]
fn infinite_loop(_: &Subject<'_>, params: Rounds) -> Result<Verdict, CheckError> {
    let mut rounds = 0_u64;
    while params.amount.is_none_or(|amount| rounds < amount) {
        rounds = std::hint::black_box(rounds + 1);
    }
    Ok(Verdict::pass(format!("{rounds} rounds")))
}
