//! Ollama's own chat. https://github.com/ollama/ollama/blob/main/docs/api.md

mod reply;
mod request;

use bytes::Bytes;

use super::{Draft, NoReply, Parameters, Said, Taken, Wire};
use crate::chat::ChatRequest;
use crate::error::Cause;
use crate::framing::{Event, FramingKind};

/// The format, for one model.
#[derive(Debug)]
pub(crate) struct Ollama(pub(crate) Parameters);

impl Wire for Ollama {
    fn body(&self, request: &ChatRequest<'_>, streamed: bool) -> Result<Bytes, Cause> {
        request::body(&self.0, request, streamed)
    }

    fn read(&self, body: &[u8]) -> Result<Said, NoReply> {
        reply::read(body)
    }

    fn framing(&self) -> FramingKind {
        FramingKind::Lines
    }

    fn take(&self, event: Event<'_>, draft: &mut Draft) -> Taken {
        reply::take(event, draft)
    }
}
