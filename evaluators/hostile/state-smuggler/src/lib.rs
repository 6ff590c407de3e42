//! Attack: carries state from one evaluation to the next. Takes nothing, gives a pass if it remembers nothing.

use std::sync::atomic::{AtomicU32, Ordering};

use arena_guest::prelude::*;

static EARLIER: AtomicU32 = AtomicU32::new(0);

/// Passes in a fresh instance.
#[evaluator(name = "state-smuggler")]
fn state_smuggler(_: &Subject<'_>) -> Result<Verdict, CheckError> {
    let earlier = EARLIER.fetch_add(1, Ordering::Relaxed);
    Ok(Verdict::pass(format!("{earlier} evaluations before this")).passed(earlier == 0))
}
