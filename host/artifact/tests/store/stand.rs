//! A running store with a clock that the test sets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use arena_artifact::{Claims, ClientSettings, Disk, Key, Name, ServerSettings, StoreClient, serve};
use arena_model::Digest;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

pub const WORKER: &str = "00112233445566778899aabbccddeeff";

pub struct Stand {
    pub folder: TempDir,
    pub disk: Disk,
    pub address: SocketAddr,
    /// Unix seconds of the server's clock.
    pub clock: Arc<AtomicU64>,
    pub stop: Option<oneshot::Sender<()>>,
    pub served: tokio::task::JoinHandle<()>,
}

pub fn key() -> Key {
    Key::new(&[7; 32]).unwrap()
}

pub fn artifact(namespace: &str, bytes: &[u8]) -> Name {
    Name::Artifact { namespace: namespace.into(), digest: Digest::of(bytes) }
}

pub fn name(path: &str) -> Name {
    Name::parse(path).unwrap()
}

pub fn segment(job: &str, seq: u64) -> Name {
    name(&format!("a/results/{job}/{WORKER}/{seq}"))
}

/// Everything in every namespace.
pub fn operator() -> Claims {
    Claims { v: 1, namespace: None, job: None, read: Vec::new(), results: false, read_only: false, expires: 1000 }
}

pub fn job(uid: &str, read: &[&Name]) -> Claims {
    let digest = |name: &&Name| match name {
        Name::Artifact { digest, .. } => digest.clone(),
        other => panic!("{other} is no artifact"),
    };
    let read = read.iter().map(digest).collect();
    Claims {
        v: 1,
        namespace: Some("a".into()),
        job: Some(uid.into()),
        read,
        results: true,
        read_only: false,
        expires: 1000,
    }
}

impl Stand {
    pub async fn start() -> Self {
        Self::with(ServerSettings::default()).await
    }

    pub async fn with(settings: ServerSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::open(folder.path()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let clock = Arc::new(AtomicU64::new(100));
        let read = clock.clone();
        let now = move || SystemTime::UNIX_EPOCH + Duration::from_secs(read.load(Ordering::SeqCst));
        let settings = ServerSettings { clock: Arc::new(now), ..settings };
        let (stop, stopped) = oneshot::channel();
        let served = disk.clone();
        let served = tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            serve(listener, served, key(), settings, stopped).await;
        });
        Self { folder, disk, address, clock, stop: Some(stop), served }
    }

    pub fn client(&self, claims: &Claims) -> StoreClient {
        client(self.address, key().mint(claims).unwrap())
    }

    pub fn operator(&self) -> StoreClient {
        self.client(&operator())
    }

    /// Sends a request as it stands and gives back status and body.
    pub async fn raw(&self, head: &str, body: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let token = key().mint(&operator()).unwrap();
        let head = format!("{head}\r\nhost: store\r\nauthorization: Bearer {token}\r\nconnection: close\r\n");
        stream.write_all(format!("{head}content-length: {}\r\n\r\n", body.len()).as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        (answer[9..12].parse().unwrap(), answer.split_once("\r\n\r\n").unwrap().1.to_owned())
    }
}

pub fn client(address: SocketAddr, token: String) -> StoreClient {
    // Another test may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let settings = ClientSettings { attempts: 2, wait: Duration::from_millis(1), ..ClientSettings::default() };
    StoreClient::new(&format!("http://{address}"), token, settings).unwrap()
}
