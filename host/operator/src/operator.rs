//! The operator as a process: it waits for its lease, acts, and stops in order.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use arena_source::Fetch;
use kube::Client;
use kube::runtime::events::{Recorder, Reporter};
use tokio::sync::watch;

use crate::context::Context;
use crate::health::{Ready, serve};
use crate::lease::Lease;
use crate::status::MANAGER;
use crate::{Freezer, OperatorError, Settings, control};

/// Longest wait for what is under way after a stop.
const DRAIN: Duration = Duration::from_secs(20);

/// Acts on the objects of the settings' namespaces until `stop` is done. Needs a rustls provider installed in the
/// process.
///
/// # Errors
/// [`OperatorError::LeaseLost`], after which the process must end: another acts. [`OperatorError::Listen`] and what the
/// settings make impossible. Trouble with single objects stands in their status instead.
pub async fn run(
    client: Client,
    settings: Settings,
    fetch: Arc<dyn Fetch>,
    freezer: Arc<dyn Freezer>,
    stop: impl Future<Output = ()>,
) -> Result<(), OperatorError> {
    let identity = identity()?;
    let reporter = Reporter { controller: MANAGER.to_owned(), instance: Some(identity.clone()) };
    let recorder = Recorder::new(client.clone(), reporter);
    let ready = Ready::default();
    let health = serve(settings.listen, ready.clone());
    let lease = settings.lease.as_ref().map(|(namespace, name)| Lease::new(client.clone(), namespace, name, identity));
    let context = Arc::new(Context::new(client, settings, fetch, freezer, recorder)?);
    tokio::pin!(health, stop);
    if let Some(lease) = &lease {
        tokio::select! {
            () = lease.acquire(|| ready.set(true)) => {}
            () = &mut stop => return Ok(()),
            failed = &mut health => return failed,
        }
    }
    ready.set(true);
    let (stopping, stopped) = watch::channel(false);
    let acting = control::run(context, stopped);
    let held = async {
        match &lease {
            Some(lease) => lease.hold().await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(acting, held);
    tokio::select! {
        () = &mut acting => {}
        // Dropped where they are: what they do next would be another's to do.
        lost = &mut held => return Err(lost),
        failed = &mut health => return failed,
        () = &mut stop => {}
    }
    ready.set(false);
    stopping.send_replace(true);
    tokio::select! {
        done = tokio::time::timeout(DRAIN, &mut acting) => {
            if done.is_err() {
                tracing::warn!(seconds = DRAIN.as_secs(), "stopped with looks under way");
            }
        }
        lost = &mut held => return Err(lost),
    }
    if let Some(lease) = &lease {
        lease.release().await;
    }
    Ok(())
}

/// A name that no other process has.
fn identity() -> Result<String, OperatorError> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)
        .map_err(|error| OperatorError::Scratch { doing: "get random bytes".to_owned(), why: error.to_string() })?;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{MANAGER}-{hex}"))
}
