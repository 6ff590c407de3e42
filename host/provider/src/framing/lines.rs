//! One document a line.

use std::ops::ControlFlow;

use super::{BadFrame, Event};

/// Splits a stream into lines; empty ones are passed over.
#[derive(Default)]
pub(crate) struct Lines {
    /// Start of a line whose end has not come yet.
    line: Vec<u8>,
}

impl Lines {
    pub(super) fn feed<B, F>(&mut self, mut bytes: &[u8], sink: &mut F) -> ControlFlow<B>
    where
        F: FnMut(Result<Event<'_>, BadFrame>) -> ControlFlow<B>,
    {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            self.line.extend_from_slice(&bytes[..end]);
            bytes = &bytes[end + 1..];
            self.end(sink)?;
        }
        self.line.extend_from_slice(bytes);
        ControlFlow::Continue(())
    }

    /// Hands out the line so far.
    pub(super) fn end<B, F>(&mut self, sink: &mut F) -> ControlFlow<B>
    where
        F: FnMut(Result<Event<'_>, BadFrame>) -> ControlFlow<B>,
    {
        let line = std::mem::take(&mut self.line);
        let data = line.trim_ascii();
        if data.is_empty() { ControlFlow::Continue(()) } else { sink(Ok(Event { name: "", data, failed: false })) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn boundaries_do_not_matter(
            lines in prop::collection::vec("[a-z\u{e9}]{0,9}", 0..8),
            cuts in prop::collection::vec(0usize..100, 0..20),
            ended: bool,
        ) {
            let text = lines.join("\r\n") + if ended { "\n" } else { "" };
            let bytes = text.as_bytes();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let (mut splitter, mut found) = (Lines::default(), Vec::new());
            let mut note = |event: Result<Event<'_>, BadFrame>| {
                found.push(String::from_utf8(event.unwrap().data.to_vec()).unwrap());
                ControlFlow::<()>::Continue(())
            };
            for pair in cuts.windows(2) {
                let _ = splitter.feed(&bytes[pair[0]..pair[1]], &mut note);
            }
            let _ = splitter.end(&mut note);
            let expected: Vec<_> = lines.into_iter().filter(|line| !line.is_empty()).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
