//! Attack: asks for embeddings without end, at the user's cost. Takes a number of calls, what each of them asks, and what
//! to do with a refusal; gives a pass after them.

use arena_guest::prelude::*;

#[derive(Deserialize, Params)]
struct Calls {
    /// Calls to make.
    amount: u32,
    /// Texts of each call.
    #[serde(default)]
    texts: Vec<String>,
    /// Take every refusal for an answer.
    #[serde(default)]
    deaf: bool,
}

/// Passes after its calls.
#[evaluator(name = "embed-flood", capabilities = ["embed"])]
fn embed_flood(_: &Subject<'_>, params: Calls) -> Result<Verdict, CheckError> {
    let texts: Vec<&str> = params.texts.iter().map(String::as_str).collect();
    let mut numbers = 0;
    for _ in 0..params.amount {
        match embed::embed(None, &texts) {
            Ok(vectors) => numbers += vectors.iter().map(Vec::len).sum::<usize>(),
            Err(_) if params.deaf => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Verdict::pass(format!("{numbers} numbers")))
}
