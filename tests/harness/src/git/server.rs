//! The server before the repositories: counts, credentials, faults.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::backend::{self, Body};
use super::repository::Repository;
use crate::authority::Certificate;
use crate::{HarnessError, Port, Scratch, tls};

/// How a git server is set up.
pub struct GitServerOptions {
    /// Where it listens.
    pub address: IpAddr,
    /// A certificate for https; http without.
    pub certificate: Option<Certificate>,
    /// User and password that every request must have.
    pub credentials: Option<(String, String)>,
}

impl Default for GitServerOptions {
    fn default() -> Self {
        Self { address: Ipv4Addr::LOCALHOST.into(), certificate: None, credentials: None }
    }
}

/// What a git server does instead of answering.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GitFault {
    /// It answers.
    #[default]
    None,
    /// Nobody listens on its port; open connections are cut.
    Unreachable,
    /// It answers every request with this status.
    Status(u16),
    /// It takes requests and never answers.
    Silent,
}

/// What a git server was asked since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GitRequests {
    /// All requests.
    pub all: u64,
    /// Requests that begin a look at a repository, one for each clone, fetch or ls-remote.
    pub references: u64,
    /// Requests to the service that gives objects: in version 2 of the protocol, lists of references too.
    pub objects: u64,
    /// Requests without the right credentials.
    pub refused: u64,
}

/// A running git server on its own thread and a free port. Dropping it stops it and removes its repositories.
pub struct GitServer {
    desk: Arc<Desk>,
    address: SocketAddr,
    scheme: &'static str,
    // Its end ends the thread.
    orders: Option<mpsc::Sender<Order>>,
    thread: Option<JoinHandle<()>>,
    _port: Port,
    scratch: Scratch,
}

/// A fault to take up, and who waits for that.
type Order = (GitFault, oneshot::Sender<std::io::Result<()>>);

/// What all connections share.
struct Desk {
    root: PathBuf,
    authorization: Option<HeaderValue>,
    all: AtomicU64,
    references: AtomicU64,
    objects: AtomicU64,
    refused: AtomicU64,
}

impl GitServer {
    /// A server of http on a free port of 127.0.0.1, open to all.
    pub async fn start() -> Result<Self, HarnessError> {
        Self::start_with(GitServerOptions::default()).await
    }

    /// A server as the options say.
    pub async fn start_with(options: GitServerOptions) -> Result<Self, HarnessError> {
        let (scratch, port) = (Scratch::new("git")?, Port::reserve(options.address)?);
        let address = SocketAddr::new(options.address, port.number());
        let authorization = options.credentials.map(|(user, password)| {
            HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
        });
        let authorization = authorization.transpose().map_err(|error| HarnessError::Machine(error.to_string()))?;
        let desk = Arc::new(Desk {
            root: scratch.path().to_owned(),
            authorization,
            all: AtomicU64::new(0),
            references: AtomicU64::new(0),
            objects: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        });
        let tls = options.certificate.as_ref().map(tls::acceptor).transpose()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let listen = || HarnessError::io(format!("git server cannot listen on {address}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(listen())?;
        let (orders, taken) = mpsc::channel(1);
        let listener = StdListener::bind(address).map_err(listen())?;
        listener.set_nonblocking(true).map_err(listen())?;
        let shared = desk.clone();
        let serve = move || runtime.block_on(serve(listener, tls, shared, taken));
        let thread = std::thread::Builder::new().name("git-server".into()).spawn(serve).map_err(listen())?;
        let (orders, thread) = (Some(orders), Some(thread));
        Ok(Self { desk, address, scheme, orders, thread, _port: port, scratch })
    }

    /// `http://ADDRESS:PORT`, or with https.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// A new repository, such as `team/bundle.git`.
    pub async fn create(&self, path: &str) -> Result<Repository, HarnessError> {
        Repository::create(self.scratch.path().join(path), format!("{}/{path}", self.url())).await
    }

    /// What it was asked so far.
    pub fn requests(&self) -> GitRequests {
        let Desk { all, references, objects, refused, .. } = &*self.desk;
        let [all, references, objects, refused] =
            [all, references, objects, refused].map(|count| count.load(Ordering::SeqCst));
        GitRequests { all, references, objects, refused }
    }

    /// From now on it does this. Connections that are open have been cut when this returns.
    pub async fn set_fault(&self, fault: GitFault) -> Result<(), HarnessError> {
        let gone = || HarnessError::Machine("the git server's thread has ended".to_owned());
        let (done, is_done) = oneshot::channel();
        self.orders.as_ref().ok_or_else(gone)?.send((fault, done)).await.map_err(|_| gone())?;
        let listen = HarnessError::io(format!("git server cannot listen on {} again", self.address));
        is_done.await.map_err(|_| gone())?.map_err(listen)
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            // It ends with the channel.
            let _ = thread.join();
        }
    }
}

/// Accepts until the orders end; the runtime's end cuts what is open and kills its processes.
async fn serve(listener: StdListener, tls: Option<TlsAcceptor>, desk: Arc<Desk>, mut orders: mpsc::Receiver<Order>) {
    let Ok(address) = listener.local_addr() else { return };
    let (mut listener, mut fault) = (TcpListener::from_std(listener).ok(), GitFault::None);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            order = orders.recv() => {
                let Some((ordered, done)) = order else { return };
                connections.shutdown().await;
                fault = ordered;
                let listens = match (fault, listener.take()) {
                    (GitFault::Unreachable, _) => Ok(None),
                    (_, Some(listener)) => Ok(Some(listener)),
                    (_, None) => TcpListener::bind(address).await.map(Some),
                };
                // One who does not wait for the answer has no use for it.
                let _ = done.send(listens.map(|new| listener = new));
            }
            Some(stream) = accept(listener.as_ref()) => {
                connections.spawn(connection(stream, tls.clone(), desk.clone(), fault));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// The next connection; never, without a listener.
async fn accept(listener: Option<&TcpListener>) -> Option<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.ok().map(|(stream, _)| stream),
        None => std::future::pending().await,
    }
}

async fn connection(stream: TcpStream, tls: Option<TlsAcceptor>, desk: Arc<Desk>, fault: GitFault) {
    match tls {
        None => exchange(stream, desk, fault).await,
        // A client that does not trust us says so in the handshake.
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                exchange(stream, desk, fault).await;
            }
        }
    }
}

async fn exchange(stream: impl AsyncRead + AsyncWrite + Unpin, desk: Arc<Desk>, fault: GitFault) {
    let service = service_fn(|request| {
        let desk = desk.clone();
        async move { Ok::<_, Infallible>(answer(request, &desk, fault).await) }
    });
    // A client that goes away is its own affair.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(request: Request<Incoming>, desk: &Desk, fault: GitFault) -> Response<Body> {
    desk.all.fetch_add(1, Ordering::SeqCst);
    match fault {
        GitFault::None | GitFault::Unreachable => {}
        GitFault::Silent => return std::future::pending().await,
        GitFault::Status(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return text(status, "the server was told to fail");
        }
    }
    if desk.authorization.is_some() && desk.authorization.as_ref() != request.headers().get(AUTHORIZATION) {
        desk.refused.fetch_add(1, Ordering::SeqCst);
        let mut response = text(StatusCode::UNAUTHORIZED, "credentials are needed");
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"tests\""));
        return response;
    }
    let path = request.uri().path();
    if path.ends_with("/info/refs") {
        desk.references.fetch_add(1, Ordering::SeqCst);
    } else if path.ends_with("/git-upload-pack") {
        desk.objects.fetch_add(1, Ordering::SeqCst);
    }
    match backend::answer(&desk.root, request).await {
        Ok(response) => response,
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn text(status: StatusCode, text: &str) -> Response<Body> {
    let body = Full::new(Bytes::from(text.to_owned())).map_err(|never| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = status;
    response
}
