//! What a fake vendor does with each request.

use std::convert::Infallible;
use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{LOCATION, RETRY_AFTER};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::body::{self, Body, json};
use super::credential;
use super::desk::Desk;
use crate::behaviour::{Failing, Failure, Reply};
use crate::wire::{Answer, Call, Place, Turn, nearest, token};

/// How late tokio's timers end on average, so that answers come after the wait that was asked for.
const TIMER_LATE: std::time::Duration = std::time::Duration::from_millis(1);

/// Largest request body that is read, bytes.
const REQUEST_LIMIT: usize = 64 << 20;

pub(super) async fn accept(listener: StdListener, desk: Arc<Desk>, tls: Option<TlsAcceptor>) -> std::io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        desk.connections.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(serve(stream, desk.clone(), tls.clone()));
    }
}

async fn serve(stream: TcpStream, desk: Arc<Desk>, tls: Option<TlsAcceptor>) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let service = service_fn(|request| answer(request, desk.clone()));
    // A client that goes away, or a cut on purpose, ends the connection; nobody is left to tell.
    let mut server = http1::Builder::new();
    server.pipeline_flush(true);
    let _ = match tls {
        None => server.serve_connection(TokioIo::new(stream), service).await,
        // A client that does not trust this side goes away, too.
        Some(tls) => match tls.accept(stream).await {
            Ok(stream) => server.serve_connection(TokioIo::new(stream), service).await,
            Err(_) => return,
        },
    };
}

async fn answer(request: Request<Incoming>, desk: Arc<Desk>) -> Result<Response<Body>, Infallible> {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    if head.method == Method::GET && path == "/_count" {
        return Ok(counts(&desk));
    }
    let place = Place::of(&head.uri);
    let known = place.is_some() || path.ends_with("/token") || matches!(path, "/_reset" | "/_fail");
    let wire = place.as_ref().map_or_else(|| nearest(path), |place| place.wire);
    if head.method != Method::POST || !known {
        return Ok(body::error(wire, 404, "no such place"));
    }
    let Ok(body) = Limited::new(body, REQUEST_LIMIT).collect().await else {
        return Ok(body::error(wire, 413, "the request is cut or too large"));
    };
    let body = body.to_bytes();
    Ok(match place {
        Some(place) => call(&desk, &place, head, body).await,
        None if path == "/_reset" => {
            desk.reset();
            json(200, "{}".into())
        }
        None if path == "/_fail" => fail(&desk, &body),
        None => access_token(&desk, &body),
    })
}

fn counts(desk: &Desk) -> Response<Body> {
    let calls = desk.calls.load(Ordering::SeqCst);
    json(200, json!({"calls": calls, "cases": desk.log().cases}).to_string())
}

/// Takes new orders on what fails: a line each.
fn fail(desk: &Desk, body: &[u8]) -> Response<Body> {
    let text = String::from_utf8_lossy(body);
    match text.lines().filter(|line| !line.is_empty()).map(str::parse::<Failing>).collect() {
        Ok(failing) => {
            desk.fail(failing);
            json(200, "{}".into())
        }
        Err(error) => json(400, json!({"error": error.to_string()}).to_string()),
    }
}

fn access_token(desk: &Desk, body: &[u8]) -> Response<Body> {
    let number = desk.token_calls.fetch_add(1, Ordering::SeqCst) + 1;
    let form = token::form(body);
    let (status, text) = token::answer(&form, number);
    desk.log().last_form = form;
    json(status, text)
}

async fn call(desk: &Desk, place: &Place, head: Parts, body: Bytes) -> Response<Body> {
    let number = desk.calls.fetch_add(1, Ordering::SeqCst);
    let behaviour = desk.behaviour();
    let wire = place.wire;
    let parsed = wire.read(place, &head.headers, &body);
    let let_in = behaviour.key.as_ref().is_none_or(|key| credential::is(key, &head.uri, &head.headers));
    desk.note(&behaviour, head.uri, head.headers, body.clone(), parsed.as_ref().ok());
    if !behaviour.latency.is_zero() {
        tokio::time::sleep(behaviour.latency.saturating_sub(TIMER_LATE)).await;
    }
    if !let_in {
        return body::error(wire, 401, "the key is missing or not the right one");
    }
    let call = match parsed {
        Ok(call) => call,
        Err(error) => return body::error(wire, 400, &format!("cannot read the request: {error}")),
    };
    let answer = if wire.talks() { say(&behaviour.reply, &call) } else { Some(Answer::default()) };
    let Some(mut answer) = answer else {
        return body::error(wire, 400, "no line of the script matches the last user message");
    };
    let failure = behaviour.failure(number);
    if let Some(Failure::Oversize(bytes)) = failure {
        answer.text = "x".repeat(*bytes);
    }
    let details = behaviour.token_details;
    let turn = Turn { number, call: &call, answer: &answer, pieces: behaviour.pieces, details };
    match failure {
        Some(Failure::Status { status, retry_after, body }) => {
            let mut response = body::error(wire, *status, &format!("told to fail with {status}"));
            if let Some(body) = body {
                *response.body_mut() = json(*status, body.clone()).into_body();
            }
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
        failure if wire.talks() && call.stream != behaviour.swap_form => body::streamed(wire, &turn, failure),
        failure => body::plain(wire, &turn, failure),
    }
}

/// The answer to `call`; none if the script has no line for it.
fn say(reply: &Reply, call: &Call<'_>) -> Option<Answer> {
    let text = call.user_texts().next().unwrap_or_default();
    let only = |text: &str| Answer { text: text.to_owned(), tool_calls: vec![] };
    Some(match reply {
        Reply::Text(text) => only(text),
        Reply::Echo => only(text),
        Reply::Script(lines) => {
            let line = lines.iter().find(|line| line.pattern.is_match(text))?;
            match &line.after_tool {
                Some(text) if call.after_tool() => only(text),
                _ => Answer { text: line.text.clone(), tool_calls: line.tool_calls.clone() },
            }
        }
    })
}
