//! Text of strangers, made fit for a reason.

/// `text` in quotes, control characters escaped, cut after `max_chars` characters with a mark.
///
/// Patterns, replies and judge answers may be long or hold terminal escapes; a reason should show neither.
pub fn excerpt(text: &str, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_at_the_limit_and_escapes() {
        assert_eq!(excerpt("äbc", 3), "\"äbc\"");
        assert_eq!(excerpt("äbcd", 3), "\"äbc\"...");
        assert_eq!(excerpt("\u{1b}[31m", 10), "\"\\u{1b}[31m\"");
    }
}
