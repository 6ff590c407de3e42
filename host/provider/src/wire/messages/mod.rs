//! Anthropic's messages. https://docs.anthropic.com/en/api/messages

mod reply;
mod request;

use bytes::Bytes;
use serde_json::Value;

use super::{Draft, NoReply, Parameters, Said, Taken, Wire, bytes_of};
use crate::chat::ChatRequest;
use crate::error::Cause;
use crate::framing::{Event, FramingKind};

/// Version of the interface, in a header; on Vertex AI in the body.
pub(crate) const VERSION: &str = "2023-06-01";
const VERTEX_VERSION: &str = "vertex-2023-10-16";

/// The format, for one model.
#[derive(Debug)]
pub(crate) struct Messages {
    pub(crate) parameters: Parameters,
    /// On Vertex AI the model stands in the URL.
    pub(crate) vertex: bool,
}

impl Wire for Messages {
    fn body(&self, request: &ChatRequest<'_>, streamed: bool) -> Result<Bytes, Cause> {
        let mut body = request::body(&self.parameters, request, streamed)?;
        if self.vertex {
            body.remove("model");
            body.insert("anthropic_version".into(), VERTEX_VERSION.into());
        }
        Ok(bytes_of(&Value::Object(body)))
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
