//! Asking again: queue and store may be away for a while.

use std::future::Future;
use std::time::{Duration, Instant};

use arena_model::{Class, Fault};

use super::FleetSettings;

/// Asks until there is an answer, or an error that will stay, or the patience of `settings` is used up. Waits between
/// two questions, longer each time.
pub(crate) async fn ask<T, E, F>(settings: &FleetSettings, mut question: impl FnMut() -> F) -> Result<T, E>
where
    E: Fault,
    F: Future<Output = Result<T, E>>,
{
    let (mut pause, longest) = settings.pause;
    let began = Instant::now();
    loop {
        match question().await {
            Err(error) if error.class() == Class::Retryable && began.elapsed() < settings.patience => {
                tracing::warn!(reason = error.reason(), "{error}; asking again");
                tokio::time::sleep(pause).await;
                pause = next(pause, longest);
            }
            answer => return answer,
        }
    }
}

/// The pause after `pause`.
pub(crate) fn next(pause: Duration, longest: Duration) -> Duration {
    pause.saturating_mul(2).min(longest)
}
