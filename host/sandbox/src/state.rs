//! What a store holds for one evaluation: the subject, the counters, the log.

use std::sync::Arc;

use arena_model::{Conversation, HostCall};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::WasiCtx;

use crate::limiter::Limiter;
use crate::run::LogLine;
use crate::timer::Clock;
use crate::{Asked, GuestError, Limits};

/// Ends the guest from within a host function, with the error it will be reported as.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Breach(pub(crate) GuestError);

/// The host's side of the `conversation` handle. There is one per store, so it carries nothing.
pub struct Subject;

pub(crate) struct State {
    pub(crate) limits: Limits,
    pub(crate) limiter: Limiter,
    pub(crate) table: ResourceTable,
    pub(crate) conversation: Arc<Conversation>,
    /// Whom the guest may ask.
    pub(crate) asked: Asked,
    /// Only for components that import WASI.
    pub(crate) wasi: Option<WasiCtx>,
    pub(crate) clock: Clock,
    pub(crate) calls: Vec<HostCall>,
    pub(crate) log: Vec<LogLine>,
    /// Ticks of guest time used.
    pub(crate) ticks: u64,
    /// The next tick passed while the host worked, not the guest.
    pub(crate) host_tick: bool,
    /// Whom it asked failed; kept because the guest may hide it behind an error of its own.
    pub(crate) failed: Option<GuestError>,
    /// A question was refused because the limit was reached.
    pub(crate) refused: Option<GuestError>,
    /// Questions put to judges.
    pub(crate) judge_calls: u32,
    /// Calls for embeddings.
    pub(crate) embed_calls: u32,
    host_calls: u64,
    log_bytes: u64,
    input_bytes: u64,
}

impl State {
    pub(crate) fn new(limits: Limits, conversation: Arc<Conversation>, asked: Asked, wasi: Option<WasiCtx>) -> Self {
        Self {
            limiter: Limiter::new(limits.memory, limits.table_elements, limits.instances),
            table: ResourceTable::with_capacity(0),
            limits,
            conversation,
            asked,
            wasi,
            clock: Clock::default(),
            calls: Vec::new(),
            log: Vec::new(),
            ticks: 0,
            host_tick: false,
            failed: None,
            refused: None,
            judge_calls: 0,
            embed_calls: 0,
            host_calls: 0,
            log_bytes: 0,
            input_bytes: 0,
        }
    }

    /// As if nothing had been asked of the instance yet, but for its memory.
    pub(crate) fn begin_again(&mut self) {
        (self.ticks, self.host_tick) = (0, false);
        (self.host_calls, self.log_bytes, self.input_bytes) = (0, 0, 0);
        self.log.clear();
    }

    /// Counts a call of a host function.
    pub(crate) fn host_call(&mut self) -> wasmtime::Result<()> {
        self.host_calls += 1;
        self.refuse_host_calls()
    }

    /// Ends the guest if it called too often.
    pub(crate) fn refuse_host_calls(&self) -> wasmtime::Result<()> {
        self.over_host_calls().map_or(Ok(()), |error| Err(Breach(error).into()))
    }

    /// Counts a call that cannot be refused where it is made; [`Self::refuse_host_calls`] is asked when it returns.
    pub(crate) fn count_host_call(&mut self) {
        self.host_calls += 1;
    }

    pub(crate) fn over_host_calls(&self) -> Option<GuestError> {
        let limit = self.limits.host_calls;
        (self.host_calls > limit).then_some(GuestError::HostCallLimit { limit })
    }

    /// Counts bytes handed to the guest.
    pub(crate) fn hand_over(&mut self, bytes: usize) -> wasmtime::Result<()> {
        self.input_bytes = self.input_bytes.saturating_add(bytes as u64);
        if self.input_bytes > self.limits.input {
            return Err(Breach(GuestError::InputLimit { limit: self.limits.input }).into());
        }
        Ok(())
    }

    pub(crate) fn write_log(&mut self, level: &'static str, text: &str) -> wasmtime::Result<()> {
        // An empty line is not free: it takes a place in the list.
        self.log_bytes = self.log_bytes.saturating_add(text.len() as u64 + 1);
        if self.log_bytes > self.limits.log {
            return Err(Breach(GuestError::LogLimit { limit: self.limits.log }).into());
        }
        self.log.push(LogLine { level, text: text.to_owned() });
        Ok(())
    }
}
