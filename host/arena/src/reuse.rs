//! Answers of earlier runs in place of calls.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arena_provider::{CacheLimits, CacheMode, ResponseCache};
use clap::ValueEnum;

use crate::exit::Failure;
use crate::settings::cache_folder;

/// Flags on the cache of answers.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Answers of earlier runs")]
pub struct ReuseFlags {
    /// Take the answer of an earlier run where the same was asked of the same model, in the same trial and as often before
    /// in the case: read takes what is there, write keeps what is new as well [default: off].
    #[arg(long, value_name = "MODE", value_enum)]
    cache: Option<Mode>,
    /// Days after which an answer is no longer taken [default: 30].
    #[arg(long, value_name = "DAYS", requires = "cache", value_parser = clap::value_parser!(u32).range(1..=3650))]
    cache_ttl: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    Off,
    Read,
    Write,
}

/// Where answers are kept.
pub fn folder() -> Result<PathBuf, Failure> {
    Ok(cache_folder()?.join("responses"))
}

/// So many days.
pub fn days(count: u32) -> Duration {
    Duration::from_secs(u64::from(count) * 86_400)
}

impl ReuseFlags {
    /// The cache; none if it is off.
    pub fn open(&self) -> Result<Option<Arc<ResponseCache>>, Failure> {
        let mode = match self.cache {
            None | Some(Mode::Off) => return Ok(None),
            Some(Mode::Read) => CacheMode::Read,
            Some(Mode::Write) => CacheMode::Write,
        };
        let usual = CacheLimits::default();
        let limits = CacheLimits { ttl: self.cache_ttl.map_or(usual.ttl, days), ..usual };
        let folder = folder()?;
        let failed = |error| {
            Failure::machinery("CacheFailed", format!("{}: {error}", folder.display()))
                .hint("set ARENA_CACHE to another folder, or run without --cache")
        };
        Ok(Some(Arc::new(ResponseCache::open(&folder, mode, limits).map_err(failed)?)))
    }
}
