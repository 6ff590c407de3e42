//! The store over HTTP.

mod answer;
mod places;
mod range;
mod requests;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::routing::{any, get};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;

use self::places::Places;
use crate::connection::Limited;
use crate::{ARCHIVE_BYTES, Disk, Key, SweepSettings};

/// What says what time it is.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Limits and times of the server.
#[derive(Clone)]
pub struct ServerSettings {
    /// Largest artifact, bytes.
    pub artifact_bytes: u64,
    /// Largest object of results, bytes.
    pub result_bytes: u64,
    /// Uploads at once; more are answered with 503.
    pub uploads: usize,
    /// Uploads at once of one job; more are answered with 503.
    pub uploads_per_job: usize,
    /// Least bytes per second of an upload, on average after its first `idle`.
    pub upload_rate: u32,
    /// Connections at once; more wait.
    pub connections: usize,
    /// Longest time in which next to nothing moves on a connection.
    pub silence: Duration,
    /// Longest time for the head of a request, also for the first byte of the next.
    pub head: Duration,
    /// Longest silence within an upload.
    pub idle: Duration,
    /// How long what is under way may take after the stop.
    pub drain: Duration,
    /// From one sweep to the next; none never sweeps.
    pub sweep_every: Option<Duration>,
    /// See there.
    pub sweep: SweepSettings,
    /// Decides whether a token has expired, and what is old.
    pub clock: Clock,
}

impl Default for ServerSettings {
    /// 2 GiB, 256 MiB, 64 uploads, 16 of a job, 16 KiB/s, 1,024 connections, 60 s, 20 s, 30 s, 20 s, a sweep every hour, the
    /// system's clock.
    fn default() -> Self {
        Self {
            artifact_bytes: ARCHIVE_BYTES,
            result_bytes: 256 << 20,
            uploads: 64,
            uploads_per_job: 16,
            upload_rate: 16 << 10,
            connections: 1024,
            silence: Duration::from_secs(60),
            head: Duration::from_secs(20),
            idle: Duration::from_secs(30),
            drain: Duration::from_secs(20),
            sweep_every: Some(Duration::from_secs(3600)),
            sweep: SweepSettings::default(),
            clock: Arc::new(SystemTime::now),
        }
    }
}

/// What every request needs.
struct Store {
    disk: Disk,
    key: Key,
    settings: ServerSettings,
    uploads: Places,
}

/// Serves `/v1/NAME` and `/healthz` until `stop` is done, then finishes what is under way.
pub async fn serve(
    listener: TcpListener,
    disk: Disk,
    key: Key,
    settings: ServerSettings,
    stop: impl Future<Output = ()> + Send,
) {
    let uploads = Places::new(settings.uploads, settings.uploads_per_job);
    let ServerSettings { connections, silence, head, drain, .. } = settings;
    let sweeping = sweep(disk.clone(), settings.clone());
    let store = Arc::new(Store { disk, key, settings, uploads });
    let router = Router::new()
        .route("/v1/{*path}", any(requests::object))
        .route("/healthz", get(|| async { "ok\n" }))
        .fallback(requests::unknown)
        .with_state(store);
    let mut listener = Limited::new(listener, connections, silence);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(head);
    let graceful = GracefulShutdown::new();
    let accepting = async {
        loop {
            let connection = listener.accept().await;
            let service = TowerToHyperService::new(router.clone());
            let served = graceful.watch(http.serve_connection(TokioIo::new(connection), service));
            tokio::spawn(async move {
                if let Err(error) = served.await {
                    tracing::debug!(%error, "a connection ended early");
                }
            });
        }
    };
    tokio::select! {
        () = accepting => {}
        () = sweeping => {}
        () = stop => {}
    }
    if tokio::time::timeout(drain, graceful.shutdown()).await.is_err() {
        tracing::warn!(seconds = drain.as_secs(), "stopped with requests under way");
    }
}

/// Sweeps for ever, if at all.
async fn sweep(disk: Disk, settings: ServerSettings) {
    let Some(every) = settings.sweep_every else { return std::future::pending().await };
    loop {
        tokio::time::sleep(every).await;
        let (disk, now, sweep) = (disk.clone(), (settings.clock)(), settings.sweep);
        match tokio::task::spawn_blocking(move || disk.sweep(now, &sweep)).await {
            Ok(Ok(report)) => tracing::info!(?report, "swept"),
            Ok(Err(error)) => tracing::error!(%error, "the sweep failed; nothing more is deleted until the next"),
            Err(error) => tracing::error!(%error, "the sweep died"),
        }
    }
}
