//! Attack: logs without end. Takes a number of lines and their length, gives a pass after them.

use arena_guest::prelude::*;

#[derive(Deserialize, Params)]
struct Lines {
    /// Lines to write.
    amount: u64,
    /// Bytes of each.
    #[serde(default)]
    length: usize,
}

/// Passes after its lines.
#[evaluator(name = "log-flood")]
fn log_flood(_: &Subject<'_>, params: Lines) -> Result<Verdict, CheckError> {
    let line = "x".repeat(params.length);
    for _ in 0..params.amount {
        log::info(&line);
    }
    Ok(Verdict::pass(format!("{} lines", params.amount)))
}
