//! Which of several operators acts: the holder of a Lease, as long as it is renewed.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease as LeaseObject, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::time::{Instant, sleep};

use crate::OperatorError;

/// How long a holder may be silent before another takes over.
const DURATION: Duration = Duration::from_secs(15);
/// How long a holder that cannot renew goes on.
const GIVE_UP: Duration = Duration::from_secs(10);
/// Between two tries to renew or to get it.
const EVERY: Duration = Duration::from_secs(2);

/// A Lease and the name we hold it by.
pub(crate) struct Lease {
    api: Api<LeaseObject>,
    name: String,
    shown: String,
    identity: String,
}

/// A record of another holder, and since when we see it unchanged. Times of other machines are not trusted.
struct Seen {
    version: Option<String>,
    since: Instant,
}

impl Lease {
    pub(crate) fn new(client: Client, namespace: &str, name: &str, identity: String) -> Self {
        let api = Api::namespaced(client, namespace);
        Self { api, name: name.to_owned(), shown: format!("{namespace}/{name}"), identity }
    }

    /// Waits until it is ours. `asked` is called after each answer of the API server.
    pub(crate) async fn acquire(&self, asked: impl Fn()) {
        let mut seen: Option<Seen> = None;
        loop {
            match self.try_acquire(&mut seen).await {
                Ok(true) => return,
                Ok(false) => asked(),
                Err(error) => tracing::warn!(lease = self.shown, %error, "the lease cannot be asked for"),
            }
            sleep(EVERY).await;
        }
    }

    async fn try_acquire(&self, seen: &mut Option<Seen>) -> Result<bool, kube::Error> {
        let Some(found) = self.api.get_opt(&self.name).await? else {
            let new = self.object(None);
            return conflict(self.api.create(&PostParams::default(), &new).await);
        };
        let holder = found.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref()).unwrap_or_default();
        let version = found.metadata.resource_version.clone();
        if !holder.is_empty() && holder != self.identity {
            let old = seen.as_ref().filter(|old| old.version == version);
            let since = old.map_or_else(Instant::now, |old| old.since);
            *seen = Some(Seen { version, since });
            if since.elapsed() < DURATION {
                return Ok(false);
            }
        }
        conflict(self.api.replace(&self.name, &PostParams::default(), &self.object(Some(&found))).await)
    }

    /// Renews it for ever; comes back when it is lost.
    pub(crate) async fn hold(&self) -> OperatorError {
        let mut renewed = Instant::now();
        loop {
            sleep(EVERY).await;
            let left = GIVE_UP.saturating_sub(renewed.elapsed());
            let why = match tokio::time::timeout(left, self.renew()).await {
                Ok(Ok(None)) => {
                    renewed = Instant::now();
                    continue;
                }
                Ok(Ok(Some(holder))) => return self.lost(format!("{holder:?} holds it")),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "no answer".to_owned(),
            };
            if renewed.elapsed() >= GIVE_UP {
                return self.lost(format!("it could not be renewed for {} s: {why}", GIVE_UP.as_secs()));
            }
            tracing::warn!(lease = self.shown, why, "the lease was not renewed; again");
        }
    }

    /// None if it is ours still, else who has it.
    async fn renew(&self) -> Result<Option<String>, kube::Error> {
        let found = self.api.get(&self.name).await?;
        let holder = found.spec.as_ref().and_then(|spec| spec.holder_identity.clone()).unwrap_or_default();
        if holder != self.identity {
            return Ok(Some(holder));
        }
        self.api.replace(&self.name, &PostParams::default(), &self.object(Some(&found))).await.map(|_| None)
    }

    /// Gives it back, so that another need not wait.
    pub(crate) async fn release(&self) {
        let released = async {
            let mut found = self.api.get(&self.name).await?;
            if let Some(spec) = found.spec.as_mut().filter(|spec| spec.holder_identity.as_ref() == Some(&self.identity))
            {
                spec.holder_identity = Some(String::new());
                self.api.replace(&self.name, &PostParams::default(), &found).await?;
            }
            Ok::<_, kube::Error>(())
        };
        if let Ok(Err(error)) = tokio::time::timeout(EVERY, released).await {
            tracing::warn!(lease = self.shown, %error, "the lease was not given back; it runs out by itself");
        }
    }

    fn lost(&self, why: String) -> OperatorError {
        OperatorError::LeaseLost { lease: self.shown.clone(), why }
    }

    /// The record with us as the holder; another version of it in between makes the server refuse.
    fn object(&self, old: Option<&LeaseObject>) -> LeaseObject {
        let spec = old.and_then(|old| old.spec.clone()).unwrap_or_default();
        let ours = spec.holder_identity.as_ref() == Some(&self.identity);
        let transitions = spec.lease_transitions.unwrap_or(0);
        let now = MicroTime(Timestamp::now());
        LeaseObject {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                resource_version: old.and_then(|old| old.metadata.resource_version.clone()),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(self.identity.clone()),
                lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
                acquire_time: if ours { spec.acquire_time } else { Some(now.clone()) },
                renew_time: Some(now),
                lease_transitions: Some(if ours { transitions } else { transitions.saturating_add(1) }),
                ..LeaseSpec::default()
            }),
        }
    }
}

/// False if another was faster.
fn conflict<T>(done: Result<T, kube::Error>) -> Result<bool, kube::Error> {
    match done {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
        Err(error) => Err(error),
    }
}
