//! Server-sent events: bytes in pieces of any size in, the data of each event out.

use std::ops::ControlFlow;

use super::{BadFrame, Event};

/// Splits a stream into events. Memory is bounded by the caller, who bounds the bytes it feeds.
#[derive(Default)]
pub(crate) struct SseParser {
    /// Start of a line whose end has not come yet.
    line: Vec<u8>,
    event: Pending,
    /// The last byte was a carriage return: a line feed that follows belongs to it.
    after_return: bool,
    /// Anything but the first line was seen, so no byte order mark may come any more.
    started: bool,
}

/// One event under way.
#[derive(Default)]
struct Pending {
    name: String,
    data: Vec<u8>,
    has_data: bool,
}

impl SseParser {
    /// Takes the next bytes and hands every event they complete to `sink`.
    pub(super) fn feed<B, F>(&mut self, mut bytes: &[u8], sink: &mut F) -> ControlFlow<B>
    where
        F: FnMut(Result<Event<'_>, BadFrame>) -> ControlFlow<B>,
    {
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

    fn take_line<B, F>(&mut self, line: &[u8], sink: &mut F) -> ControlFlow<B>
    where
        F: FnMut(Result<Event<'_>, BadFrame>) -> ControlFlow<B>,
    {
        let line = if std::mem::replace(&mut self.started, true) {
            line
        } else {
            line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
        };
        if line.is_empty() {
            let event = &mut self.event;
            let failed = event.name == "error";
            let flow = if event.has_data || failed {
                sink(Ok(Event { name: &event.name, data: &event.data, failed }))
            } else {
                ControlFlow::Continue(())
            };
            event.data.clear();
            event.name.clear();
            event.has_data = false;
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
            b"event" => {
                self.event.name.clear();
                self.event.name.push_str(&String::from_utf8_lossy(value));
            }
            b"id" | b"retry" => {}
            // The format says to pass over these, but a vendor's bare error line would then vanish.
            _ => {
                let line = String::from_utf8_lossy(line);
                return sink(Err(BadFrame(format!("the stream has a line that is no event's: {line:?}"))));
            }
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(pieces: &[&[u8]]) -> Result<Vec<(String, bool)>, BadFrame> {
        let (mut parser, mut notes) = (SseParser::default(), Vec::new());
        for piece in pieces {
            let flow = parser.feed(piece, &mut |event: Result<Event<'_>, BadFrame>| match event {
                Ok(event) => {
                    notes.push((String::from_utf8(event.data.to_vec()).unwrap(), event.failed));
                    ControlFlow::Continue(())
                }
                Err(bad) => ControlFlow::Break(bad),
            });
            if let ControlFlow::Break(bad) = flow {
                return Err(bad);
            }
        }
        Ok(notes)
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
        let BadFrame(text) = parse(&[b"data: a\n\n{\"error\": 1}\n"]).unwrap_err();
        assert!(text.ends_with(r#"no event's: "{\"error\": 1}""#), "{text}");
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
