//! Limits on the length of the last reply.

use arena_guest::prelude::*;

use crate::last_reply;

/// Bytes that count as one token.
const BYTES_PER_TOKEN: usize = 4;

/// Params of `min_length`.
#[derive(Deserialize, Params)]
pub struct MinLength {
    /// Fewest bytes (UTF-8) the reply may have. Without it, or at zero or less, every length will do.
    #[serde(default, alias = "min_characters", alias = "min_chars")]
    min: i64,
}

impl MinLength {
    pub fn judge(&self, subject: &Subject<'_>) -> Verdict {
        let (_, text) = last_reply(subject);
        let Some(min) = usize::try_from(self.min).ok().filter(|min| *min > 0) else {
            return Verdict::pass(format!("{} bytes; no minimum is set", text.len()));
        };
        let reason = format!("{} bytes, at least {min} wanted", text.len());
        let score = (text.len() as f64 / min as f64).min(1.0);
        Verdict::score(score, reason).passed(text.len() >= min).metric("bytes", text.len() as f64)
    }
}

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

    pub fn judge(&self, subject: &Subject<'_>) -> Verdict {
        let (message, text) = last_reply(subject);
        let ratio = |limit: usize, actual: usize| if actual > limit { limit as f64 / actual as f64 } else { 1.0 };
        let (mut score, mut reasons, mut cut) = (1.0_f64, Vec::new(), text.len());
        if let Some(max) = self.max {
            score = score.min(ratio(max, text.len()));
            reasons.push(format!("{} bytes, at most {max} wanted", text.len()));
            cut = cut.min(max);
        }
        if let Some(max) = self.max_tokens {
            let tokens = text.len() / BYTES_PER_TOKEN;
            score = score.min(ratio(max, tokens));
            reasons.push(format!("about {tokens} tokens, at most {max} wanted"));
            if tokens > max {
                cut = cut.min(max.saturating_mul(BYTES_PER_TOKEN));
            }
        }
        let verdict = Verdict::score(score, reasons.join("; ")).metric("bytes", text.len() as f64);
        if score >= 1.0 {
            return verdict.passed(true);
        }
        while !text.is_char_boundary(cut) {
            cut -= 1;
        }
        verdict.passed(false).evidence(message, cut..text.len(), "over the limit")
    }
}
