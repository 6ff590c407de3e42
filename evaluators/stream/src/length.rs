//! A limit on the length.

use arena_guest::prelude::*;

/// Bytes that count as one token.
const BYTES_PER_TOKEN: usize = 4;

/// Params of `max_length`.
#[derive(Deserialize, Params)]
#[params(validate = MaxLength::check_limits)]
pub struct MaxLength {
    /// Most bytes (UTF-8) the reply may have.
    #[serde(alias = "max_characters", alias = "max_chars")]
    max: Option<usize>,
    /// Most tokens, taken as bytes/4.
    max_tokens: Option<usize>,
}

impl MaxLength {
    fn check_limits(&self) -> Result<(), String> {
        match (self.max, self.max_tokens) {
            (None, None) => Err("give `max` (bytes) or `max_tokens`, a number above zero".to_owned()),
            (Some(0), _) => Err("parameter `max`: must be above zero".to_owned()),
            (_, Some(0)) => Err("parameter `max_tokens`: must be above zero".to_owned()),
            _ => Ok(()),
        }
    }

    pub fn watch(self) -> Limit {
        let of_tokens = self.max_tokens.map(|max| max.saturating_mul(BYTES_PER_TOKEN));
        // So many tokens and less than one more are allowed; what is kept are whole ones.
        let allowed = of_tokens.map(|bytes| bytes.saturating_add(BYTES_PER_TOKEN - 1));
        Limit { max: self.max, tokens: of_tokens.zip(allowed), text: String::new() }
    }
}

/// Counts.
pub struct Limit {
    max: Option<usize>,
    /// Bytes that are kept once there are too many tokens, and bytes that are not yet too many.
    tokens: Option<(usize, usize)>,
    text: String,
}

impl Limit {
    /// Where the text is cut, if it is too long; `whole` if nothing follows.
    fn over(&self, whole: bool) -> Action {
        let length = self.text.len();
        let of_bytes = self.max.filter(|max| length > *max);
        let of_tokens = self.tokens.and_then(|(kept, allowed)| (length > allowed).then_some(kept));
        let Some(mut cut) = of_bytes.into_iter().chain(of_tokens).min() else { return Action::Proceed };
        // One limit is passed, and the other would cut before it once it is passed as well.
        if !whole && of_tokens.is_none() && self.tokens.is_some_and(|(kept, _)| kept < cut) {
            return Action::Proceed;
        }
        while !self.text.is_char_boundary(cut) {
            cut -= 1;
        }
        Action::Truncate(u32::try_from(cut).unwrap_or(u32::MAX))
    }
}

impl Guard for Limit {
    fn push(&mut self, chunk: &str) -> Result<Action, CheckError> {
        self.text.push_str(chunk);
        Ok(self.over(false))
    }

    fn finish(&mut self) -> Result<Action, CheckError> {
        Ok(self.over(true))
    }
}
