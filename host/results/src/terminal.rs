//! Text of strangers made harmless for a terminal.

use std::borrow::Cow;
use std::iter::Peekable;
use std::str::Chars;

/// Control characters but line feed and tab, and characters that reorder or hide what stands around them.
pub fn is_unsafe(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// `text` without escape sequences (ANSI, OSC and the rest), control characters but line feed and tab, and bidi
/// overrides. Text that has none is given back as it is.
pub fn terminal_safe(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\u{9b}' => skip_parameters(&mut chars),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => skip_string(&mut chars),
            _ if is_unsafe(c) => {}
            _ => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

fn skip_escape(chars: &mut Peekable<Chars<'_>>) {
    match chars.peek() {
        Some('[') => {
            chars.next();
            skip_parameters(chars);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            chars.next();
            skip_string(chars);
        }
        // Two or three characters: intermediates, then a final one.
        Some(' '..='~') => while let Some(' '..='/') = chars.next() {},
        _ => {}
    }
}

/// The rest of a control sequence: parameters and intermediates, then one final character.
fn skip_parameters(chars: &mut Peekable<Chars<'_>>) {
    while chars.next_if(|c| matches!(c, ' '..='?')).is_some() {}
    chars.next_if(|c| matches!(c, '@'..='~'));
}

/// The rest of a control string up to its end mark. A string without one takes nothing with it: a stray mark must not
/// hide the text behind it.
fn skip_string(chars: &mut Peekable<Chars<'_>>) {
    let mut ahead = chars.clone();
    while let Some(c) = ahead.next() {
        let ended = matches!(c, '\u{7}' | '\u{9c}') || (c == '\u{1b}' && ahead.next_if_eq(&'\\').is_some());
        if ended {
            *chars = ahead;
            return;
        }
        if matches!(c, '\n' | '\u{1b}') {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_what_drives_a_terminal_and_nothing_else() {
        for (text, wanted) in [
            ("plain, tab\t, line\nand ünïcödé 👩‍🚀", "plain, tab\t, line\nand ünïcödé 👩‍🚀"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}[38;5;1;48:2:0mx\u{1b}[2J\u{1b}[?25l", "x"),
            ("\u{9b}31mred", "red"),
            ("\u{1b}]0;title\u{7}a\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\", "alink"),
            ("\u{1b}]52;c;unended, shown", "52;c;unended, shown"),
            ("\u{1b}Pdcs\u{1b}\\a\u{90}c1\u{9c}b", "ab"),
            ("\u{1b}c\u{1b}(Ba\u{1b}", "a"),
            ("\u{1b}(Ba\u{1b}7b", "ab"),
            ("a\0b\u{8}c\rd\u{7f}e\u{85}f", "abcdef"),
            ("abc\u{202e}fed\u{2066}x\u{200f}", "abcfedx"),
            ("a\u{2028}b\u{feff}", "ab"),
        ] {
            assert_eq!(terminal_safe(text), wanted, "{text:?}");
        }
        assert!(matches!(terminal_safe("plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn nothing_unsafe_is_left_whatever_is_put_in() {
        let pieces =
            ["\u{1b}", "[", "]", "P", "\u{7}", "\u{9b}", "\u{9d}", "m", "\\", "x", "\n", "\u{202e}", "(", "\u{9c}"];
        for number in 0..pieces.len().pow(4) {
            let text: String = (0..4).map(|at| pieces[number / pieces.len().pow(at) % pieces.len()]).collect();
            let safe = terminal_safe(&text).into_owned();
            assert!(!safe.contains(is_unsafe), "{text:?} gave {safe:?}");
            assert_eq!(terminal_safe(&safe), safe);
        }
    }
}
