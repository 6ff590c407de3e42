//! The server of `arena view`: a handful of files of one folder, read only, to programs of this machine.
//!
//! A page elsewhere may point a name of its own at 127.0.0.1 and ask from within a browser; such a request names that
//! host and is refused.

use std::convert::Infallible;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// The page itself, also at `/`.
pub const REPORT: &str = "report.html";
/// What else may be asked for, with its type.
const OTHERS: [(&str, &str); 4] = [
    ("summary.json", "application/json"),
    ("manifest.json", "application/json"),
    ("junit.xml", "text/xml; charset=utf-8"),
    ("checksums", "text/plain; charset=utf-8"),
];
/// Largest file that is served.
const FILE_BYTES: u64 = 64 << 20;
/// Connections at once; more wait.
const CONNECTIONS: usize = 16;
/// Longest time for the head of a request.
const HEAD: Duration = Duration::from_secs(10);
/// Longest life of a connection.
const LIFE: Duration = Duration::from_secs(60);
/// Bytes of a request's head.
const HEAD_BYTES: usize = 16 << 10;

/// The page's own policy, by hash, holds as well; this one stands in for a file that has none.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; \
                           base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const FILE_POLICY: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";

/// Headers of every answer.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// The folder.
pub struct Files(Dir);

impl Files {
    /// Opens it; links that lead out of it lead nowhere.
    pub fn open(folder: &Path) -> io::Result<Self> {
        Dir::open_ambient_dir(folder, ambient_authority()).map(Self)
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        if !self.0.symlink_metadata(name)?.is_file() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let mut bytes = Vec::new();
        self.0.open(name)?.take(FILE_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > FILE_BYTES { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
    }
}

/// Answers until `stop` is done.
pub async fn serve(listener: TcpListener, port: u16, files: Files, stop: impl Future<Output = ()>) {
    let (files, places) = (Arc::new(files), Arc::new(Semaphore::new(CONNECTIONS)));
    let mut connections = JoinSet::new();
    let accepting = async {
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            // One that went away before it was taken is no trouble.
            let Ok((stream, _)) = listener.accept().await else { continue };
            let files = Arc::clone(&files);
            while connections.try_join_next().is_some() {}
            connections.spawn(async move {
                let service = service_fn(move |request| respond(request, port, Arc::clone(&files)));
                let mut http = http1::Builder::new();
                http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_BYTES);
                // Who takes too long, or speaks no HTTP, is let go.
                let _ = tokio::time::timeout(LIFE, http.serve_connection(TokioIo::new(stream), service)).await;
                drop(place);
            });
        }
    };
    tokio::select! {
        () = accepting => {}
        () = stop => {}
    }
}

async fn respond(
    request: Request<Incoming>,
    port: u16,
    files: Arc<Files>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let hosts = ["127.0.0.1", "localhost"].map(|name| format!("{name}:{port}"));
    let asked = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if !hosts.iter().any(|host| host == asked) {
        return Ok(refusal(StatusCode::MISDIRECTED_REQUEST, "this server is 127.0.0.1 and no other\n"));
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return Ok(refusal(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n"));
    }
    let name = request.uri().path().trim_start_matches('/');
    let (name, kind, policy) = match name {
        "" | REPORT => (REPORT, "text/html; charset=utf-8", PAGE_POLICY),
        other => match OTHERS.iter().find(|(name, _)| *name == other) {
            Some((name, kind)) => (*name, *kind, FILE_POLICY),
            None => return Ok(refusal(StatusCode::NOT_FOUND, "there is no such file here\n")),
        },
    };
    let read = tokio::task::spawn_blocking(move || files.read(name)).await;
    Ok(match read {
        Ok(Ok(bytes)) => answer(StatusCode::OK, kind, policy, bytes),
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
            refusal(StatusCode::NOT_FOUND, "the run has no such file\n")
        }
        _ => refusal(StatusCode::INTERNAL_SERVER_ERROR, "the file cannot be read\n"),
    })
}

fn refusal(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    answer(status, "text/plain; charset=utf-8", FILE_POLICY, text.into())
}

fn answer(status: StatusCode, kind: &'static str, policy: &'static str, bytes: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(bytes)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
