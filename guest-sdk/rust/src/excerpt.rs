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

/// The first `max_texts` of `texts`, each like [`excerpt`], with commas between and the number of those left out.
pub fn excerpts<'a>(texts: impl ExactSizeIterator<Item = &'a str>, max_texts: usize, max_chars: usize) -> String {
    let more = texts.len().saturating_sub(max_texts);
    let mut list = texts.take(max_texts).map(|text| excerpt(text, max_chars)).collect::<Vec<_>>().join(", ");
    if more > 0 {
        list.push_str(&format!(" and {more} more"));
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_end_at_the_limit() {
        let list = |max_texts| excerpts(["a", "bcd", "e"].into_iter(), max_texts, 2);
        assert_eq!(list(3), "\"a\", \"bc\"..., \"e\"");
        assert_eq!(list(1), "\"a\" and 2 more");
        assert_eq!(excerpts([].into_iter(), 3, 2), "");
    }

    #[test]
    fn cuts_at_the_limit_and_escapes() {
        assert_eq!(excerpt("äbc", 3), "\"äbc\"");
        assert_eq!(excerpt("äbcd", 3), "\"äbc\"...");
        assert_eq!(excerpt("\u{1b}[31m", 10), "\"\\u{1b}[31m\"");
    }
}
