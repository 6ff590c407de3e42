//! Attack: always asks for another attempt, or names any other error of the contract. Takes which, gives that.

use arena_guest::prelude::*;

#[derive(Deserialize, Params)]
struct Wanted {
    /// The error; absent for a pass.
    error: Option<Kind>,
}

#[derive(Deserialize, Params)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    BadParams,
    NotApplicable,
    Retryable,
    Other,
}

/// Passes if no error is wanted.
#[evaluator(name = "retryable")]
fn retryable(_: &Subject<'_>, params: Wanted) -> Result<Verdict, CheckError> {
    let why = "as asked".to_owned();
    Err(match params.error {
        None => return Ok(Verdict::pass(why)),
        Some(Kind::BadParams) => CheckError::BadParams(why),
        Some(Kind::NotApplicable) => CheckError::NotApplicable(why),
        Some(Kind::Retryable) => CheckError::Retryable(why),
        Some(Kind::Other) => CheckError::Other(why),
    })
}
