//! Attack: a score that is no number from 0 to 1. Takes the score as text, `NaN` and `inf` included, and gives it.

use arena_guest::prelude::*;

#[derive(Deserialize, Params)]
struct Scores {
    /// Score to give.
    score: String,
    /// Value of a metric beside it.
    metric: Option<String>,
}

/// Passes, whatever the score.
#[evaluator(name = "nan-score")]
fn nan_score(_: &Subject<'_>, params: Scores) -> Result<Verdict, CheckError> {
    let verdict = Verdict::score(number(&params.score)?, "as asked").passed(true);
    Ok(match &params.metric {
        Some(value) => verdict.metric("odd", number(value)?),
        None => verdict,
    })
}

fn number(text: &str) -> Result<f64, CheckError> {
    text.parse().map_err(|_| CheckError::BadParams(format!("{text:?} is not a number, NaN or inf")))
}
