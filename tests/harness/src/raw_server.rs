//! A web server whose every byte a test writes: one answer for each connection, and what was asked.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Longest request, bytes.
const REQUEST_BYTES: u64 = 16 << 20;
/// Longest wait for the rest of a request.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request as it came.
#[derive(Clone, Debug, Default)]
pub struct RawRequest {
    /// `GET` and so on.
    pub method: String,
    /// With its query.
    pub path: String,
    /// Names in small letters.
    pub headers: Vec<(String, String)>,
    /// As it came.
    pub body: String,
}

impl RawRequest {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn read(stream: &TcpStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut reader = BufReader::new(stream).take(REQUEST_BYTES);
        let mut request = Self::default();
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let mut words = line.split(' ').map(str::to_owned);
        request.method = words.next().unwrap_or_default();
        request.path = words.next().unwrap_or_default();
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            request.headers.push((name.to_lowercase(), value.to_owned()));
        }
        let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        reader.take(length).read_to_string(&mut request.body)?;
        Ok(request)
    }
}

/// A server on a free port of 127.0.0.1 that ends with its owner.
#[derive(Debug)]
pub struct RawServer {
    port: u16,
    seen: Arc<Mutex<Vec<RawRequest>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl RawServer {
    /// Answers as `reply` writes it, headers and all, and closes the connection.
    ///
    /// # Errors
    /// No port.
    pub fn start(mut reply: impl FnMut(&RawRequest) -> String + Send + 'static) -> io::Result<Self> {
        let seen: Arc<Mutex<Vec<RawRequest>>> = Arc::default();
        let all = seen.clone();
        let each = move |mut stream: TcpStream| {
            let Ok(request) = RawRequest::read(&stream) else { return };
            let text = reply(&request);
            all.lock().unwrap_or_else(PoisonError::into_inner).push(request);
            // The other side may have seen enough.
            let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.shutdown(Shutdown::Write));
        };
        Self::listen(seen, each)
    }

    /// Takes connections and says nothing.
    ///
    /// # Errors
    /// No port.
    pub fn silent() -> io::Result<Self> {
        let mut kept = Vec::new();
        Self::listen(Arc::default(), move |stream| kept.push(stream))
    }

    fn listen(seen: Arc<Mutex<Vec<RawRequest>>>, mut each: impl FnMut(TcpStream) + Send + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                each(stream);
            }
        });
        Ok(Self { port, seen, stop, thread: Some(thread) })
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<RawRequest> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// An answer 200 with this body.
    pub fn answer(body: &str) -> String {
        Self::typed("application/json", body)
    }

    /// An answer 200 with a body of this type.
    pub fn typed(kind: &str, body: &str) -> String {
        let length = body.len();
        format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    }

    /// A redirect to a URL.
    pub fn redirect(status: u16, to: &str) -> String {
        format!("HTTP/1.1 {status} Elsewhere\r\nLocation: {to}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Whoever waits for a connection gets one.
        if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}
