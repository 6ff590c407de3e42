//! Amazon Bedrock's converse. https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html

mod reply;
mod request;

use bytes::Bytes;

use super::{Draft, NoReply, Parameters, Said, Taken, Wire};
use crate::chat::ChatRequest;
use crate::error::Cause;
use crate::framing::{Event, FramingKind};

/// The format, for one model. The model stands in the URL.
#[derive(Debug)]
pub(crate) struct Converse(pub(crate) Parameters);

impl Wire for Converse {
    fn body(&self, request: &ChatRequest<'_>, _streamed: bool) -> Result<Bytes, Cause> {
        request::body(&self.0, request)
    }

    fn read(&self, body: &[u8]) -> Result<Said, NoReply> {
        reply::read(body)
    }

    fn framing(&self) -> FramingKind {
        FramingKind::EventStream
    }

    fn take(&self, event: Event<'_>, draft: &mut Draft) -> Taken {
        reply::take(event, draft)
    }

    fn left_out(&self) -> &'static [&'static str] {
        &["seed"]
    }
}
