//! A server that speaks chat completions and does as it is told.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::JoinHandle;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream;
use http_body_util::{BodyExt as _, Full, Limited, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::behaviour::{Behaviour, Failure, Reply};
use crate::completion::{self, Answer, Call};

/// Largest request body that is read, bytes.
const REQUEST_LIMIT: usize = 64 << 20;

type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// A fake vendor could not start.
#[derive(Debug, thiserror::Error)]
#[error("fake vendor cannot listen: {0}")]
pub struct VendorError(#[from] std::io::Error);

/// A running fake vendor on its own thread and a free port. Dropping it stops it.
pub struct FakeVendor {
    address: SocketAddr,
    desk: Arc<Desk>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What all connections share.
struct Desk {
    behaviour: RwLock<Arc<Behaviour>>,
    calls: AtomicU64,
    connections: AtomicU64,
    log: Mutex<Log>,
}

#[derive(Default)]
struct Log {
    cases: BTreeMap<String, u64>,
    last_body: Bytes,
    last_authorization: Option<String>,
}

impl Desk {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn behaviour(&self) -> Arc<Behaviour> {
        self.behaviour.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn reset(&self) {
        self.calls.store(0, Ordering::SeqCst);
        *self.log() = Log::default();
    }
}

impl FakeVendor {
    /// Listens on a free port of 127.0.0.1 and answers as `behaviour` says.
    pub fn start(behaviour: Behaviour) -> Result<Self, VendorError> {
        Self::start_at(Ipv4Addr::LOCALHOST.into(), behaviour)
    }

    /// The same at another address of this machine, such as the one that pods reach.
    pub fn start_at(address: IpAddr, behaviour: Behaviour) -> Result<Self, VendorError> {
        let listener = StdListener::bind((address, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let desk = Arc::new(Desk {
            behaviour: RwLock::new(Arc::new(behaviour)),
            calls: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            log: Mutex::default(),
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let shared = desk.clone();
        let thread = std::thread::Builder::new().name("fake-vendor".into()).spawn(move || {
            // A dropped sender means stop as well; the runtime's end drops every open connection.
            let _ = runtime.block_on(async {
                tokio::select! { end = accept(listener, shared) => end, _ = stopped => Ok(()) }
            });
        })?;
        Ok(Self { address, desk, stop: Some(stop), thread: Some(thread) })
    }

    /// The base URL a provider is given, `http://ADDRESS:PORT/v1`.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// `ADDRESS:PORT`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Calls since the start or the last reset, failed ones included.
    pub fn calls(&self) -> u64 {
        self.desk.calls.load(Ordering::SeqCst)
    }

    /// Connections accepted since the start.
    pub fn connections(&self) -> u64 {
        self.desk.connections.load(Ordering::SeqCst)
    }

    /// Calls by case id, see [`Behaviour::case_pattern`].
    pub fn calls_by_case(&self) -> BTreeMap<String, u64> {
        self.desk.log().cases.clone()
    }

    /// Body of the newest call; null before the first.
    pub fn last_request(&self) -> serde_json::Value {
        serde_json::from_slice(&self.desk.log().last_body).unwrap_or_default()
    }

    /// `Authorization` header of the newest call.
    pub fn last_authorization(&self) -> Option<String> {
        self.desk.log().last_authorization.clone()
    }

    /// Sets all counts to zero.
    pub fn reset(&self) {
        self.desk.reset();
    }

    /// Behaves otherwise from the next call on.
    pub fn behave(&self, behaviour: Behaviour) {
        *self.desk.behaviour.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(behaviour);
    }
}

impl Drop for FakeVendor {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // A panic in the server has already been printed by its thread.
            let _ = thread.join();
        }
    }
}

async fn accept(listener: StdListener, desk: Arc<Desk>) -> std::io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        desk.connections.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(serve(stream, desk.clone()));
    }
}

async fn serve(stream: TcpStream, desk: Arc<Desk>) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let service = service_fn(|request| answer(request, desk.clone()));
    // A client that goes away, or a cut on purpose, ends the connection; nobody is left to tell.
    let _ = http1::Builder::new().pipeline_flush(true).serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(request: Request<Incoming>, desk: Arc<Desk>) -> Result<Response<Body>, Infallible> {
    let (head, body) = request.into_parts();
    let response = match (&head.method, head.uri.path()) {
        (&Method::GET, "/_count") => {
            let log = desk.log();
            let calls = desk.calls.load(Ordering::SeqCst);
            json(200, serde_json::json!({"calls": calls, "cases": log.cases}).to_string())
        }
        (&Method::POST, "/_reset") => {
            desk.reset();
            json(200, "{}".into())
        }
        (&Method::POST, path) if path.ends_with("/chat/completions") => {
            let authorization =
                head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
            match Limited::new(body, REQUEST_LIMIT).collect().await {
                Ok(body) => call(&desk, body.to_bytes(), authorization).await,
                Err(_) => json(413, completion::error(413, "the request is cut or too large")),
            }
        }
        _ => json(404, completion::error(404, "no such place")),
    };
    Ok(response)
}

async fn call(desk: &Desk, body: Bytes, authorization: Option<String>) -> Response<Body> {
    let number = desk.calls.fetch_add(1, Ordering::SeqCst);
    let behaviour = desk.behaviour();
    let parsed = serde_json::from_slice::<Call<'_>>(&body);
    {
        let mut log = desk.log();
        log.last_authorization = authorization;
        log.last_body = body.clone();
        if let (Ok(call), Some(pattern)) = (&parsed, &behaviour.case_pattern) {
            let case = call.user_texts().find_map(|text| {
                let found = pattern.captures(&text)?;
                Some(found.get(1).or_else(|| found.get(0))?.as_str().to_owned())
            });
            *log.cases.entry(case.unwrap_or_default()).or_default() += 1;
        }
    }
    if !behaviour.latency.is_zero() {
        tokio::time::sleep(behaviour.latency).await;
    }
    let call = match parsed {
        Ok(call) => call,
        Err(error) => return json(400, completion::error(400, &format!("cannot read the request: {error}"))),
    };
    let id = format!("chatcmpl-{number}");
    let Some(mut answer) = say(&behaviour.reply, &call) else {
        return json(400, completion::error(400, "no line of the script matches the last user message"));
    };
    let failure = behaviour.failure(number);
    if let Some(Failure::Oversize(bytes)) = failure {
        answer.text = "x".repeat(*bytes);
    }
    let streamed = call.stream != behaviour.swap_form;
    match failure {
        Some(Failure::Status { status, retry_after, body }) => {
            let text = || completion::error(*status, &format!("told to fail with {status}"));
            let mut response = json(*status, body.clone().unwrap_or_else(text));
            if let Some(value) = retry_after.as_deref().and_then(|value| value.parse().ok()) {
                response.headers_mut().insert(RETRY_AFTER, value);
            }
            response
        }
        Some(Failure::Redirect(place)) => {
            let mut response = json(307, String::new());
            if let Ok(value) = place.parse() {
                response.headers_mut().insert(LOCATION, value);
            }
            response
        }
        Some(Failure::Hang) => std::future::pending().await,
        failure if streamed => stream_of(completion::streamed(&id, &call, &answer, behaviour.pieces), failure),
        Some(Failure::Malformed) => json(200, "{\"choices\": [oops".into()),
        Some(Failure::Cut) => {
            let mut half = completion::plain(&id, &call, &answer);
            half.truncate(half.len() / 2);
            chunks("application/json", vec![Bytes::from(half)], End::Cut)
        }
        _ => json_bytes(200, completion::plain(&id, &call, &answer).into()),
    }
}

/// The answer to `call`; none if the script has no line for it.
fn say(reply: &Reply, call: &Call<'_>) -> Option<Answer> {
    let text = || call.user_texts().next().unwrap_or_default();
    Some(match reply {
        Reply::Text(text) => Answer { text: text.clone(), tool_calls: vec![] },
        Reply::Echo => Answer { text: text().into_owned(), tool_calls: vec![] },
        Reply::Script(lines) => {
            let text = text();
            let line = lines.iter().find(|line| line.pattern.is_match(&text))?;
            Answer { text: line.text.clone(), tool_calls: line.tool_calls.clone() }
        }
    })
}

fn stream_of(mut events: Vec<String>, failure: Option<&Failure>) -> Response<Body> {
    let half = events.len() / 2;
    let end = match failure {
        Some(Failure::Cut) => End::Cut,
        Some(Failure::Stall) => End::Stall,
        _ => End::Whole,
    };
    match failure {
        Some(Failure::Cut | Failure::Stall | Failure::NoFinish) => events.truncate(half),
        Some(Failure::Malformed) => events.insert(half, "data: {\"choices\": [oops\n\n".into()),
        Some(Failure::ErrorEvent) => {
            events.truncate(half);
            events.push(format!("data: {}\n\n", completion::error(500, "told to fail half-way")));
        }
        _ => {}
    }
    chunks("text/event-stream", events.into_iter().map(Bytes::from).collect(), end)
}

fn json(status: u16, body: String) -> Response<Body> {
    json_bytes(status, body.into())
}

fn json_bytes(status: u16, body: Bytes) -> Response<Body> {
    let full = Full::new(body).map_err(|never: Infallible| match never {});
    respond(status, "application/json", full.boxed_unsync())
}

/// How a body ends after its last chunk.
enum End {
    Whole,
    Cut,
    Stall,
}

fn chunks(kind: &'static str, chunks: Vec<Bytes>, end: End) -> Response<Body> {
    let frames = stream::iter(chunks).map(|chunk| Ok(Frame::data(chunk)));
    let body = match end {
        End::Whole => StreamBody::new(frames).boxed_unsync(),
        End::Cut => {
            // The pause lets what was sent so far reach the client before the connection ends.
            let cut = stream::once(async {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                Err(std::io::Error::other("told to cut"))
            });
            StreamBody::new(frames.chain(cut)).boxed_unsync()
        }
        End::Stall => StreamBody::new(frames.chain(stream::pending())).boxed_unsync(),
    };
    respond(200, kind, body)
}

fn respond(status: u16, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    response
}
