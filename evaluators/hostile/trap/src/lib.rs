//! Attack: dies in the middle. Takes how, gives a pass for `none`.

use arena_guest::prelude::*;

#[derive(Deserialize, Params)]
struct Death {
    /// How to die.
    kind: Kind,
}

#[derive(Deserialize, Params)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    None,
    Panic,
    Abort,
}

/// Passes if it is to live.
#[evaluator(name = "trap")]
fn trap(_: &Subject<'_>, params: Death) -> Result<Verdict, CheckError> {
    match params.kind {
        Kind::None => Ok(Verdict::pass("alive")),
        Kind::Panic => panic!("as asked"),
        Kind::Abort => std::process::abort(),
    }
}
