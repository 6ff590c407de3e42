//! Chat completions, as OpenAI and many others speak them. https://platform.openai.com/docs/api-reference/chat

mod reply;
mod request;
mod stream;

use bytes::Bytes;

use super::{Draft, NoReply, Parameters, Said, Taken, Wire};
use crate::chat::ChatRequest;
use crate::error::Cause;
use crate::framing::{Event, FramingKind};

/// The format, for one model.
#[derive(Debug)]
pub(crate) struct Chat(pub(crate) Parameters);

impl Wire for Chat {
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
        stream::take(event, draft)
    }
}
