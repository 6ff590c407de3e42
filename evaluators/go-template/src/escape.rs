//! Escapes: `html`, `js`, `urlquery` and the quotes of `%q`, as Go writes them.

use std::fmt::Write as _;

/// Fit for HTML.
pub fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\0' => out.push('\u{fffd}'),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            other => out.push(other),
        }
    }
    out
}

/// Fit for a string of JavaScript.
pub fn js(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '\'' | '"' => out.extend(['\\', c]),
            '<' | '>' | '&' | '=' | '\0'..='\x1f' => put(&mut out, format_args!("\\u{:04X}", u32::from(c))),
            _ if c.is_ascii() || is_printable(c) => out.push(c),
            other => put(&mut out, format_args!("\\u{:04X}", u32::from(other))),
        }
    }
    out
}

/// Fit for a value in the query of a URL.
pub fn url_query(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte.into()),
            b' ' => out.push('+'),
            other => put(&mut out, format_args!("%{other:02X}")),
        }
    }
    out
}

/// A constant of Go between `quote`s.
pub fn quoted(text: &str, quote: char) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            '\\' => out.push_str("\\\\"),
            _ if c == quote => out.extend(['\\', c]),
            _ if is_printable(c) => out.push(c),
            '\0'..='\x1f' | '\x7f' => put(&mut out, format_args!("\\x{:02x}", u32::from(c))),
            '\u{80}'..='\u{ffff}' => put(&mut out, format_args!("\\u{:04x}", u32::from(c))),
            other => put(&mut out, format_args!("\\U{:08x}", u32::from(other))),
        }
    }
    out.push(quote);
    out
}

/// Letters, marks, digits, punctuation, symbols and the ASCII space. The standard library knows them where it escapes
/// for debugging; a letter goes before because it escapes marks that have none.
fn is_printable(c: char) -> bool {
    let mut buffer = [b'a'; 5];
    let length = c.encode_utf8(&mut buffer[1..]).len();
    let text = str::from_utf8(&buffer[..=length]).unwrap_or_default();
    matches!(c, '\\' | '\'' | '"') || text.escape_debug().nth(1) != Some('\\')
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(text);
}
