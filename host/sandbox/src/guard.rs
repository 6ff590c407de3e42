//! A guardrail at work on one stream: an instance that lives as long as the stream does and sees it piece by piece. Between
//! two pieces it costs nothing but its memory; fuel and every other limit count for the whole stream.

use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use wasmtime::Store;

use crate::bindings::guardrail::Guardrail;
use crate::bindings::guardrail::exports::arena::evaluator::stream_guard::Action;
use crate::component::Linked;
use crate::run::{cut, from_guest, not_a};
use crate::state::State;
use crate::trap::from_trap;
use crate::{Asked, Component, GuestError, Limits, LogLine, Sandbox, World};

/// What to watch for.
#[derive(Clone, Debug)]
pub struct GuardCall {
    /// Check type, any of the component's names or aliases.
    pub check: String,
    /// JSON object.
    pub params: String,
    /// `input` or `output`.
    pub direction: &'static str,
    /// Seed of the guest's randomness.
    pub seed: u64,
}

/// What a guardrail wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GuardAction {
    /// Nothing.
    Proceed,
    /// Keep so many bytes of all that was pushed, at a character boundary, and end the stream.
    Truncate(usize),
    /// Show this text in place of all that was pushed and end the stream.
    Replace(String),
}

/// What a guardrail cost so far.
#[derive(Clone, Debug, Default)]
pub struct GuardCost {
    /// Fuel used.
    pub fuel: u64,
    /// Most bytes of linear memory held at once.
    pub memory_bytes: u64,
    /// What it logged.
    pub log: Vec<LogLine>,
}

/// One stream's guardrail. Call it on the pool, see [`Sandbox::on_pool`]. After an error it must not be called again.
pub struct Guard {
    store: Store<State>,
    instance: Guardrail,
    limits: Limits,
    tank: u64,
    pushed: String,
    /// A place among those that may run; given back with the guard.
    _slot: OwnedSemaphorePermit,
}

impl Sandbox {
    /// Begins to watch a stream in a fresh instance.
    pub async fn guard(&self, component: &Component, call: &GuardCall) -> Result<Guard, GuestError> {
        let Linked::Guardrail(pre) = &component.linked else { return Err(not_a(component, World::Guardrail)) };
        let limits = component.limits;
        let closed = |_| GuestError::SandboxFailed("it is shutting down".to_owned());
        let slot = self.slots.clone().acquire_owned().await.map_err(closed)?;
        let (mut store, _output) = self.store(component, Default::default(), Asked::default(), call.seed);
        if store.data_mut().hand_over(call.params.len()).is_err() {
            return Err(GuestError::InputLimit { limit: limits.input });
        }
        let tank = limits.fuel.saturating_add(1);
        store.set_fuel(tank).map_err(|error| GuestError::SandboxFailed(format!("{error:#}")))?;
        let started = timed(&limits, async {
            let instance = pre.instantiate_async(&mut store).await?;
            let guard = instance.arena_evaluator_stream_guard();
            let word = guard.call_start(&mut store, &call.check, &call.params, call.direction).await?;
            Ok((instance, word))
        });
        let (instance, word) = started.await?;
        let guard = Guard { store, instance, limits, tank, pushed: String::new(), _slot: slot };
        guard.fuelled()?;
        word.map_err(from_guest)?;
        Ok(guard)
    }
}

impl Guard {
    /// More of the text.
    pub async fn push(&mut self, chunk: &str) -> Result<GuardAction, GuestError> {
        if self.store.data_mut().hand_over(chunk.len()).is_err() {
            return Err(GuestError::InputLimit { limit: self.limits.input });
        }
        self.pushed.push_str(chunk);
        // What passed while the stream was waited for was not the guest's time.
        self.store.set_epoch_deadline(1);
        let guard = self.instance.arena_evaluator_stream_guard();
        let word = timed(&self.limits, guard.call_push(&mut self.store, chunk)).await?;
        self.fuelled()?;
        self.checked(word.map_err(from_guest)?)
    }

    /// The text is complete.
    pub async fn finish(&mut self) -> Result<GuardAction, GuestError> {
        self.store.set_epoch_deadline(1);
        let guard = self.instance.arena_evaluator_stream_guard();
        let word = timed(&self.limits, guard.call_finish(&mut self.store)).await?;
        self.fuelled()?;
        self.checked(word.map_err(from_guest)?)
    }

    /// What it cost.
    pub fn cost(&self) -> GuardCost {
        let left = self.store.get_fuel().unwrap_or(0);
        let state = self.store.data();
        GuardCost {
            fuel: self.tank.saturating_sub(left).min(self.limits.fuel),
            memory_bytes: state.limiter.peak(),
            log: state.log.clone(),
        }
    }

    fn fuelled(&self) -> Result<(), GuestError> {
        match self.store.get_fuel().unwrap_or(0) {
            0 => Err(GuestError::FuelExhausted { limit: self.limits.fuel }),
            _ => Ok(()),
        }
    }

    fn checked(&self, action: Action) -> Result<GuardAction, GuestError> {
        match action {
            Action::Proceed => Ok(GuardAction::Proceed),
            Action::Replace(text) => Ok(GuardAction::Replace(cut(text))),
            Action::Truncate(bytes) if self.pushed.is_char_boundary(bytes as usize) => {
                Ok(GuardAction::Truncate(bytes as usize))
            }
            Action::Truncate(bytes) => {
                let why = format!("cut after {bytes} bytes, which is no place between the characters that were pushed");
                Err(GuestError::ResultInvalid(why))
            }
        }
    }
}

/// A call into the guest, within its wall time.
async fn timed<T>(limits: &Limits, call: impl Future<Output = wasmtime::Result<T>>) -> Result<T, GuestError> {
    match tokio::time::timeout(Duration::from_millis(limits.total_ms), call).await {
        Ok(done) => done.map_err(|error| from_trap(&error, limits)),
        Err(_) => Err(GuestError::EvaluationTimeout { limit: limits.total_ms }),
    }
}
