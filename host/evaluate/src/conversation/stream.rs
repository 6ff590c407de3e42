//! A guardrail that watches a reply come in and ends the stream once it would refuse it whatever follows. What becomes of the
//! reply is decided afterwards, as for any other.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use arena_bundle::Validator;
use arena_model::{CheckRecord, EvaluatorRef, Fault as _, Outcome};
use arena_provider::Watch;
use arena_sandbox::{Component, Guard, GuardAction, GuardCall, GuardCost, GuestError, Sandbox};
use tokio::sync::Mutex;

use super::Run;
use super::guard::{Direction, guard_params};
use crate::case::Trouble;
use crate::check::seed_of;
use crate::library::Resolved;

/// Params that make the user decide, and not the guardrail.
const THRESHOLDS: [&str; 2] = ["min_score", "max_score"];

/// Shows a stream to a guardrail.
pub(super) struct Watcher {
    sandbox: Arc<Sandbox>,
    component: Arc<Component>,
    call: GuardCall,
    /// For messages.
    validator: String,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    guard: Option<Guard>,
    ended: bool,
    trouble: Option<GuestError>,
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watcher({})", self.validator)
    }
}

#[async_trait::async_trait]
impl Watch for Watcher {
    async fn begin(&self) {
        *self.seen.lock().await = Seen::default();
    }

    async fn more(&self, text: &str) -> ControlFlow<()> {
        let mut seen = self.seen.lock().await;
        let (guard, text) = (seen.guard.take(), text.to_owned());
        let (sandbox, component, call) = (self.sandbox.clone(), self.component.clone(), self.call.clone());
        let pushed = self.sandbox.on_pool(async move {
            let mut guard = match guard {
                Some(guard) => guard,
                None => sandbox.guard(&component, &call).await?,
            };
            let action = guard.push(&text).await?;
            Ok((guard, action))
        });
        match pushed.await.and_then(|pushed| pushed) {
            Ok((guard, GuardAction::Proceed)) => {
                seen.guard = Some(guard);
                return ControlFlow::Continue(());
            }
            Ok(_) => seen.ended = true,
            Err(trouble) => seen.trouble = Some(trouble),
        }
        ControlFlow::Break(())
    }
}

impl Watcher {
    /// Whether it ended the stream; an error if it could not watch it.
    pub fn ended(self) -> Result<bool, Trouble> {
        let seen = self.seen.into_inner();
        match seen.trouble {
            Some(trouble) => {
                let text = format!("{}: {}: {trouble}", self.validator, trouble.reason());
                Err(Trouble::new("GuardrailFailed", text))
            }
            None => Ok(seen.ended),
        }
    }
}

impl Run<'_> {
    /// What may end the stream of the next reply: the first guardrail on it, if there is a component that watches streams
    /// for it. Of the others none may: the first could still refuse all of it.
    pub(super) fn watcher(&self) -> Option<Watcher> {
        let validator = self.guards.iter().find(|validator| Direction::Output.wanted(validator))?;
        if THRESHOLDS.iter().any(|key| validator.params.get(key).is_some()) {
            return None;
        }
        let entry = self.evaluator.bench.library.find_guard(&validator.kind)?;
        let component = entry.ready().ok()?.clone();
        Some(Watcher {
            sandbox: self.evaluator.parts.sandbox.clone(),
            component,
            call: self.guard_call(validator, Direction::Output, entry),
            validator: format!("{}:{}: guardrail `{}`", validator.file, validator.line, validator.kind),
            seen: Mutex::default(),
        })
    }

    fn guard_call(&self, validator: &Validator, direction: Direction, entry: &Resolved) -> GuardCall {
        GuardCall {
            check: validator.kind.clone(),
            params: guard_params(validator).to_string(),
            direction: direction.as_str(),
            seed: seed_of(self.evaluator.parts.seed, &self.key, &entry.digest),
        }
    }

    /// Lets a component that watches streams look at a whole text, for a guardrail that no check is there for.
    pub(super) async fn watched(
        &self,
        text: String,
        validator: &Validator,
        direction: Direction,
        record: CheckRecord,
        entry: &Resolved,
    ) -> Result<(CheckRecord, u64, GuardAction), Trouble> {
        let failed = |name: &str, why: String| {
            let reason = Some(format!("{name}: {why}"));
            CheckRecord { outcome: Outcome::Error, reason, error: Some(name.to_owned()), ..record.clone() }
        };
        let evaluator = Some(EvaluatorRef { name: entry.name.clone(), digest: entry.digest.clone() });
        let component = match entry.ready() {
            Ok(component) => component.clone(),
            Err((name, why)) => {
                return Ok((CheckRecord { evaluator, ..failed(name, why) }, 0, GuardAction::Proceed));
            }
        };
        let (sandbox, call) = (self.evaluator.parts.sandbox.clone(), self.guard_call(validator, direction, entry));
        let began = Instant::now();
        let looked = self.evaluator.parts.sandbox.on_pool(async move {
            let mut guard = match sandbox.guard(&component, &call).await {
                Ok(guard) => guard,
                Err(error) => return (Err(error), GuardCost::default()),
            };
            let mut action = guard.push(&text).await;
            if action == Ok(GuardAction::Proceed) {
                action = guard.finish().await;
            }
            (action, guard.cost())
        });
        let (action, cost) = looked.await.map_err(Trouble::from_sandbox)?;
        let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let (record, action) = match action {
            Ok(action) => {
                let (outcome, reason) = match &action {
                    GuardAction::Proceed => (Outcome::Passed, "the guardrail lets it pass".to_owned()),
                    GuardAction::Truncate(bytes) => {
                        (Outcome::Failed, format!("the guardrail keeps {bytes} bytes of it"))
                    }
                    GuardAction::Replace(_) => (Outcome::Failed, "the guardrail refuses it".to_owned()),
                };
                (CheckRecord { outcome, reason: Some(reason), ..record }, action)
            }
            Err(error) => (failed(error.reason(), error.to_string()), GuardAction::Proceed),
        };
        let GuardCost { fuel, memory_bytes, .. } = cost;
        Ok((CheckRecord { evaluator, fuel, memory_bytes, ..record }, micros, action))
    }
}
