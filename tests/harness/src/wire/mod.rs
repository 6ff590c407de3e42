//! What vendors speak: one [`Wire`] for each form of request, all read into one [`Call`] and answered from one
//! [`Answer`].

mod anthropic;
mod call;
mod chat;
mod converse;
mod embeddings;
mod event_stream;
mod gemini;
mod ollama;
mod place;
mod responses;
pub(crate) mod token;
mod turn;

use bytes::Bytes;
use hyper::HeaderMap;
use serde_json::{Value, json};

pub(crate) use call::Call;
use call::{Part, Said, Speaker, Vectors, remarks};
pub(crate) use place::{Place, nearest};
use turn::cut;
pub(crate) use turn::{Answer, Turn};

/// A request that is not what the vendor takes; says why.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error("{0}")]
    Missing(&'static str),
}

/// One vendor's form of requests and answers.
pub(crate) trait Wire: Sync {
    /// Reads the body of a request that came to `place`.
    fn read<'a>(&self, place: &'a Place, headers: &HeaderMap, body: &'a [u8]) -> Result<Call<'a>, Unreadable>;

    /// The body of a whole answer, JSON.
    fn plain(&self, turn: &Turn<'_>) -> Vec<u8>;

    /// The body of an error, JSON.
    fn error(&self, status: u16, text: &str) -> String;

    /// True if a model talks here: the reply decides, and the answer may be a stream.
    fn talks(&self) -> bool {
        true
    }

    /// The same answer as a stream: its events in order, each with its whole framing.
    fn streamed(&self, turn: &Turn<'_>) -> Vec<Bytes> {
        vec![self.plain(turn).into()]
    }

    /// Content type of a stream.
    fn stream_type(&self) -> &'static str {
        "text/event-stream"
    }

    /// An event that is framed right and is not JSON.
    fn broken(&self) -> Bytes {
        Bytes::from_static(b"data: {\"choices\": [oops\n\n")
    }

    /// The events that report an error after `before` events of the stream.
    fn error_events(&self, _turn: &Turn<'_>, _before: usize, text: &str) -> Vec<Bytes> {
        vec![format!("data: {}\n\n", self.error(500, text)).into()]
    }

    /// A header beside an error.
    fn error_header(&self, _status: u16) -> Option<(&'static str, &'static str)> {
        None
    }
}

/// The arguments of a call where the wire has them as JSON; a script's text that is none stays a text.
fn arguments(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| json!(text))
}

/// A server-sent event with a name.
fn named_event(name: &str, data: &Value) -> Bytes {
    format!("event: {name}\ndata: {data}\n\n").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TokenDetails;

    /// Reads `body` at `path`, answers it and gives the plain body.
    pub(super) fn plain(path: &str, body: &Value, answer: &Answer) -> Value {
        with_turn(path, body, answer, |wire, turn| serde_json::from_slice(&wire.plain(turn)).unwrap())
    }

    /// The same as a stream.
    pub(super) fn streamed(path: &str, body: &Value, answer: &Answer) -> Vec<Bytes> {
        with_turn(path, body, answer, |wire, turn| wire.streamed(turn))
    }

    /// The stream as named events: name and data.
    pub(super) fn events(path: &str, body: &Value, answer: &Answer) -> Vec<(String, Value)> {
        let event = |event: Bytes| {
            let text = String::from_utf8(event.to_vec()).unwrap();
            let (name, data) = text.strip_prefix("event: ").unwrap().split_once("\ndata: ").unwrap();
            let data: Value = serde_json::from_str(data.strip_suffix("\n\n").unwrap()).unwrap();
            assert_eq!(data["type"], name);
            (name.to_owned(), data)
        };
        streamed(path, body, answer).into_iter().map(event).collect()
    }

    pub(super) fn with_turn<T>(
        path: &str,
        body: &Value,
        answer: &Answer,
        give: impl FnOnce(&dyn Wire, &Turn<'_>) -> T,
    ) -> T {
        let place = Place::of(&path.parse().unwrap()).unwrap();
        let headers = HeaderMap::from_iter([("anthropic-version".parse().unwrap(), "2023-06-01".parse().unwrap())]);
        let body = body.to_string();
        let call = place.wire.read(&place, &headers, body.as_bytes()).unwrap();
        let details = TokenDetails { cached: 5, cache_written: 3, reasoning: 7 };
        give(place.wire, &Turn { number: 1, call: &call, answer, pieces: 3, details })
    }

    /// A text of 12 bytes and a call of `get_weather` for Paris.
    pub(super) fn text_and_call() -> Answer {
        let call = ("get_weather".to_owned(), r#"{"city":"Paris"}"#.to_owned());
        Answer { text: "hello, world".to_owned(), tool_calls: vec![call] }
    }
}
