//! Tokens and money.

use arena_guest::prelude::*;

/// Millionths in a dollar.
const MICRO: f64 = 1e6;

/// Params of `cost_budget`.
#[derive(Deserialize, Params)]
#[params(validate = CostBudget::sensible)]
pub struct CostBudget {
    /// Most US dollars the conversation may cost.
    max_cost_usd: Option<f64>,
    /// Most tokens it may send.
    max_input_tokens: Option<u64>,
    /// Most tokens it may receive.
    max_output_tokens: Option<u64>,
    /// Most tokens it may send and receive together.
    max_total_tokens: Option<u64>,
}

/// What the conversation cost so far.
#[derive(Deserialize)]
struct Cost {
    /// Millionths of a US dollar; none if the price is unknown.
    usd_micro: Option<u64>,
    /// None if nobody counted them.
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
}

impl CostBudget {
    fn sensible(&self) -> Result<(), String> {
        if self.max_cost_usd.is_some_and(|max| max < 0.0) {
            return Err("parameter `max_cost_usd`: must not be negative".to_owned());
        }
        let limits = [self.max_input_tokens, self.max_output_tokens, self.max_total_tokens];
        if self.max_cost_usd.is_none() && limits.iter().all(Option::is_none) {
            return Err("give `max_cost_usd`, `max_input_tokens`, `max_output_tokens` or `max_total_tokens`".to_owned());
        }
        Ok(())
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        let cost = subject.fact("cost").and_then(|value| Cost::deserialize(value).ok());
        let cost = cost.ok_or_else(|| CheckError::Other("it is not known what the conversation cost".to_owned()))?;
        let total = cost.input_tokens.zip(cost.output_tokens).map(|(input, output)| input.saturating_add(output));
        let mut over = Vec::new();
        for (what, tokens, max) in [
            ("input tokens", cost.input_tokens, self.max_input_tokens),
            ("output tokens", cost.output_tokens, self.max_output_tokens),
            ("tokens", total, self.max_total_tokens),
        ] {
            let Some(max) = max else { continue };
            let unknown = || CheckError::Other("it is not known how many tokens the conversation took".to_owned());
            if tokens.ok_or_else(unknown)? > max {
                over.push(format!("at most {max} {what} wanted"));
            }
        }
        let usd = cost.usd_micro.map(|micro| micro as f64 / MICRO);
        let mut left = 1.0;
        if let Some(max) = self.max_cost_usd {
            let unknown =
                || CheckError::Other("a price is not known, and with it what the conversation cost".to_owned());
            let usd = usd.ok_or_else(unknown)?;
            if usd > max {
                over.push(format!("at most {max} USD wanted"));
            } else if max > 0.0 {
                left = 1.0 - usd / max;
            }
        }
        let price = usd.map_or_else(|| "unknown cost".to_owned(), |usd| format!("{usd:.6} USD"));
        let tokens = match (cost.input_tokens, cost.output_tokens) {
            (Some(input), Some(output)) => format!("{input} input and {output} output tokens"),
            _ => "unknown tokens".to_owned(),
        };
        let reason = format!("{tokens}, {price}");
        // What is left is a measure, not the word: half of the money spent is as allowed as none.
        let verdict = match over.is_empty() {
            true => Verdict::score(left, reason).passed(true),
            false => Verdict::fail(format!("{reason}; {}", over.join(", "))),
        };
        let verdict = match total {
            Some(total) => verdict.metric("tokens", total as f64),
            None => verdict,
        };
        Ok(match usd {
            Some(usd) => verdict.metric("usd", usd),
            None => verdict,
        })
    }
}
