//! Bodies of answers, and the ways in which they come.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

use crate::behaviour::Failure;
use crate::wire::{Turn, Wire};

pub(super) type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// What came before a cut reaches the client in this time.
const BEFORE_CUT: Duration = Duration::from_millis(5);

/// How a body ends after its last chunk.
enum End {
    Whole,
    Cut,
    Stall,
}

/// The answer as one JSON body, failing as told; a failure that only a stream can have is none here.
pub(super) fn plain(wire: &dyn Wire, turn: &Turn<'_>, failure: Option<&Failure>) -> Response<Body> {
    let mut whole = wire.plain(turn);
    match failure {
        Some(Failure::Malformed) => json(200, "{\"choices\": [oops".into()),
        Some(Failure::Cut) => {
            whole.truncate(whole.len() / 2);
            chunks("application/json", vec![whole.into()], End::Cut, Duration::ZERO)
        }
        Some(Failure::SlowChunks(pause)) => {
            let size = whole.len().div_ceil(turn.pieces.max(1)).max(1);
            let parts = whole.chunks(size).map(Bytes::copy_from_slice).collect();
            chunks("application/json", parts, End::Whole, *pause)
        }
        _ => json_bytes(200, whole.into()),
    }
}

/// The answer as a stream, failing as told.
pub(super) fn streamed(wire: &dyn Wire, turn: &Turn<'_>, failure: Option<&Failure>) -> Response<Body> {
    let mut events = wire.streamed(turn);
    let half = events.len() / 2;
    let end = match failure {
        Some(Failure::Cut) => End::Cut,
        Some(Failure::Stall) => End::Stall,
        _ => End::Whole,
    };
    let mut pause = Duration::ZERO;
    match failure {
        Some(Failure::Cut | Failure::Stall | Failure::NoFinish) => events.truncate(half),
        Some(Failure::Malformed) => events.insert(half, wire.broken()),
        Some(Failure::ErrorEvent) => {
            events.truncate(half);
            events.extend(wire.error_events(turn, half, "told to fail half-way"));
        }
        Some(Failure::SlowChunks(length)) => pause = *length,
        _ => {}
    }
    chunks(wire.stream_type(), events, end, pause)
}

/// An error in the vendor's form.
pub(super) fn error(wire: &dyn Wire, status: u16, text: &str) -> Response<Body> {
    let mut response = json(status, wire.error(status, text));
    if let Some((name, value)) = wire.error_header(status) {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A whole JSON body.
pub(super) fn json(status: u16, body: String) -> Response<Body> {
    json_bytes(status, body.into())
}

fn json_bytes(status: u16, body: Bytes) -> Response<Body> {
    let full = Full::new(body).map_err(|never: Infallible| match never {});
    respond(status, "application/json", full.boxed_unsync())
}

fn chunks(kind: &'static str, chunks: Vec<Bytes>, end: End, pause: Duration) -> Response<Body> {
    let frames = stream::iter(chunks).map(|chunk| Ok(Frame::data(chunk)));
    let frames = if pause.is_zero() {
        frames.left_stream()
    } else {
        let slow = frames.enumerate().then(move |(at, frame)| async move {
            if at > 0 {
                tokio::time::sleep(pause).await;
            }
            frame
        });
        slow.right_stream()
    };
    let body = match end {
        End::Whole => StreamBody::new(frames).boxed_unsync(),
        End::Cut => {
            let cut = stream::once(async {
                tokio::time::sleep(BEFORE_CUT).await;
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
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
