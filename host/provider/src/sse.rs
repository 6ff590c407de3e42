//! Server-sent events: bytes in pieces of any size in, the data of each event out.

use std::ops::ControlFlow;

/// Splits a stream into events. Memory is bounded by the caller, who bounds the bytes it feeds.
#[derive(Default)]
pub(crate) struct SseParser {
    /// Start of a line whose end has not come yet.
    line: Vec<u8>,
    event: Event,
    /// The last byte was a carriage return: a line feed that follows belongs to it.
    after_return: bool,
    /// Anything but the first line was seen, so no byte order mark may come any more.
    started: bool,
}

/// One event under way.
#[derive(Default)]
struct Event {
    is_error: bool,
    data: Vec<u8>,
    has_data: bool,
}

/// A line that is none of the format's.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotSse(pub(crate) String);

/// What is done with an event: gets its data and whether it is of the type `error`; may end the parsing.
pub(crate) trait Sink {
    type Stop;
    fn event(&mut self, data: &[u8], is_error: bool) -> ControlFlow<Self::Stop>;
    fn not_sse(&mut self, error: NotSse) -> Self::Stop;
}

impl SseParser {
    /// Takes the next bytes and hands every event they complete to `sink`.
    pub(crate) fn feed<S: Sink>(&mut self, mut bytes: &[u8], sink: &mut S) -> ControlFlow<S::Stop> {
        while !bytes.is_empty() {
            if std::mem::take(&mut self.after_return) && bytes[0] == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let Some(end) = memchr::memchr2(b'\n', b'\r', bytes) else {
                self.line.extend_from_slice(bytes);
                return ControlFlow::Continue(());
            };
            let (head, tail) = (&bytes[..end], &bytes[end + 1..]);
            self.after_return = bytes[end] == b'\r';
            bytes = tail;
            if self.line.is_empty() {
                self.take_line(head, sink)?;
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(head);
                let flow = self.take_line(&line, sink);
                line.clear();
                self.line = line;
                flow?;
            }
        }
        ControlFlow::Continue(())
    }

    fn take_line<S: Sink>(&mut self, line: &[u8], sink: &mut S) -> ControlFlow<S::Stop> {
        let line = if std::mem::replace(&mut self.started, true) {
            line
        } else {
            line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
        };
        if line.is_empty() {
            let event = &mut self.event;
            let flow = if event.has_data {
                sink.event(&event.data, event.is_error)
            } else if event.is_error {
                sink.event(b"", true)
            } else {
                ControlFlow::Continue(())
            };
            event.data.clear();
            (event.has_data, event.is_error) = (false, false);
            return flow;
        }
        let (field, value) = match memchr::memchr(b':', line) {
            Some(0) => return ControlFlow::Continue(()),
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &b""[..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                if std::mem::replace(&mut self.event.has_data, true) {
                    self.event.data.push(b'\n');
                }
                self.event.data.extend_from_slice(value);
            }
            b"event" => self.event.is_error = value == b"error",
            b"id" | b"retry" => {}
            // The format says to pass over these, but a vendor's bare error line would then vanish.
            _ => return ControlFlow::Break(sink.not_sse(NotSse(String::from_utf8_lossy(line).into_owned()))),
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Default)]
    struct Notes(Vec<(String, bool)>);

    impl Sink for Notes {
        type Stop = NotSse;
        fn event(&mut self, data: &[u8], is_error: bool) -> ControlFlow<NotSse> {
            self.0.push((String::from_utf8(data.to_vec()).unwrap(), is_error));
            ControlFlow::Continue(())
        }
        fn not_sse(&mut self, error: NotSse) -> NotSse {
            error
        }
    }

    fn parse(pieces: &[&[u8]]) -> Result<Vec<(String, bool)>, NotSse> {
        let (mut parser, mut notes) = (SseParser::default(), Notes::default());
        for piece in pieces {
            if let ControlFlow::Break(error) = parser.feed(piece, &mut notes) {
                return Err(error);
            }
        }
        Ok(notes.0)
    }

    #[test]
    fn reads_the_format() {
        let text =
            "\u{feff}: hello\r\ndata: a\rdata:b\n\nid: 1\nretry: 5\n\nevent: error\ndata: {}\n\ndata\n\ndata: cut";
        let expected = [("a\nb", false), ("{}", true), ("", false)].map(|(data, error)| (data.to_owned(), error));
        assert_eq!(parse(&[text.as_bytes()]).unwrap(), expected);
    }

    #[test]
    fn refuses_other_lines() {
        assert_eq!(parse(&[b"data: a\n\n{\"error\": 1}\n"]), Err(NotSse("{\"error\": 1}".into())));
    }

    proptest! {
        #[test]
        fn boundaries_do_not_matter(
            events in prop::collection::vec(("[a-z\u{e9}\u{1f600} :]{0,20}", 0usize..3, any::<bool>()), 0..8),
            cuts in prop::collection::vec(0usize..400, 0..40),
        ) {
            let mut text = String::new();
            for (data, ending, error) in &events {
                let ending = ["\n", "\r\n", "\r"][*ending];
                if *error {
                    text += &format!("event: error{ending}");
                }
                text += &format!("data: {data}{ending}data: 2{ending}{ending}");
            }
            let bytes = text.as_bytes();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<_> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            let expected: Vec<_> = events.iter().map(|(data, _, error)| (format!("{data}\n2"), *error)).collect();
            prop_assert_eq!(parse(&pieces).unwrap(), expected);
        }
    }
}
