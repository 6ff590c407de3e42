//! Counts memory and table elements over all of a guest's memories and tables, and stops it at the limit.

use wasmtime::ResourceLimiter;

use crate::GuestError;
use crate::state::Breach;

/// wasmtime's own limiter counts each memory apart; a guest could bring many.
pub(crate) struct Limiter {
    memory_limit: u64,
    memory: u64,
    peak: u64,
    table_limit: u64,
    table: u64,
    instances: usize,
}

impl Limiter {
    pub(crate) fn new(memory_limit: u64, table_limit: u64, instances: u32) -> Self {
        Self { memory_limit, memory: 0, peak: 0, table_limit, table: 0, instances: instances as usize }
    }

    /// Most bytes of linear memory held at once.
    pub(crate) fn peak(&self) -> u64 {
        self.peak
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let wanted = self.memory.saturating_sub(current as u64).saturating_add(desired as u64);
        if wanted > self.memory_limit {
            return Err(Breach(GuestError::MemoryLimit { wanted, limit: self.memory_limit }).into());
        }
        if beyond(desired, maximum) {
            return Ok(false);
        }
        self.memory = wanted;
        self.peak = self.peak.max(wanted);
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let wanted = self.table.saturating_sub(current as u64).saturating_add(desired as u64);
        if wanted > self.table_limit {
            return Err(Breach(GuestError::TableLimit { wanted, limit: self.table_limit }).into());
        }
        if beyond(desired, maximum) {
            return Ok(false);
        }
        self.table = wanted;
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        self.instances
    }

    fn memories(&self) -> usize {
        self.instances
    }
}

/// The growth will fail by the guest's own declaration, so nothing must be counted for it.
fn beyond(desired: usize, maximum: Option<usize>) -> bool {
    maximum.is_some_and(|maximum| desired > maximum)
}
