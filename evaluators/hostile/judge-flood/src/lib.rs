//! Attack: asks the judge without end, at the user's cost. Takes a number of questions and what to do with a refusal,
//! gives a pass after them.

use arena_guest::judge::Question;
use arena_guest::prelude::*;

#[derive(Deserialize, Params)]
struct Questions {
    /// Questions to ask.
    amount: u32,
    /// Take every refusal for an answer.
    #[serde(default)]
    deaf: bool,
    /// Loop for ever after the last answer.
    #[serde(default)]
    spin: bool,
}

/// Passes after its questions.
#[evaluator(name = "judge-flood", capabilities = ["judge"])]
fn judge_flood(_: &Subject<'_>, params: Questions) -> Result<Verdict, CheckError> {
    let mut answered = 0_u64;
    for number in 0..params.amount {
        let prompt = format!("question {number}");
        match judge::ask(&Question { judge: None, system: String::new(), prompt, max_tokens: 1 }) {
            Ok(_) => answered += 1,
            Err(_) if params.deaf => {}
            Err(error) => return Err(error.into()),
        }
    }
    if params.spin {
        loop {
            std::hint::black_box(answered);
        }
    }
    Ok(Verdict::pass(format!("{answered} answers")))
}
