//! The one part of an object that a request asks for.

/// First byte and number of bytes of `Range: header` in an object of `size` bytes. None if the header asks for no one
/// range that we know, which means the whole object; an error if the object has none of those bytes.
pub(super) fn parse(header: &str, size: u64) -> Result<Option<(u64, u64)>, ()> {
    let Some((first, last)) = header.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Ok(None);
    };
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
    let (start, end) = match (first, last) {
        ("", last) => match number(last) {
            Some(0) => return Err(()),
            Some(count) => (size.saturating_sub(count), size),
            None => return Ok(None),
        },
        (first, "") => match number(first) {
            Some(first) => (first, size),
            None => return Ok(None),
        },
        (first, last) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => (first, last.saturating_add(1).min(size)),
            _ => return Ok(None),
        },
    };
    if start >= size { Err(()) } else { Ok(Some((start, end - start))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        for (header, expected) in [
            ("bytes=0-0", Ok(Some((0, 1)))),
            ("bytes=2-", Ok(Some((2, 8)))),
            ("bytes=2-5", Ok(Some((2, 4)))),
            ("bytes=2-99", Ok(Some((2, 8)))),
            ("bytes=-3", Ok(Some((7, 3)))),
            ("bytes=-99", Ok(Some((0, 10)))),
            ("bytes=10-", Err(())),
            ("bytes=10-12", Err(())),
            ("bytes=-0", Err(())),
            ("bytes=5-2", Ok(None)),
            ("bytes=0-1,3-4", Ok(None)),
            ("bytes=+1-2", Ok(None)),
            ("bytes=-", Ok(None)),
            ("lines=1-2", Ok(None)),
            ("bytes=0-99999999999999999999999", Ok(None)),
        ] {
            assert_eq!(parse(header, 10), expected, "{header}");
        }
        assert_eq!(parse("bytes=0-", 0), Err(()));
    }
}
