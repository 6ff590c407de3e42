//! A neutered WASI 0.2 for guests whose language insists on it: frozen clock, seeded randomness, captured output,
//! and nothing else. No files, no sockets, no environment, no arguments, no waiting.

use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use wasmtime::component::Linker;
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxView, WasiView};

use crate::state::State;
use crate::timer;

/// Packages a guest may import. `wasi:filesystem` has nothing to open: languages' start-up code only asks for the
/// list of preopened folders, which is empty.
const PACKAGES: [&str; 5] = ["wasi:io/", "wasi:clocks/", "wasi:random/", "wasi:cli/", "wasi:filesystem/"];
/// Most random bytes of one call.
const RANDOM_BYTES: u64 = 1 << 20;

/// Whether the import belongs to the neutered WASI.
pub(crate) fn offers(import: &str) -> bool {
    PACKAGES.iter().any(|package| import.starts_with(package)) && import.contains("@0.2.")
}

pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    timer::add_to_linker(linker)
}

/// What a guest writes to stdout and stderr; read back after the call.
pub(crate) struct Output {
    pub(crate) stdout: MemoryOutputPipe,
    pub(crate) stderr: MemoryOutputPipe,
}

/// A context for one evaluation. `epoch` is the frozen wall clock since 1970, `log_bytes` bounds each stream; what is over
/// it shows as one byte too many.
pub(crate) fn context(seed: u64, epoch: Duration, log_bytes: u64) -> (WasiCtx, Output) {
    // One more than is allowed: a guest that fills it has logged too much, and that can be told from just enough.
    let capacity = usize::try_from(log_bytes.saturating_add(1)).unwrap_or(usize::MAX);
    let output = Output { stdout: MemoryOutputPipe::new(capacity), stderr: MemoryOutputPipe::new(capacity) };
    let mut builder = WasiCtx::builder();
    builder
        .stdout(output.stdout.clone())
        .stderr(output.stderr.clone())
        .secure_random(StdRng::seed_from_u64(seed))
        .insecure_random(StdRng::seed_from_u64(seed.wrapping_add(1)))
        .insecure_random_seed(u128::from(seed))
        .max_random_size(RANDOM_BYTES)
        .wall_clock(FrozenClock(epoch))
        .monotonic_clock(FrozenClock(Duration::ZERO))
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false);
    (builder.build(), output)
}

struct FrozenClock(Duration);

impl HostWallClock for FrozenClock {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        self.0
    }
}

/// Never asked: `timer` answers for the monotonic clock. Here so that the real one is nowhere.
impl HostMonotonicClock for FrozenClock {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        0
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.count_host_call();
        // Made with the store whenever the component imports WASI, see `component`; without it no import leads here.
        let ctx = self.wasi.get_or_insert_with(|| context(0, Duration::ZERO, 0).0);
        WasiCtxView { ctx, table: &mut self.table }
    }
}
