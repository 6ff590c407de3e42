//! Binary frames with checksums. https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html

use std::ops::ControlFlow;

use aws_smithy_eventstream::frame::{DecodedFrame, MessageFrameDecoder};
use aws_smithy_types::event_stream::Message;
use bytes::BytesMut;

use super::{BadFrame, Event};

/// Splits a stream into messages.
#[derive(Default)]
pub(crate) struct EventStream {
    buffer: BytesMut,
    decoder: MessageFrameDecoder,
}

impl EventStream {
    pub(super) fn feed<B, F>(&mut self, bytes: &[u8], sink: &mut F) -> ControlFlow<B>
    where
        F: FnMut(Result<Event<'_>, BadFrame>) -> ControlFlow<B>,
    {
        self.buffer.extend_from_slice(bytes);
        loop {
            match self.decoder.decode_frame(&mut self.buffer) {
                Ok(DecodedFrame::Complete(message)) => sink(Ok(event(&message)))?,
                Ok(_) => return ControlFlow::Continue(()),
                Err(error) => return sink(Err(BadFrame(format!("the stream has a broken frame: {error}")))),
            }
        }
    }
}

fn event(message: &Message) -> Event<'_> {
    let header = |name: &str| {
        let header = message.headers().iter().find(|header| header.name().as_str() == name)?;
        header.value().as_string().ok().map(|text| text.as_str())
    };
    let failed = header(":message-type").is_some_and(|kind| kind != "event");
    let name = header(":event-type").or_else(|| header(":exception-type")).or_else(|| header(":error-code"));
    let text = header(":error-message").map(str::as_bytes).filter(|_| message.payload().is_empty());
    Event { name: name.unwrap_or_default(), data: text.unwrap_or(message.payload()), failed }
}

#[cfg(test)]
mod tests {
    use aws_smithy_eventstream::frame::write_message_to;
    use aws_smithy_types::event_stream::{Header, HeaderValue};

    use super::*;

    fn frames(messages: &[(&str, &str, &str)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (kind, name, payload) in messages {
            let text = |text: &str| HeaderValue::String(text.to_owned().into());
            let headers = vec![Header::new(":message-type", text(kind)), Header::new(":event-type", text(name))];
            write_message_to(&Message::new_from_parts(headers, payload.as_bytes().to_vec()), &mut bytes).unwrap();
        }
        bytes
    }

    fn read(pieces: &[&[u8]]) -> Vec<(String, String, bool)> {
        let (mut stream, mut found) = (EventStream::default(), Vec::new());
        for piece in pieces {
            let flow = stream.feed(piece, &mut |event: Result<Event<'_>, BadFrame>| match event {
                Ok(Event { name, data, failed }) => {
                    found.push((name.to_owned(), String::from_utf8(data.to_vec()).unwrap(), failed));
                    ControlFlow::Continue(())
                }
                Err(bad) => ControlFlow::Break(bad),
            });
            if let ControlFlow::Break(BadFrame(text)) = flow {
                found.push(("bad".into(), text, true));
                break;
            }
        }
        found
    }

    #[test]
    fn boundaries_do_not_matter() {
        let bytes =
            frames(&[("event", "messageStart", "{}"), ("exception", "throttlingException", r#"{"message":"x"}"#)]);
        let whole = read(&[&bytes]);
        assert_eq!(whole[0], ("messageStart".into(), "{}".into(), false));
        assert_eq!(whole[1], ("throttlingException".into(), r#"{"message":"x"}"#.into(), true));
        let single: Vec<_> = bytes.chunks(1).collect();
        assert_eq!(read(&single), whole);
    }

    #[test]
    fn a_frame_whose_checksum_is_wrong_is_told() {
        let mut bytes = frames(&[("event", "messageStart", "{}")]);
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        assert!(read(&[&bytes])[0].1.contains("broken frame"));
    }
}
