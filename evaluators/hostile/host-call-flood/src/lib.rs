//! Attack: calls the host without end. Takes a number of calls, gives a pass after them.

use arena_guest::prelude::*;

#[derive(Deserialize, Params)]
struct Calls {
    /// Calls to make.
    amount: u64,
}

/// Passes after its calls.
#[evaluator(name = "host-call-flood", input = "conversation")]
fn host_call_flood(subject: &Subject<'_>, params: Calls) -> Result<Verdict, CheckError> {
    let messages: u64 = (0..params.amount).map(|_| u64::from(subject.len())).sum();
    Ok(Verdict::pass(format!("{} calls, {messages} messages", params.amount)))
}
