//! A listener that holds no more than so many connections; the rest wait in the system's queue. A connection on which
//! next to nothing moves is closed, so that the silent cannot keep the others out.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

/// Bytes, both ways together, that must move on a connection within the longest silence: less than a request has.
const LEAST: u64 = 512;

pub(crate) struct Limited {
    listener: TcpListener,
    places: Arc<Semaphore>,
    silence: Duration,
}

impl Limited {
    pub(crate) fn new(listener: TcpListener, connections: usize, silence: Duration) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(connections)), silence }
    }

    /// The next connection, once there is a place for it.
    pub(crate) async fn accept(&mut self) -> Connection {
        // The semaphore is never closed; without a place the connection would be one too many.
        let place = self.places.clone().acquire_owned().await.ok();
        // Waits and goes on where the system refuses one.
        let (stream, _) = Listener::accept(&mut self.listener).await;
        let (silence, window) = (self.silence, Box::pin(sleep(self.silence)));
        Connection { stream, moved: 0, silence, window, _place: place }
    }
}

/// A connection and its place.
pub(crate) struct Connection {
    stream: TcpStream,
    /// Bytes since the window began.
    moved: u64,
    silence: Duration,
    window: Pin<Box<Sleep>>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Connection {
    /// Called whenever it waits: an error once too little has moved for too long.
    fn waits<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        while self.window.as_mut().poll(cx).is_ready() {
            if self.moved < LEAST {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.moved = 0;
            self.window.as_mut().reset(Instant::now() + self.silence);
        }
        Poll::Pending
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = to.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, to);
        self.moved += (to.filled().len() - before) as u64;
        if read.is_pending() { self.waits(cx) } else { read }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(cx, from) {
            Poll::Pending => self.waits(cx),
            Poll::Ready(Ok(written)) => {
                self.moved += written as u64;
                Poll::Ready(Ok(written))
            }
            failed => failed,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
