//! Calls that are disturbed on purpose: users who do not consent, failures that are injected. Chance is drawn from the
//! run's seed, the case and the number of the call, so that every attempt at a case is disturbed alike.

use arena_bundle::{Consent, Decline, ToolFailure, ToolFault, ToolMode, Turn};
use arena_model::{Content, Hasher, ToolCall};

use super::Run;
use super::calls::Pending;
use super::tools::Failure;

/// What a slow call counts more than it takes, ms. Nobody waits.
const SLOW_MS: f64 = 2000.0;

impl Run<'_> {
    /// A call that is allowed, under what the turn does to it. `number` is that of the call in the conversation.
    pub(super) fn disturbed<'c>(&mut self, call: &'c ToolCall, turn: &Turn, number: u32) -> Pending<'c> {
        let mut next = Pending { call, chaos: None, half: false, answer: None };
        if let Some(why) = self.declined(call, turn) {
            next.answer = Some(Err(Failure { kind: "consent", why }));
            return next;
        }
        let Some(failure) = self.struck(call, turn, number).cloned() else { return next };
        let word = match failure.fault {
            ToolFault::Error => "error",
            ToolFault::Timeout => "timeout",
            ToolFault::Slow => "slow",
            ToolFault::Malformed => "malformed",
        };
        next.chaos = Some(word);
        let own = match failure.fault {
            ToolFault::Error => format!("Chaos: tool {} failed with injected error", call.name),
            ToolFault::Timeout => format!("Chaos: tool {} timed out (injected)", call.name),
            ToolFault::Slow => {
                if let Some(measured) = self.turns.last_mut() {
                    measured.latency_ms += SLOW_MS;
                }
                return next;
            }
            ToolFault::Malformed => {
                next.half = true;
                return next;
            }
        };
        next.answer = Some(Err(Failure { kind: "chaos", why: failure.message.unwrap_or(own) }));
        next
    }

    /// Why the user does not let the tool be called, if so.
    fn declined(&self, call: &ToolCall, turn: &Turn) -> Option<String> {
        let name = &call.name;
        match turn.consents.get(name)? {
            Consent::Granted => None,
            Consent::TimedOut => Some(format!("Tool {name} timed out waiting for user consent")),
            Consent::Denied => {
                let tool = self.evaluator.parts().bundle.tools.get(name);
                let decline = match tool.map(|tool| &tool.mode) {
                    Some(ToolMode::Client(client)) => client.decline,
                    _ => Decline::Error,
                };
                Some(match decline {
                    Decline::Error => format!("Tool {name} denied: user declined consent"),
                    Decline::Fallback => format!("Tool {name} unavailable: user declined consent; use another way"),
                    Decline::Retry => format!("Tool {name} denied: user declined consent; try a different approach"),
                })
            }
        }
    }

    /// The first of the turn's failures that strikes.
    fn struck<'t>(&self, call: &ToolCall, turn: &'t Turn, number: u32) -> Option<&'t ToolFailure> {
        let seed = self.evaluator.parts().seed;
        let mut all = turn.chaos.iter().enumerate().filter(|(_, failure)| failure.tool == call.name);
        all.find(|(at, failure)| share(seed, &self.key, number, *at) < failure.probability).map(|(_, failure)| failure)
    }
}

/// A number from 0 up to 1 that depends on nothing else.
fn share(seed: u64, key: &str, call: u32, failure: usize) -> f64 {
    let mut hasher = Hasher::default();
    hasher.field(b"chaos").field(&seed.to_le_bytes()).field(key.as_bytes());
    hasher.field(&call.to_le_bytes()).field(&(failure as u64).to_le_bytes());
    let digest = hasher.finish();
    let digits: String = digest.as_str().rsplit(':').next().unwrap_or_default().chars().take(13).collect();
    let bits = u64::from_str_radix(&digits, 16).unwrap_or_default();
    bits as f64 / (1u64 << 52) as f64
}

/// The first half of the text.
pub(super) fn half(content: &Content) -> Content {
    let text = content.text();
    let letters = text.chars().count();
    Content::Text(text.chars().take(letters / 2).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_even_and_always_the_same() {
        let shares: Vec<f64> = (0..1000).map(|call| share(42, "case", call, 0)).collect();
        assert!(shares.iter().all(|share| (0.0..1.0).contains(share)));
        let low = shares.iter().filter(|share| **share < 0.3).count();
        assert!((230..370).contains(&low), "{low}");
        assert_eq!(share(42, "case", 3, 0), share(42, "case", 3, 0));
        for other in
            [share(43, "case", 3, 0), share(42, "other", 3, 0), share(42, "case", 4, 0), share(42, "case", 3, 1)]
        {
            assert_ne!(share(42, "case", 3, 0), other);
        }
    }

    #[test]
    fn half_of_a_text_is_half_of_its_letters() {
        assert_eq!(half(&Content::Text("äöüß".into())), Content::Text("äö".into()));
        assert_eq!(half(&Content::Text("x".into())), Content::Text(String::new()));
    }
}
