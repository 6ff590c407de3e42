//! What all controllers share: clients, settings, and the little that this process remembers of objects.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arena_artifact::{Claims, ClientSettings, StoreClient};
use arena_queue::RedisQueue;
use arena_source::Fetch;
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::runtime::events::Recorder;

use crate::record::Run;
use crate::{Freezer, OperatorError, Reported, Settings};

/// How long a token of ours is good.
const TOKEN: Duration = Duration::from_secs(24 * 3600);
/// Objects that are remembered; at more, all are forgotten, which costs some looks.
const REMEMBERED: usize = 100_000;

/// Shared by all controllers.
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) settings: Settings,
    pub(crate) fetch: Arc<dyn Fetch>,
    pub(crate) freezer: Arc<dyn Freezer>,
    pub(crate) queue: RedisQueue,
    pub(crate) recorder: Recorder,
    store: Mutex<Option<(StoreClient, Instant)>>,
    memory: Mutex<HashMap<String, Memory>>,
}

/// What is remembered of one object, by its uid. Losing it does no harm.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    /// Looks in a row that ended in an error of ours.
    pub(crate) errors: u32,
    /// Looks in a row that found something amiss: a place that is away, a key that is missing, a run that cannot be
    /// frozen.
    pub(crate) failures: u32,
    /// When the last look at a source's place ended.
    pub(crate) last: Option<Timestamp>,
    /// Why a job could not be frozen.
    pub(crate) trouble: Option<Reported>,
    /// A job's frozen run.
    pub(crate) run: Option<Arc<Run>>,
    /// This process made the job's Secret.
    pub(crate) issued: bool,
}

impl Context {
    pub(crate) fn new(
        client: Client,
        settings: Settings,
        fetch: Arc<dyn Fetch>,
        freezer: Arc<dyn Freezer>,
        recorder: Recorder,
    ) -> Result<Self, OperatorError> {
        let queue = RedisQueue::new(settings.redis.clone())?;
        let (store, memory) = (Mutex::default(), Mutex::default());
        Ok(Self { client, settings, fetch, freezer, queue, recorder, store, memory })
    }

    /// The store, with a token that is good for hours.
    pub(crate) fn store(&self) -> Result<StoreClient, OperatorError> {
        let mut held = lock(&self.store);
        if let Some((client, _)) = held.as_ref().filter(|(_, made)| made.elapsed() < TOKEN / 2) {
            return Ok(client.clone());
        }
        let expires = seconds(Timestamp::now()).saturating_add(TOKEN.as_secs());
        let claims =
            Claims { v: 1, namespace: None, job: None, read: Vec::new(), results: false, read_only: false, expires };
        let token = self.settings.store_key.mint(&claims)?;
        let client = StoreClient::new(&self.settings.store_url, token, ClientSettings::default())?;
        *held = Some((client.clone(), Instant::now()));
        Ok(client)
    }

    pub(crate) fn memory(&self, uid: &str) -> Memory {
        lock(&self.memory).get(uid).cloned().unwrap_or_default()
    }

    pub(crate) fn remember<T>(&self, uid: &str, change: impl FnOnce(&mut Memory) -> T) -> T {
        let mut memory = lock(&self.memory);
        if memory.len() >= REMEMBERED && !memory.contains_key(uid) {
            memory.clear();
        }
        change(memory.entry(uid.to_owned()).or_default())
    }

    pub(crate) fn forget(&self, uid: &str) {
        lock(&self.memory).remove(uid);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is one step, so a panic in between leaves nothing half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Unix seconds.
pub(crate) fn seconds(at: Timestamp) -> u64 {
    u64::try_from(at.as_second()).unwrap_or(0)
}
