//! What tokens cost.

use arena_model::Usage;

use crate::settings::ProviderSettings;
use crate::vendor::{Vendor, vendor};

/// US dollars per 1,000 tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pricing {
    /// Of a prompt.
    pub input_per_1k: f64,
    /// Of an answer, what nobody saw of it included.
    pub output_per_1k: f64,
    /// Of a prompt that the vendor had in its cache; as any prompt if it is none.
    pub cached_per_1k: Option<f64>,
    /// Of a prompt that was put into the vendor's cache; as any prompt if it is none.
    pub cache_write_per_1k: Option<f64>,
}

impl Pricing {
    /// Prices of prompt and answer, with none of their own for what was cached.
    pub fn new(input_per_1k: f64, output_per_1k: f64) -> Self {
        Self { input_per_1k, output_per_1k, cached_per_1k: None, cache_write_per_1k: None }
    }

    /// Millionths of a US dollar, rounded once.
    pub fn cost_usd_micro(&self, usage: Usage) -> u64 {
        let cached = usage.cached.min(usage.input);
        let written = usage.cache_write.min(usage.input - cached);
        let fresh = (usage.input - cached - written) as f64 * self.input_per_1k;
        let cached = cached as f64 * self.cached_per_1k.unwrap_or(self.input_per_1k);
        let written = written as f64 * self.cache_write_per_1k.unwrap_or(self.input_per_1k);
        let micro = (fresh + cached + written + usage.output as f64 * self.output_per_1k) * 1000.0;
        // A float cast saturates: a negative price costs nothing, an absurd one the most there is.
        micro.round() as u64
    }
}

/// Model and US dollars per million tokens: prompt, answer, cached prompt, prompt put into the cache. List prices as the
/// vendors published them by the end of 2025; `pricing` of a provider goes before them.
const PRICES: [(&str, f64, f64, f64, f64); 35] = [
    ("gpt-5", 1.25, 10.0, 0.125, 1.25),
    ("gpt-5-mini", 0.25, 2.0, 0.025, 0.25),
    ("gpt-5-nano", 0.05, 0.4, 0.005, 0.05),
    ("gpt-4.1", 2.0, 8.0, 0.5, 2.0),
    ("gpt-4.1-mini", 0.4, 1.6, 0.1, 0.4),
    ("gpt-4.1-nano", 0.1, 0.4, 0.025, 0.1),
    ("gpt-4o", 2.5, 10.0, 1.25, 2.5),
    ("gpt-4o-mini", 0.15, 0.6, 0.075, 0.15),
    ("gpt-4-turbo", 10.0, 30.0, 10.0, 10.0),
    ("gpt-3.5-turbo", 0.5, 1.5, 0.5, 0.5),
    ("o1", 15.0, 60.0, 7.5, 15.0),
    ("o3", 2.0, 8.0, 0.5, 2.0),
    ("o3-mini", 1.1, 4.4, 0.55, 1.1),
    ("o4-mini", 1.1, 4.4, 0.275, 1.1),
    ("claude-opus-4-5", 5.0, 25.0, 0.5, 6.25),
    ("claude-opus-4-1", 15.0, 75.0, 1.5, 18.75),
    ("claude-opus-4", 15.0, 75.0, 1.5, 18.75),
    ("claude-sonnet-4-5", 3.0, 15.0, 0.3, 3.75),
    ("claude-sonnet-4", 3.0, 15.0, 0.3, 3.75),
    ("claude-3-7-sonnet", 3.0, 15.0, 0.3, 3.75),
    ("claude-3-5-sonnet", 3.0, 15.0, 0.3, 3.75),
    ("claude-haiku-4-5", 1.0, 5.0, 0.1, 1.25),
    ("claude-3-5-haiku", 0.8, 4.0, 0.08, 1.0),
    ("claude-3-opus", 15.0, 75.0, 1.5, 18.75),
    ("claude-3-haiku", 0.25, 1.25, 0.03, 0.3),
    ("gemini-2.5-pro", 1.25, 10.0, 0.125, 1.25),
    ("gemini-2.5-flash", 0.3, 2.5, 0.03, 0.3),
    ("gemini-2.5-flash-lite", 0.1, 0.4, 0.01, 0.1),
    ("gemini-2.0-flash", 0.1, 0.4, 0.025, 0.1),
    ("gemini-2.0-flash-lite", 0.075, 0.3, 0.075, 0.075),
    ("text-embedding-3-small", 0.02, 0.0, 0.02, 0.02),
    ("text-embedding-3-large", 0.13, 0.0, 0.13, 0.13),
    ("text-embedding-ada-002", 0.1, 0.0, 0.1, 0.1),
    ("gemini-embedding-001", 0.15, 0.0, 0.15, 0.15),
    ("amazon.titan-embed-text-v2:0", 0.02, 0.0, 0.02, 0.02),
];

/// The price that a provider with these settings is reckoned with: their own, else the vendor's list price.
pub fn price(settings: &ProviderSettings) -> Option<Pricing> {
    settings.pricing.or_else(|| known(&vendor(settings).ok()?, &settings.model))
}

/// The list price of a model at the vendor itself. What another host takes for a model of the same name is unknown.
pub(crate) fn known(vendor: &Vendor, model: &str) -> Option<Pricing> {
    if vendor.usual.is_empty() { None } else { listed(model) }
}

fn listed(model: &str) -> Option<Pricing> {
    let base = without_date(model);
    let (_, input, output, cached, written) = PRICES.iter().find(|(name, ..)| *name == base || *name == model)?;
    Some(Pricing {
        input_per_1k: input / 1000.0,
        output_per_1k: output / 1000.0,
        cached_per_1k: Some(cached / 1000.0),
        cache_write_per_1k: Some(written / 1000.0),
    })
}

/// A model's name without the date or word that pins its version: `gpt-4o-2024-08-06`, `claude-3-5-haiku-20241022`,
/// `claude-3-5-haiku-latest`.
fn without_date(model: &str) -> &str {
    if let Some(base) = model.strip_suffix("-latest") {
        return base;
    }
    let digits = |text: &str, length: usize| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    let dated = |mark: char| model.rsplit_once(mark).filter(|(_, date)| digits(date, 8));
    if let Some((base, _)) = dated('@').or_else(|| dated('-')) {
        return base;
    }
    match model.rsplit_once('-') {
        Some((rest, day)) if digits(day, 2) => {
            let year = rest.rsplit_once('-').filter(|(_, month)| digits(month, 2));
            let base = year.and_then(|(rest, _)| rest.rsplit_once('-').filter(|(_, year)| digits(year, 4)));
            base.map_or(model, |(base, _)| base)
        }
        _ => model,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn price_is_per_thousand() {
        let pricing = Pricing::new(0.00015, 0.0006);
        let usage = |input, output| Usage { input, output, ..Usage::default() };
        assert_eq!(pricing.cost_usd_micro(usage(1000, 1000)), 750);
        assert_eq!(pricing.cost_usd_micro(usage(10, 3)), 3);
    }

    #[test]
    fn what_was_cached_has_its_own_price() {
        let usage = Usage { input: 1000, output: 0, cached: 600, cache_write: 100, reasoning: 0 };
        let all = Pricing { cached_per_1k: Some(0.1), cache_write_per_1k: Some(1.25), ..Pricing::new(1.0, 0.0) };
        assert_eq!(all.cost_usd_micro(usage), 300_000 + 60_000 + 125_000);
        assert_eq!(Pricing::new(1.0, 0.0).cost_usd_micro(usage), 1_000_000);
        let absurd = Usage { input: 1, cached: 5, cache_write: 5, ..Usage::default() };
        assert_eq!(Pricing::new(1.0, 0.0).cost_usd_micro(absurd), 1000);
    }

    #[test]
    fn versions_have_the_price_of_their_model() {
        for (model, input) in [
            ("gpt-4o-2024-08-06", Some(2.5)),
            ("gpt-4o-mini", Some(0.15)),
            ("claude-3-5-haiku-20241022", Some(0.8)),
            ("claude-3-5-haiku-latest", Some(0.8)),
            ("gemini-2.5-flash", Some(0.3)),
            ("claude-sonnet-4-5@20250929", Some(3.0)),
            ("gpt-4o-audio-preview", None),
            ("my-model", None),
        ] {
            assert_eq!(listed(model).map(|price| price.input_per_1k * 1000.0), input, "{model}");
        }
    }
}
