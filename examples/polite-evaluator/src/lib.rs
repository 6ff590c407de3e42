//! An example of an evaluator: it counts apologies, so that a model which says sorry instead of helping is found.
//! `./x build` makes examples/quickstart/evaluators/polite-evaluator.wasm of it.

use arena_guest::prelude::*;

/// What counts as an apology where the user names nothing.
const WORDS: [&str; 4] = ["sorry", "apologise", "apologize", "apologies"];

/// What users write under `params`. The comments become the descriptions of the metadata's JSON Schema.
#[derive(Deserialize, Params)]
#[params(validate = Apologies::check)]
pub struct Apologies {
    /// Most replies of a conversation that may hold an apology.
    max: u32,
    /// Words that count as an apology; English ones if it is left out. ASCII case does not matter.
    words: Option<Vec<String>>,
}

impl Apologies {
    /// What the schema cannot say. Runs before any money is spent.
    fn check(&self) -> Result<(), String> {
        match &self.words {
            Some(words) if words.is_empty() || words.iter().any(|word| word.trim().is_empty()) => {
                Err("parameter `words`: give at least one word, and no empty one".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// The first apology in a reply, in bytes.
    fn find(&self, reply: &str) -> Option<std::ops::Range<usize>> {
        // ASCII case only: it keeps every letter at its place, so that evidence points at the right bytes.
        let text = reply.to_ascii_lowercase();
        let place = |word: &str| text.find(&word.to_ascii_lowercase()).map(|start| start..start + word.len());
        let found: Vec<_> = match &self.words {
            Some(words) => words.iter().filter_map(|word| place(word)).collect(),
            None => WORDS.into_iter().filter_map(place).collect(),
        };
        found.into_iter().min_by_key(|range| range.start)
    }
}

/// Checks on the manners of an assistant.
#[evaluator(name = "polite")]
mod checks {
    use super::*;

    /// Passes when at most `max` replies apologise and no two in a row do; the score falls with each reply too many.
    #[check(name = "no_apology_loop", input = "conversation")]
    fn no_apology_loop(subject: &Subject<'_>, params: Apologies) -> Result<Verdict, CheckError> {
        let (mut replies, mut in_a_row, mut before) = (0_u32, false, false);
        let mut spans = Vec::new();
        for reply in subject.replies() {
            replies += 1;
            let found = params.find(&reply.text);
            in_a_row |= before && found.is_some();
            before = found.is_some();
            spans.extend(found.map(|range| (reply.index, range)));
        }
        if replies == 0 {
            return Err(CheckError::NotApplicable("there is no reply yet".to_owned()));
        }
        let (count, max) = (u32::try_from(spans.len()).unwrap_or(replies), params.max);
        let fine = count <= max && !in_a_row;
        let row = if in_a_row { ", two of them in a row" } else { "" };
        let reason = format!("apologises in {count} of {replies} replies{row}; {max} may");
        let score = if fine { 1.0 } else { f64::from(max.min(count - 1)) / f64::from(count) };
        let mut verdict = Verdict::score(score, reason).passed(fine).metric("apologies", f64::from(count));
        for (message, range) in spans {
            verdict = verdict.evidence(message, range, "an apology");
        }
        Ok(verdict)
    }
}
