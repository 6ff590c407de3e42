//! Limits of providers that the workers of all jobs share, kept in the jobs' Redis.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arena_model::Endpoint;
use arena_provider::{Admission, Ask, Limits, LocalPermits, PermitSource, Permits, PermitsError};
use arena_queue::{Permit, PermitLimits, RedisOptions, RedisPermits, WorkerId};
use async_trait::async_trait;

/// Limits under the names that endpoints have for them.
pub struct SharedPermits {
    names: BTreeMap<String, String>,
    options: RedisOptions,
}

impl SharedPermits {
    /// For the providers that are called at these endpoints, by id.
    pub fn new(endpoints: &BTreeMap<String, Endpoint>, options: RedisOptions) -> Self {
        let names = endpoints.iter().filter_map(|(id, endpoint)| Some((id.clone(), endpoint.shared.clone()?)));
        Self { names: names.collect(), options }
    }
}

impl PermitSource for SharedPermits {
    fn permits(&self, id: &str, limits: Limits) -> Arc<dyn Permits> {
        match self.names.get(id) {
            Some(name) => Arc::new(Shared::new(self.options.clone(), name, limits)),
            None => Arc::new(LocalPermits::new(limits)),
        }
    }
}

/// Never shows the password.
impl fmt::Debug for SharedPermits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedPermits").field("names", &self.names).finish_non_exhaustive()
    }
}

/// The limits of one provider in Redis, or why they cannot be kept.
struct Shared(Result<RedisPermits, PermitsError>);

impl Shared {
    fn new(options: RedisOptions, name: &str, limits: Limits) -> Self {
        let Limits { concurrency, requests_per_minute, burst, tokens_per_minute } = limits;
        let limits = PermitLimits { concurrency, requests_per_minute, burst, tokens_per_minute };
        Self(RedisPermits::new(options, name, limits).map_err(|error| PermitsError(error.to_string())))
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}

#[async_trait]
impl Permits for Shared {
    async fn ask(&self, ask: Ask) -> Result<Admission, PermitsError> {
        let failed = |error: &dyn fmt::Display| PermitsError(error.to_string());
        let permits = self.0.as_ref().map_err(Clone::clone)?;
        let holder = WorkerId::random().map_err(|error| failed(&error))?.to_string();
        let permit = permits.ask(ask.tokens, ask.within, ask.hold, &holder).await.map_err(|error| failed(&error))?;
        Ok(match permit {
            Permit::At(wait) => Admission::At { wait, permit: holder },
            Permit::Busy(again) => Admission::Busy { again },
            Permit::Never => Admission::Never,
        })
    }

    async fn give_back(&self, admission: Admission, asked: u64, used: u64) {
        let (Ok(permits), Admission::At { permit, .. }) = (&self.0, admission) else { return };
        if let Err(error) = permits.end(&permit, asked, used).await {
            tracing::warn!(%error, "a provider's permit is given back by time");
        }
    }
}
