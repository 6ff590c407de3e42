//! pkt-lines: the frames that Git's protocol is made of.

use bytes::{Buf as _, Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _};

use crate::SourceError;
use crate::error::Reason;

/// Longest frame, its length included, bytes.
const FRAME: usize = 65_520;

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Packet {
    /// `0000`
    Flush,
    /// `0001`
    Delimiter,
    /// Anything with content.
    Data(Bytes),
}

/// `text` as a frame.
pub(super) fn frame(text: &str) -> String {
    format!("{:04x}{text}", text.len() + 4)
}

/// The frames of an answer.
pub(super) struct Packets {
    stream: BoxStream<'static, Result<Bytes, SourceError>>,
    buffer: BytesMut,
    left: u64,
    limit: u64,
}

impl Packets {
    /// Frames of `stream`, which may have at most `limit` bytes.
    pub(super) fn new(stream: impl Stream<Item = Result<Bytes, SourceError>> + Send + 'static, limit: u64) -> Self {
        Self { stream: stream.boxed(), buffer: BytesMut::new(), left: limit, limit }
    }

    /// The same frames with those of `first` before them.
    pub(super) fn after(self, first: impl Stream<Item = Result<Bytes, SourceError>> + Send + 'static) -> Self {
        let Self { stream, buffer, left, limit } = self;
        let rest = futures::stream::iter([Ok(buffer.freeze())]).chain(stream);
        Self { stream: first.chain(rest).boxed(), buffer: BytesMut::new(), left: left.saturating_add(limit), limit }
    }

    /// The next frame; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Packet>, SourceError> {
        if !self.fill(4).await? {
            return if self.buffer.is_empty() { Ok(None) } else { Err(broken("the answer ends within a length")) };
        }
        let length =
            std::str::from_utf8(&self.buffer[..4]).ok().filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        let length = length.and_then(|hex| usize::from_str_radix(hex, 16).ok());
        let length = length.ok_or_else(|| broken("a frame without a length"))?;
        match length {
            0 | 1 => {
                self.buffer.advance(4);
                Ok(Some(if length == 0 { Packet::Flush } else { Packet::Delimiter }))
            }
            4..=FRAME if self.fill(length).await? => {
                let mut data = self.buffer.split_to(length).freeze();
                data.advance(4);
                Ok(Some(Packet::Data(data)))
            }
            4..=FRAME => Err(broken("the answer ends within a frame")),
            _ => Err(broken("a frame of an impossible length")),
        }
    }

    /// The next frame as a line of text; none for a flush, a delimiter and the end.
    pub(super) async fn line(&mut self) -> Result<Option<String>, SourceError> {
        let Some(Packet::Data(data)) = self.next().await? else { return Ok(None) };
        // Names of refs may be anything; ours are compared as text, so others only must not match.
        let text = String::from_utf8_lossy(&data);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        match text.strip_prefix("ERR ") {
            Some(error) => Err(refusal(error)),
            None => Ok(Some(text.to_owned())),
        }
    }

    /// Reads until `count` bytes are there; false at the end of the stream.
    async fn fill(&mut self, count: usize) -> Result<bool, SourceError> {
        while self.buffer.len() < count {
            let Some(piece) = self.stream.next().await.transpose()? else { return Ok(false) };
            self.left = self.left.checked_sub(piece.len() as u64).ok_or_else(|| {
                let message = format!("the remote sends more than {} bytes; use a smaller repository", self.limit);
                Reason::ArtifactTooLarge.because(message)
            })?;
            self.buffer.extend_from_slice(&piece);
        }
        Ok(true)
    }
}

fn broken(why: &str) -> SourceError {
    Reason::RemoteInvalid.because(format!("the remote does not speak Git: {why}"))
}

/// What the remote says instead of an answer.
pub(super) fn refusal(text: &str) -> SourceError {
    let text: String = text.trim().chars().filter(|c| !c.is_control()).take(200).collect();
    let missing = ["not our ref", "unadvertised object", "not found"].iter().any(|part| text.contains(part));
    let reason = if missing { Reason::RefNotFound } else { Reason::RemoteInvalid };
    reason.because(format!("the remote refuses: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(pieces: &[&str], limit: u64) -> Result<Vec<Packet>, SourceError> {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::copy_from_slice(piece.as_bytes()))).collect();
        let mut packets = Packets::new(futures::stream::iter(pieces), limit);
        let mut all = Vec::new();
        while let Some(packet) = packets.next().await? {
            all.push(packet);
        }
        Ok(all)
    }

    #[tokio::test]
    async fn frames_are_read_however_they_are_cut() {
        let text = format!("{}00010000{}", frame("hello\n"), frame(""));
        let expected = [
            Packet::Data(Bytes::from_static(b"hello\n")),
            Packet::Delimiter,
            Packet::Flush,
            Packet::Data(Bytes::new()),
        ];
        assert_eq!(read(&[&text], 100).await.unwrap(), expected);
        let cut: Vec<&str> = text.as_bytes().chunks(1).map(|byte| std::str::from_utf8(byte).unwrap()).collect();
        assert_eq!(read(&cut, text.len() as u64).await.unwrap(), expected);
        assert_eq!(read(&cut, text.len() as u64 - 1).await.unwrap_err().reason, Reason::ArtifactTooLarge);
    }

    #[tokio::test]
    async fn what_is_no_frame_is_refused() {
        for text in ["00", "<htm", "0003", "0002", "ffff", "000ahello", "+00ahello!", "fff1"] {
            assert_eq!(read(&[text], 100).await.unwrap_err().reason, Reason::RemoteInvalid, "{text}");
        }
    }

    #[tokio::test]
    async fn an_error_line_is_an_error() {
        for (text, reason) in
            [("ERR upload-pack: not our ref 12", Reason::RefNotFound), ("ERR busy", Reason::RemoteInvalid)]
        {
            let pieces = [Ok(Bytes::from(frame(text)))];
            let mut packets = Packets::new(futures::stream::iter(pieces), 100);
            assert_eq!(packets.line().await.unwrap_err().reason, reason);
        }
    }
}
