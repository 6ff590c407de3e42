//! What all connections of a fake vendor share: its orders, its counts and what came last.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use bytes::Bytes;
use hyper::{HeaderMap, Uri};

use crate::behaviour::{Behaviour, Failing};
use crate::wire::Call;

/// Most times of calls that are kept.
const TIMES_LIMIT: usize = 1_000_000;

pub(super) struct Desk {
    behaviour: RwLock<Arc<Behaviour>>,
    pub(super) calls: AtomicU64,
    pub(super) token_calls: AtomicU64,
    pub(super) connections: AtomicU64,
    log: Mutex<Log>,
}

#[derive(Default)]
pub(super) struct Log {
    pub(super) cases: BTreeMap<String, u64>,
    pub(super) times: Vec<Instant>,
    pub(super) last_body: Bytes,
    pub(super) last_headers: HeaderMap,
    pub(super) last_uri: Option<Uri>,
    pub(super) last_form: BTreeMap<String, String>,
}

impl Desk {
    pub(super) fn new(behaviour: Behaviour) -> Self {
        Self {
            behaviour: RwLock::new(Arc::new(behaviour)),
            calls: AtomicU64::new(0),
            token_calls: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            log: Mutex::default(),
        }
    }

    pub(super) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn behaviour(&self) -> Arc<Behaviour> {
        self.behaviour.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn behave(&self, behaviour: Behaviour) {
        *self.behaviour.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(behaviour);
    }

    /// Fails in these ways only, and behaves as before otherwise.
    pub(super) fn fail(&self, failing: Vec<Failing>) {
        self.behave(Behaviour { failing, ..Behaviour::clone(&self.behaviour()) });
    }

    pub(super) fn reset(&self) {
        self.calls.store(0, Ordering::SeqCst);
        self.token_calls.store(0, Ordering::SeqCst);
        *self.log() = Log::default();
    }

    /// Notes a call that has come in; one that could not be read counts for no case.
    pub(super) fn note(
        &self,
        behaviour: &Behaviour,
        uri: Uri,
        headers: HeaderMap,
        body: Bytes,
        call: Option<&Call<'_>>,
    ) {
        let mut log = self.log();
        if log.times.len() < TIMES_LIMIT {
            log.times.push(Instant::now());
        }
        log.last_uri = Some(uri);
        log.last_headers = headers;
        log.last_body = body;
        if let (Some(call), Some(pattern)) = (call, &behaviour.case_pattern) {
            let case = call.user_texts().find_map(|text| {
                let found = pattern.captures(text)?;
                Some(found.get(1).or_else(|| found.get(0))?.as_str().to_owned())
            });
            *log.cases.entry(case.unwrap_or_default()).or_default() += 1;
        }
    }
}
