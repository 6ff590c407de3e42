//! A server that speaks every vendor's wire and does as it is told.

mod body;
mod credential;
mod desk;
mod service;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Instant;

use hyper::header::AUTHORIZATION;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::behaviour::Behaviour;
use crate::tls::acceptor_for;
use crate::{Authority, Certificate};
use desk::Desk;

/// A fake vendor could not start.
#[derive(Debug, thiserror::Error)]
#[error("fake vendor cannot listen: {0}")]
pub struct VendorError(#[from] std::io::Error);

/// A running fake vendor on its own thread and a free port. Dropping it stops it.
///
/// The path of a request says which vendor it is. A prefix may stand before each: `/chat/completions`, `/responses`,
/// `/embeddings` (OpenAI; below `/deployments/NAME/` and with `api-version` Azure), `/messages` (Anthropic),
/// `/models/M:VERB` (Gemini, and everything of Vertex AI), `/api/chat`, `/api/embed` (Ollama), `/model/ID/converse`,
/// `/converse-stream` and `/invoke` (Bedrock), `/token` (access tokens of Google and Entra). `GET /_count` gives the
/// counts, `POST /_reset` sets them to zero, `POST /_fail` with lines as [`crate::Failing`] reads them changes what fails.
pub struct FakeVendor {
    scheme: &'static str,
    address: SocketAddr,
    desk: Arc<Desk>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl FakeVendor {
    /// Listens on a free port of 127.0.0.1 and answers as `behaviour` says.
    pub fn start(behaviour: Behaviour) -> Result<Self, VendorError> {
        Self::start_at(Ipv4Addr::LOCALHOST.into(), behaviour)
    }

    /// The same at another address of this machine, such as the one that pods reach.
    pub fn start_at(address: IpAddr, behaviour: Behaviour) -> Result<Self, VendorError> {
        Self::listen(address, behaviour, None)
    }

    /// The same over TLS with this certificate, and for clients alone whose certificates `clients` has signed, if there is
    /// one. Its URLs begin with `https`.
    pub fn start_tls(
        behaviour: Behaviour,
        certificate: &Certificate,
        clients: Option<&Authority>,
    ) -> Result<Self, VendorError> {
        let acceptor = acceptor_for(certificate, clients).map_err(std::io::Error::other)?;
        Self::listen(Ipv4Addr::LOCALHOST.into(), behaviour, Some(acceptor))
    }

    fn listen(address: IpAddr, behaviour: Behaviour, tls: Option<TlsAcceptor>) -> Result<Self, VendorError> {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let listener = StdListener::bind((address, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let desk = Arc::new(Desk::new(behaviour));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let shared = desk.clone();
        let thread = std::thread::Builder::new().name("fake-vendor".into()).spawn(move || {
            // A dropped sender means stop as well; the runtime's end drops every open connection.
            let _ = runtime.block_on(async {
                tokio::select! { end = service::accept(listener, shared, tls) => end, _ = stopped => Ok(()) }
            });
        })?;
        Ok(Self { scheme, address, desk, stop: Some(stop), thread: Some(thread) })
    }

    /// The base URL that a provider of OpenAI's kind is given, `http://ADDRESS:PORT/v1`.
    pub fn url(&self) -> String {
        format!("{}/v1", self.base())
    }

    /// The URL without any path, `http://ADDRESS:PORT`.
    pub fn base(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// `ADDRESS:PORT`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Calls since the start or the last reset, failed ones included, requests for tokens left out.
    pub fn calls(&self) -> u64 {
        self.desk.calls.load(Ordering::SeqCst)
    }

    /// Requests for an access token since the start or the last reset.
    pub fn token_calls(&self) -> u64 {
        self.desk.token_calls.load(Ordering::SeqCst)
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
        self.desk.log().last_headers.get(AUTHORIZATION)?.to_str().ok().map(str::to_owned)
    }

    /// Headers of the newest call by their names in small letters; several of one name are joined by `, `.
    pub fn last_headers(&self) -> BTreeMap<String, String> {
        let mut headers = BTreeMap::<String, String>::new();
        for (name, value) in &self.desk.log().last_headers {
            let value = String::from_utf8_lossy(value.as_bytes());
            headers
                .entry(name.as_str().to_owned())
                .and_modify(|all| {
                    all.push_str(", ");
                    all.push_str(&value);
                })
                .or_insert_with(|| value.into_owned());
        }
        headers
    }

    /// Path of the newest call with its query, as it came; empty before the first.
    pub fn last_path(&self) -> String {
        let log = self.desk.log();
        log.last_uri.as_ref().and_then(|uri| uri.path_and_query()).map(ToString::to_string).unwrap_or_default()
    }

    /// The form of the newest request for a token, its fields decoded; empty before the first.
    pub fn last_token_request(&self) -> BTreeMap<String, String> {
        self.desk.log().last_form.clone()
    }

    /// When each call since the start or the last reset had come in whole, oldest first; the first 1,000,000 only.
    pub fn request_times(&self) -> Vec<Instant> {
        self.desk.log().times.clone()
    }

    /// Sets all counts to zero and forgets what came so far.
    pub fn reset(&self) {
        self.desk.reset();
    }

    /// Behaves otherwise from the next call on.
    pub fn behave(&self, behaviour: Behaviour) {
        self.desk.behave(behaviour);
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
