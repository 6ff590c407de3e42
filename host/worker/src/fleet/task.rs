//! A task that ends with whoever waits for it: a killed process leaves nothing running, and neither does a dropped one.

use std::future::Future;

use tokio::task::{JoinError, JoinHandle};

/// Aborted when dropped.
pub(crate) struct Task<T>(JoinHandle<T>);

impl<T: Send + 'static> Task<T> {
    pub fn spawn(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self(tokio::spawn(future))
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The task's end; without a task, never.
pub(crate) async fn end_of<T>(task: Option<&mut Task<T>>) -> Result<T, JoinError> {
    match task {
        Some(task) => (&mut task.0).await,
        None => std::future::pending().await,
    }
}
