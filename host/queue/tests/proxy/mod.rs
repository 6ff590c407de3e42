//! Stands between queue and server and can lose an answer.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use arena_queue::RedisOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use crate::rig::Server;

pub struct Proxy {
    folder: tempfile::TempDir,
    options: RedisOptions,
    swallow: Arc<AtomicBool>,
    connections: Arc<AtomicUsize>,
}

impl Proxy {
    pub fn start(server: &Server) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let listener = UnixListener::bind(folder.path().join("proxy.sock")).expect("a free path");
        let (swallow, connections) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (flag, count, server_socket) = (swallow.clone(), connections.clone(), server.socket());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(carry(client, server_socket.clone(), flag.clone()));
            }
        });
        Self { folder, options: server.options(), swallow, connections }
    }

    pub fn options(&self) -> RedisOptions {
        let mut options = self.options.clone();
        options.url = format!("redis+unix://{}", self.folder.path().join("proxy.sock").display());
        options
    }

    /// The next answer is waited for, dropped, and the connection closed.
    pub fn swallow_next_answer(&self) {
        self.swallow.store(true, Ordering::SeqCst);
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Ends when either side does.
async fn carry(mut client: UnixStream, server: PathBuf, swallow: Arc<AtomicBool>) -> std::io::Result<()> {
    let mut server = UnixStream::connect(server).await?;
    let (mut request, mut answer) = (vec![0; 65536], vec![0; 65536]);
    loop {
        tokio::select! {
            read = client.read(&mut request) => match read? {
                0 => return Ok(()),
                length => server.write_all(&request[..length]).await?,
            },
            read = server.read(&mut answer) => match read? {
                0 => return Ok(()),
                _ if swallow.swap(false, Ordering::SeqCst) => return Ok(()),
                length => client.write_all(&answer[..length]).await?,
            },
        }
    }
}
