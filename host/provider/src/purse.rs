//! What a run may spend: every call of a model asks here first, and says afterwards what it was.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use arena_model::{Message, ScriptedCall, Usage};
use async_trait::async_trait;
use serde_json::Value;

use crate::chat::{ChatReply, ChatRequest, Provider, Remark};
use crate::embed::{EmbedReply, Embedder};
use crate::error::{Cause, ProviderError};
use crate::pricing::Pricing;

/// Tokens of an answer that nothing limits, as they are reckoned with.
pub const USUAL_TOKENS: u32 = 4096;

/// Money and calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Millionths of a US dollar.
    pub cost_usd_micro: u64,
    /// Calls of models, attempts that failed included.
    pub calls: u64,
}

impl std::ops::Add for Amount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            cost_usd_micro: self.cost_usd_micro.saturating_add(other.cost_usd_micro),
            calls: self.calls.saturating_add(other.calls),
        }
    }
}

impl std::ops::Sub for Amount {
    type Output = Self;

    /// Nothing is less than nothing.
    fn sub(self, other: Self) -> Self {
        Self {
            cost_usd_micro: self.cost_usd_micro.saturating_sub(other.cost_usd_micro),
            calls: self.calls.saturating_sub(other.calls),
        }
    }
}

/// The most that a run may spend; none is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Millionths of a US dollar.
    pub cost_usd_micro: Option<u64>,
    /// Calls of models.
    pub calls: Option<u64>,
}

/// The money and the calls of a run.
#[derive(Debug)]
pub struct Purse {
    budget: Budget,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    spent: Amount,
    /// By calls that are under way, the most that they can be.
    held: Amount,
}

impl Purse {
    /// A purse of which `spent` is gone.
    pub fn new(budget: Budget, spent: Amount) -> Self {
        Self { budget, state: Mutex::new(State { spent, held: Amount::default() }) }
    }

    /// What is spent.
    pub fn spent(&self) -> Amount {
        self.state().spent
    }

    /// Adds what was spent in an earlier life of the run.
    pub fn charge(&self, amount: Amount) {
        let mut state = self.state();
        state.spent = state.spent + amount;
    }

    /// Whether so much more than what is spent keeps the budget.
    pub fn fits(&self, more: Amount) -> bool {
        self.keeps(self.spent() + more)
    }

    fn keeps(&self, all: Amount) -> bool {
        self.budget.cost_usd_micro.is_none_or(|most| all.cost_usd_micro <= most)
            && self.budget.calls.is_none_or(|most| all.calls <= most)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets `most` apart for a call; none if that breaks the budget.
    fn hold(self: &Arc<Self>, most: Amount) -> Option<Held> {
        let mut state = self.state();
        let keeps = self.keeps(state.spent + state.held + most);
        if keeps {
            state.held = state.held + most;
        }
        keeps.then(|| Held { purse: self.clone(), most, spent: most })
    }
}

/// What is set apart for one call. A call that is dropped on its way may have been paid: all of it is spent.
struct Held {
    purse: Arc<Purse>,
    most: Amount,
    spent: Amount,
}

impl Held {
    fn settle(mut self, cost: Option<u64>, attempts: u32) {
        // What has no price that is known may have cost the most.
        let cost_usd_micro = if attempts == 0 { 0 } else { cost.unwrap_or(self.most.cost_usd_micro) };
        self.spent = Amount { cost_usd_micro, calls: attempts.into() };
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.purse.state();
        state.held = state.held - self.most;
        state.spent = state.spent + self.spent;
    }
}

tokio::task_local! {
    /// Who pays for another attempt of the call that this task makes.
    static PAYER: Payer;
}

/// What pays for the attempts of one call.
struct Payer {
    purse: Arc<Purse>,
    most: Amount,
    /// Set apart for attempts after the first.
    more: Mutex<Vec<Held>>,
}

/// Sets money and a call apart for another attempt.
///
/// Errors: `BudgetExhausted`; never where nothing is limited.
pub(crate) fn pay_again() -> Result<(), Cause> {
    let paid = PAYER.try_with(|payer| {
        let held = payer.purse.hold(payer.most)?;
        payer.more.lock().unwrap_or_else(PoisonError::into_inner).push(held);
        Some(())
    });
    paid.unwrap_or(Some(())).ok_or(Cause::BudgetExhausted)
}

/// Makes a call whose attempts are paid from `purse`, each with `most` at most. `told` gives the cost of the answer, where
/// it is known, and the number of attempts.
async fn paid<T>(
    (purse, meter, most): (&Arc<Purse>, &Meter, Amount),
    call: impl Future<Output = Result<T, ProviderError>>,
    told: impl FnOnce(&T) -> (Option<u64>, u32),
) -> Result<T, ProviderError> {
    let held = meter.hold(purse, most)?;
    let payer = Payer { purse: purse.clone(), most, more: Mutex::default() };
    let (ended, more) = PAYER
        .scope(payer, async {
            let ended = call.await;
            let more =
                PAYER.with(|payer| std::mem::take(&mut *payer.more.lock().unwrap_or_else(PoisonError::into_inner)));
            (ended, more)
        })
        .await;
    let (cost, attempts) = match &ended {
        Ok(answer) => told(answer),
        Err(error) => (None, error.attempts),
    };
    held.settle(meter.cost(cost), attempts);
    // The first told of all attempts.
    more.into_iter().for_each(|held| held.settle(Some(0), 0));
    ended
}

/// A provider whose calls are paid from a purse.
pub struct Metered {
    inner: Arc<dyn Provider>,
    purse: Arc<Purse>,
    meter: Meter,
}

/// An embedder whose calls are paid from a purse.
pub struct MeteredEmbedder {
    inner: Arc<dyn Embedder>,
    purse: Arc<Purse>,
    meter: Meter,
}

/// What a call can cost.
#[derive(Clone, Debug)]
pub struct Meter {
    /// Provider id, for errors.
    pub id: String,
    /// None for one that calls nobody.
    pub price: Option<Pricing>,
    /// Most tokens of an answer where a request does not say.
    pub max_tokens: Option<u32>,
}

impl Meter {
    /// The most that a prompt of so many bytes and an answer of so many tokens can cost: a token has a byte at least.
    pub fn most(&self, bytes: usize, max_tokens: Option<u32>) -> Amount {
        let output = max_tokens.or(self.max_tokens).unwrap_or(USUAL_TOKENS).into();
        let usage = Usage { input: bytes as u64, output, ..Usage::default() };
        Amount { cost_usd_micro: self.price.map_or(0, |price| price.cost_usd_micro(usage)), calls: 1 }
    }

    fn hold(&self, purse: &Arc<Purse>, most: Amount) -> Result<Held, ProviderError> {
        purse.hold(most).ok_or_else(|| Cause::BudgetExhausted.by(&self.id, 0))
    }

    /// Calls of somebody who costs nothing cost nothing, whether there is a price or not.
    fn cost(&self, cost: Option<u64>) -> Option<u64> {
        if self.price.is_none() { Some(0) } else { cost }
    }
}

impl Metered {
    /// `inner`, paid from `purse`.
    pub fn new(inner: Arc<dyn Provider>, purse: Arc<Purse>, meter: Meter) -> Self {
        Self { inner, purse, meter }
    }
}

impl MeteredEmbedder {
    /// `inner`, paid from `purse`.
    pub fn new(inner: Arc<dyn Embedder>, purse: Arc<Purse>, meter: Meter) -> Self {
        Self { inner, purse, meter }
    }
}

fn bytes(message: &Message) -> usize {
    let calls = message.tool_calls.iter().map(|call| call.name.len() + call.arguments.to_string().len());
    message.content.text().len() + calls.sum::<usize>()
}

#[async_trait]
impl Provider for Metered {
    async fn chat(&self, request: ChatRequest<'_>) -> Result<ChatReply, ProviderError> {
        let tools = request.tools.iter();
        let tools = tools.map(|tool| tool.name.len() + tool.description.len() + tool.parameters.to_string().len());
        let prompt = request.messages.iter().map(bytes).chain(tools).sum();
        let most = self.meter.most(prompt, request.max_tokens);
        let told = |reply: &ChatReply| (reply.message.cost_usd_micro, reply.attempts);
        paid((&self.purse, &self.meter, most), self.inner.chat(request), told).await
    }

    fn model(&self) -> &str {
        self.inner.model()
    }

    fn endpoint(&self) -> Option<&str> {
        self.inner.endpoint()
    }

    fn remarks(&self) -> &[Remark] {
        self.inner.remarks()
    }

    fn tool_result(&self, call: &ScriptedCall<'_>) -> Option<&Result<Value, String>> {
        self.inner.tool_result(call)
    }

    fn scripted_tools(&self) -> Vec<&str> {
        self.inner.scripted_tools()
    }

    fn speaks(&self) -> bool {
        self.inner.speaks()
    }
}

#[async_trait]
impl Embedder for MeteredEmbedder {
    async fn embed(&self, texts: &[&str], deadline: Instant) -> Result<EmbedReply, ProviderError> {
        let most = self.meter.most(texts.iter().map(|text| text.len()).sum(), Some(0));
        let told = |reply: &EmbedReply| (reply.cost_usd_micro, reply.attempts);
        paid((&self.purse, &self.meter, most), self.inner.embed(texts, deadline), told).await
    }

    fn model(&self) -> &str {
        self.inner.model()
    }

    fn endpoint(&self) -> Option<&str> {
        self.inner.endpoint()
    }

    fn remarks(&self) -> &[Remark] {
        self.inner.remarks()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(cost_usd_micro: u64, calls: u64) -> Amount {
        Amount { cost_usd_micro, calls }
    }

    #[test]
    fn what_is_held_is_not_given_twice_and_what_was_less_comes_back() {
        let purse = Arc::new(Purse::new(Budget { cost_usd_micro: Some(100), calls: Some(3) }, amount(40, 0)));
        let first = purse.hold(amount(60, 1)).unwrap();
        assert!(purse.hold(amount(1, 1)).is_none(), "all of it is held or spent");
        first.settle(Some(20), 1);
        assert_eq!(purse.spent(), amount(60, 1));
        // Two attempts are two calls; a cost that is not known is the most.
        purse.hold(amount(30, 1)).unwrap().settle(None, 2);
        assert_eq!(purse.spent(), amount(90, 3));
        assert!(purse.hold(amount(0, 1)).is_none(), "no call is left");
        assert!(purse.fits(amount(10, 0)) && !purse.fits(amount(11, 0)));
    }

    #[test]
    fn a_call_that_is_dropped_is_paid_and_one_that_was_not_made_is_not() {
        let purse = Arc::new(Purse::new(Budget { cost_usd_micro: Some(100), calls: None }, Amount::default()));
        drop(purse.hold(amount(60, 1)).unwrap());
        purse.hold(amount(40, 1)).unwrap().settle(None, 0);
        assert_eq!(purse.spent(), amount(60, 1));
    }
}
