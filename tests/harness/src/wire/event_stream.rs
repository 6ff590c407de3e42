//! The binary frames of AWS event streams.

use bytes::{BufMut as _, Bytes, BytesMut};

/// Bytes of a frame beside its headers and payload: both lengths, the checksum of them, the checksum of all.
const FIXED: usize = 16;
/// The type of a header whose value is a text.
const TEXT: u8 = 7;

/// One frame. Names are at most 255 bytes long, values 65,535; what is longer is cut.
pub(super) fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Bytes {
    let mut head = BytesMut::new();
    for (name, value) in headers {
        let (name, value) = (&name.as_bytes()[..name.len().min(255)], &value.as_bytes()[..value.len().min(65_535)]);
        head.put_u8(name.len() as u8);
        head.put_slice(name);
        head.put_u8(TEXT);
        head.put_u16(value.len() as u16);
        head.put_slice(value);
    }
    let mut frame = BytesMut::with_capacity(FIXED + head.len() + payload.len());
    frame.put_u32((FIXED + head.len() + payload.len()) as u32);
    frame.put_u32(head.len() as u32);
    frame.put_u32(crc32fast::hash(&frame));
    frame.put_slice(&head);
    frame.put_slice(payload);
    frame.put_u32(crc32fast::hash(&frame));
    frame.freeze()
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use bytes::Buf as _;

    use super::*;

    /// Takes a frame apart and checks both sums.
    pub(in super::super) fn read(mut frame: Bytes) -> (BTreeMap<String, String>, Bytes) {
        let whole = frame.clone();
        let (total, head) = (frame.get_u32() as usize, frame.get_u32() as usize);
        assert_eq!(total, whole.len());
        assert_eq!(frame.get_u32(), crc32fast::hash(&whole[..8]));
        let mut headers = BTreeMap::new();
        let mut rest = frame.split_to(head);
        while rest.has_remaining() {
            let length = rest.get_u8().into();
            let name = rest.split_to(length);
            assert_eq!(rest.get_u8(), TEXT);
            let length = rest.get_u16().into();
            let value = rest.split_to(length);
            let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).unwrap();
            headers.insert(text(name), text(value));
        }
        let payload = frame.split_to(total - FIXED - head);
        assert_eq!(frame.get_u32(), crc32fast::hash(&whole[..total - 4]));
        assert!(!frame.has_remaining());
        (headers, payload)
    }

    #[test]
    fn frames_round_trip() {
        let (headers, payload) = read(frame(&[(":event-type", "messageStop"), ("é", "")], b"{}"));
        assert_eq!(headers, BTreeMap::from([(":event-type".into(), "messageStop".into()), ("é".into(), "".into())]));
        assert_eq!(payload, "{}");
    }

    #[test]
    fn an_empty_frame_is_the_one_of_the_specification() {
        let known = [0, 0, 0, 16, 0, 0, 0, 0, 5, 194, 72, 235, 125, 152, 200, 255];
        assert_eq!(frame(&[], b"")[..], known);
    }
}
