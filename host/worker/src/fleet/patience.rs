//! Asking again: queue and store may be away for a while.

use std::future::Future;
use std::time::{Duration, Instant};

use arena_model::{Class, Fault};

use super::FleetRun;
use crate::Stop;

/// Asks until there is an answer, or an error that will stay, or patience is used up, of which a process that is told
/// to stop has little. Waits between two questions, longer each time.
pub(crate) async fn ask<T, E, F>(run: &FleetRun, mut question: impl FnMut() -> F) -> Result<T, E>
where
    E: Fault,
    F: Future<Output = Result<T, E>>,
{
    let (mut pause, longest) = run.settings.pause;
    let began = Instant::now();
    loop {
        match question().await {
            Err(error) if error.class() == Class::Retryable && began.elapsed() < patience(run) => {
                tracing::warn!(reason = error.reason(), "{error}; asking again");
                tokio::time::sleep(pause).await;
                pause = next(pause, longest);
            }
            answer => return answer,
        }
    }
}

/// How long queue and store may be away as things are.
pub(super) fn patience(run: &FleetRun) -> Duration {
    match *run.stop.borrow() {
        Stop::No => run.settings.patience,
        Stop::Drain | Stop::Now => run.settings.patience_stopping,
    }
}

/// The pause after `pause`.
pub(crate) fn next(pause: Duration, longest: Duration) -> Duration {
    pause.saturating_mul(2).min(longest)
}
