//! `/livez` and `/readyz`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::OperatorError;

/// Whether this process does its part: it acts, or waits for the lease with an API server that answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ready(Arc<AtomicBool>);

impl Ready {
    pub(crate) fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Relaxed);
    }

    fn status(&self) -> (StatusCode, &'static str) {
        if self.0.load(Ordering::Relaxed) {
            (StatusCode::OK, "ok\n")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
        }
    }
}

/// Serves for ever; without an address it only waits.
pub(crate) async fn serve(address: Option<SocketAddr>, ready: Ready) -> Result<(), OperatorError> {
    let Some(address) = address else { return std::future::pending().await };
    let failed = |error: std::io::Error| OperatorError::Listen { address, why: error.to_string() };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let router = Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(move || async move { ready.status() }));
    axum::serve(listener, router).await.map_err(failed)
}
