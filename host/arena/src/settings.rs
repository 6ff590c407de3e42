//! Everything that comes from the environment: folders, cores, logging.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arena_sandbox::{CompileChild, Sandbox, SandboxSettings};
use tracing_subscriber::EnvFilter;

use crate::exit::{Failure, OrFail};

/// Hidden first argument that makes this program the compiler.
pub const COMPILE_CHILD: &str = "__compile-component";
/// Hidden first argument that makes this program fetch one source.
#[cfg(feature = "fleet")]
pub const FETCH_CHILD: &str = "__fetch-source";
/// Hidden first argument that makes this program the reader of one table.
pub const INDEX_CHILD: &str = "__index-table";
/// The clock guests see unless a run sets another: 2026-01-01T00:00:00Z.
pub const EPOCH: Duration = Duration::from_secs(1_767_225_600);
/// Seed of everything random where nothing else is said.
pub const SEED: u64 = 42;
/// Cases at once where nobody says how many.
pub const CONCURRENCY: u32 = 8;
/// Rows of a table that a run looks at before its first case, and those that `arena validate` and `--strict` do.
pub const ROWS_LOOKED_AT: u64 = 1_000;
pub const ROWS_VALIDATED: u64 = 1_000_000;
/// Longest time of a case in a bundle that sets none, as upstream's.
pub const CASE_TIMEOUT: Duration = Duration::from_secs(300);
/// Instances at once. Each reserves address space only; far more cases can wait for their provider.
const SLOTS: u32 = 32;

/// The user's cache folder: `ARENA_CACHE`, else `$XDG_CACHE_HOME/arena-fleet`, else `~/.cache/arena-fleet`.
pub fn cache_folder() -> Result<PathBuf, Failure> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("ARENA_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|folder| folder.join("arena-fleet")))
        .or_else(|| set("HOME").map(|folder| folder.join(".cache/arena-fleet")))
        .ok_or_else(|| {
            Failure::input("CacheFolderMissing", "no folder for compiled components").hint("set HOME or ARENA_CACHE")
        })
}

/// The sandbox of this process.
pub fn sandbox() -> Result<Arc<Sandbox>, Failure> {
    Sandbox::new(SandboxSettings {
        cache: cache_folder()?.join("components"),
        compiler: CompileChild {
            program: PathBuf::from("/proc/self/exe"),
            arguments: vec![COMPILE_CHILD.to_owned()],
            wall: CompileChild::WALL,
        },
        slots: SLOTS,
        threads: cores(),
        epoch: EPOCH,
    })
    .or_fail()
}

/// Cores this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// An environment variable, none if it is unset or not text.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// RFC 3339 in milliseconds, UTC.
pub fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

/// Logs go to standard error; `ARENA_LOG` sets what (`debug`, `arena_sandbox=debug`), else it is `level` and worse.
pub fn install_tracing(level: &str) {
    let filter = EnvFilter::try_from_env("ARENA_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).init();
}

/// 128 random bits in hex: the id of a process.
pub fn random_id() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Failure::machinery("RandomUnavailable", format!("the system gives no random bytes: {error}"))
    })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
