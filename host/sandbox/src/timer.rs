//! The monotonic clock of WASI: it counts looks instead of time, and a timer moves it on instead of waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wasmtime::component::{HasSelf, Linker, Resource};
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

use crate::state::State;

/// Each look at the clock is this much later than the one before, nanoseconds.
const LOOK: u64 = 1_000;

/// Takes the place of the library's clock, whose timers wait for real.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let added = monotonic_clock::add_to_linker::<State, HasSelf<State>>(linker, |state| state);
    linker.allow_shadowing(false);
    added
}

/// A guest's time since its start, nanoseconds; shared with its timers.
#[derive(Clone, Default)]
pub(crate) struct Clock(Arc<AtomicU64>);

impl Clock {
    fn look(&self) -> u64 {
        // A guest that has slept until the end of time stays there.
        let later = |now: u64| Some(now.saturating_add(LOOK));
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later).unwrap_or(u64::MAX)
    }
}

/// Ready whenever it is asked; being asked takes the time it stands for.
struct Timer {
    clock: Clock,
    until: u64,
}

#[async_trait::async_trait]
impl Pollable for Timer {
    async fn ready(&mut self) {
        self.clock.0.fetch_max(self.until, Ordering::Relaxed);
    }
}

impl monotonic_clock::Host for State {
    fn now(&mut self) -> wasmtime::Result<u64> {
        self.host_call()?;
        Ok(self.clock.look())
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        self.host_call()?;
        Ok(LOOK)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.host_call()?;
        let timer = self.table.push(Timer { clock: self.clock.clone(), until: when })?;
        subscribe(&mut self.table, timer)
    }

    fn subscribe_duration(&mut self, nanoseconds: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let until = self.clock.0.load(Ordering::Relaxed).saturating_add(nanoseconds);
        self.subscribe_instant(until)
    }
}
