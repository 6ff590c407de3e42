//! OpenAI's responses. https://platform.openai.com/docs/api-reference/responses

mod reply;
mod request;

use bytes::Bytes;

use super::{Draft, NoReply, Parameters, Said, Taken, Wire};
use crate::chat::ChatRequest;
use crate::error::Cause;
use crate::framing::{Event, FramingKind};

/// The format, for one model.
#[derive(Debug)]
pub(crate) struct Responses(pub(crate) Parameters);

impl Wire for Responses {
    fn body(&self, request: &ChatRequest<'_>, streamed: bool) -> Result<Bytes, Cause> {
        request::body(&self.0, request, streamed)
    }

    fn read(&self, body: &[u8]) -> Result<Said, NoReply> {
        reply::read(body)
    }

    fn framing(&self) -> FramingKind {
        FramingKind::ServerSentEvents
    }

    fn take(&self, event: Event<'_>, draft: &mut Draft) -> Taken {
        reply::take(event, draft)
    }

    fn left_out(&self) -> &'static [&'static str] {
        &["seed"]
    }
}
