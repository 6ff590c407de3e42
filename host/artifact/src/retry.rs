//! Attempts at the store, with waits between them that grow.

use std::future::Future;
use std::time::Duration;

use crate::ClientError;

/// Longest wait between two attempts.
const LONGEST: Duration = Duration::from_secs(5);

/// How an attempt failed.
pub(crate) enum Failure {
    /// Another attempt may work.
    Again(ClientError),
    /// It will not.
    Final(ClientError),
}

/// Tries `attempt` up to `most` times. What is called must do no harm when it is done twice.
pub(crate) async fn retry<T, F>(most: u32, first: Duration, mut attempt: impl FnMut(u32) -> F) -> Result<T, ClientError>
where
    F: Future<Output = Result<T, Failure>>,
{
    let (mut number, mut wait) = (1, first);
    loop {
        match attempt(number).await {
            Ok(done) => return Ok(done),
            Err(Failure::Final(error)) => return Err(error),
            Err(Failure::Again(error)) if number >= most => return Err(error),
            Err(Failure::Again(error)) => tracing::debug!(number, %error, "the store did not do it; again"),
        }
        tokio::time::sleep(wait).await;
        (number, wait) = (number + 1, (wait * 2).min(LONGEST));
    }
}
