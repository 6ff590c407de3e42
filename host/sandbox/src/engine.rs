//! The engine: one configuration for the parent that runs guests and the child that compiles them.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::Limits;

/// Resolution of the guest clock.
pub(crate) const TICK: Duration = Duration::from_millis(10);
/// Stack of a guest. Engine-wide in wasmtime, so not a limit one evaluator can raise.
pub(crate) const STACK_BYTES: usize = 1 << 20;
/// Most linear memories and tables of one component, over all its core instances.
const MEMORIES: u32 = 8;
const TABLES: u32 = 32;
/// The fiber: the guest's stack and what host functions need on top.
const FIBER_BYTES: usize = 2 << 20;

/// Settings that change the code the compiler makes. Must be the same in parent and child.
pub(crate) fn base_config() -> Config {
    let mut config = Config::new();
    config.consume_fuel(true).epoch_interruption(true);
    config.max_wasm_stack(STACK_BYTES).async_stack_size(FIBER_BYTES);
    // Same input, same bits: no NaN payloads, no relaxed lanes, no threads.
    config.cranelift_nan_canonicalization(true).relaxed_simd_deterministic(true);
    config.wasm_memory64(false);
    config.concurrency_support(false);
    config.wasm_backtrace_max_frames(NonZeroUsize::new(8));
    config.memory_reservation(4 << 30).memory_guard_size(32 << 20);
    config
}

/// Engine that runs guests, with room for `slots` evaluations at once, and the thread that ticks its clock.
pub(crate) struct Runner {
    pub(crate) engine: Engine,
    stop: Arc<AtomicBool>,
}

impl Runner {
    pub(crate) fn new(slots: u32) -> wasmtime::Result<Self> {
        let ceiling = Limits::ceiling();
        let mut pool = PoolingAllocationConfig::new();
        // What an instance gives back becomes free in batches, and while one thread works on a batch another finds
        // nothing free: twice the room, so that this is never taken for a full pool.
        let room = slots.saturating_mul(2);
        pool.total_component_instances(room).total_stacks(room);
        // Room for the largest component in every slot: it costs address space alone, and a pool that could run dry
        // while there are slots would let one guest's size decide another's verdict.
        pool.total_core_instances(room.saturating_mul(ceiling.instances));
        pool.total_memories(room.saturating_mul(MEMORIES)).total_tables(room.saturating_mul(TABLES));
        pool.max_core_instances_per_component(ceiling.instances).max_memories_per_component(MEMORIES);
        pool.max_tables_per_component(TABLES).max_tables_per_module(4).max_memories_per_module(1);
        pool.max_memory_size(usize::try_from(ceiling.memory).unwrap_or(usize::MAX));
        pool.table_elements(100_000).max_component_instance_size(8 << 20).max_core_instance_size(8 << 20);
        // What a guest touches at the start of its memory, its stack and data, stays mapped and only dirty pages are
        // reset: faults are what a fresh instance costs.
        pool.linear_memory_keep_resident(2 << 20).table_keep_resident(16 << 10);
        pool.pagemap_scan(Enabled::Auto).max_unused_warm_slots(16).decommit_batch_size(16);
        let mut config = base_config();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = Engine::new(&config)?;

        let stop = Arc::new(AtomicBool::new(false));
        let (weak, stopped) = (engine.weak(), stop.clone());
        std::thread::Builder::new().name("arena-tick".to_owned()).spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                std::thread::sleep(TICK);
                let Some(engine) = weak.upgrade() else { return };
                engine.increment_epoch();
            }
        })?;
        Ok(Self { engine, stop })
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
