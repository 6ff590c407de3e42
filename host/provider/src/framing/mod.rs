//! How a stream of bytes is cut into events: pieces of any size in, whole events out. Memory is bounded by the caller, who
//! bounds the bytes it feeds.

mod event_stream;
mod lines;
mod sse;

use std::ops::ControlFlow;

use event_stream::EventStream;
use lines::Lines;
use sse::SseParser;

/// One event of a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event<'a> {
    /// Its type; empty if the framing has none.
    pub(crate) name: &'a str,
    /// What it holds: JSON, as a rule.
    pub(crate) data: &'a [u8],
    /// The framing itself says that the vendor failed.
    pub(crate) failed: bool,
}

/// Bytes that are not in the framing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadFrame(pub(crate) String);

/// The framings that vendors use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FramingKind {
    /// `text/event-stream`.
    ServerSentEvents,
    /// One JSON document a line, `application/x-ndjson`.
    Lines,
    /// Binary frames with checksums, `application/vnd.amazon.eventstream`.
    EventStream,
}

/// A stream under way.
pub(crate) enum Framing {
    ServerSentEvents(SseParser),
    Lines(Lines),
    EventStream(Box<EventStream>),
}

impl Framing {
    pub(crate) fn new(kind: FramingKind) -> Self {
        match kind {
            FramingKind::ServerSentEvents => Self::ServerSentEvents(SseParser::default()),
            FramingKind::Lines => Self::Lines(Lines::default()),
            FramingKind::EventStream => Self::EventStream(Box::default()),
        }
    }

    /// Takes the next bytes and hands every event they complete to `sink`, which may end the reading.
    pub(crate) fn feed<B, F>(&mut self, bytes: &[u8], sink: &mut F) -> ControlFlow<B>
    where
        F: FnMut(Result<Event<'_>, BadFrame>) -> ControlFlow<B>,
    {
        match self {
            Self::ServerSentEvents(parser) => parser.feed(bytes, sink),
            Self::Lines(lines) => lines.feed(bytes, sink),
            Self::EventStream(frames) => frames.feed(bytes, sink),
        }
    }

    /// The stream has ended: hands out what needs no more bytes to be whole.
    pub(crate) fn end<B, F>(&mut self, sink: &mut F) -> ControlFlow<B>
    where
        F: FnMut(Result<Event<'_>, BadFrame>) -> ControlFlow<B>,
    {
        match self {
            Self::Lines(lines) => lines.end(sink),
            Self::ServerSentEvents(_) | Self::EventStream(_) => ControlFlow::Continue(()),
        }
    }
}
