//! RE2 syntax, which PromptArena's bundles are written in, in the words of the regex crates. The two agree but for a few
//! letters: there `{` may stand for itself, `\Q...\E` quotes, `[` and `&&` mean nothing special in a class, and `\d`,
//! `\s`, `\w`, `\b` are ASCII.

use std::fmt::Write as _;

/// `pattern` for the regex crates. What is wrong in it stays wrong: its parser says so.
pub fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut letters = pattern.char_indices().peekable();
    // Byte at which the open class began, so that a first `]` is taken as a letter.
    let mut class = None;
    while let Some((at, letter)) = letters.next() {
        match (letter, class) {
            ('\\', _) => match letters.next() {
                Some((quoted, 'Q')) if class.is_none() => {
                    let rest = &pattern[quoted + 1..];
                    let end = rest.find("\\E").unwrap_or(rest.len());
                    push_literal(&mut out, &rest[..end]);
                    let resume = quoted + 1 + (end + 2).min(rest.len());
                    while letters.next_if(|&(at, _)| at < resume).is_some() {}
                }
                Some((_, escaped)) => {
                    escape(&mut out, escaped, class.is_some());
                    // \p{Greek}, \x{10FFFF}
                    if matches!(escaped, 'p' | 'P' | 'x') && letters.next_if(|&(_, next)| next == '{').is_some() {
                        out.push('{');
                    }
                }
                None => out.push('\\'),
            },
            ('[', None) => {
                out.push('[');
                let negated = letters.next_if(|&(_, next)| next == '^').is_some();
                if negated {
                    out.push('^');
                }
                class = Some(at + 1 + usize::from(negated));
            }
            ('[', Some(_)) => match pattern[at..].starts_with("[:").then(|| pattern[at..].find(":]")).flatten() {
                Some(end) => {
                    out.push_str(&pattern[at..at + end + 2]);
                    while letters.next_if(|&(next, _)| next < at + end + 2).is_some() {}
                }
                None => out.push_str("\\["),
            },
            (']', Some(start)) if start == at => out.push_str("\\]"),
            (']', Some(_)) => {
                out.push(']');
                class = None;
            }
            ('&' | '~', Some(_)) => {
                out.push('\\');
                out.push(letter);
            }
            // `--` takes one set from another there; here it is a range from `-` at the start, else to `-`.
            ('-', Some(start)) if pattern[at + 1..].starts_with('-') => {
                if start == at {
                    out.push_str("\\-");
                } else {
                    out.push_str("-\\-");
                    letters.next();
                }
            }
            ('{', None) if !is_repetition(&pattern[at..]) => out.push_str("\\{"),
            _ => out.push(letter),
        }
    }
    out
}

fn escape(out: &mut String, letter: char, in_class: bool) {
    let (ascii, negated) = match letter {
        'd' => ("0-9", false),
        'D' => ("0-9", true),
        's' => ("\\t\\n\\f\\r ", false),
        'S' => ("\\t\\n\\f\\r ", true),
        'w' => ("0-9A-Za-z_", false),
        'W' => ("0-9A-Za-z_", true),
        'b' | 'B' if !in_class => {
            // Writing to a String cannot fail.
            let _ = write!(out, "(?-u:\\{letter})");
            return;
        }
        // Start and end of a word there, the plain letters here.
        '<' | '>' => return out.push(letter),
        other => {
            out.push('\\');
            return out.push(other);
        }
    };
    let (open, close) = match (in_class, negated) {
        (true, false) => ("", ""),
        (_, true) => ("[^", "]"),
        (false, false) => ("[", "]"),
    };
    let _ = write!(out, "{open}{ascii}{close}");
}

fn push_literal(out: &mut String, text: &str) {
    for letter in text.chars() {
        if letter.is_ascii_punctuation() && !matches!(letter, '<' | '>') {
            out.push('\\');
        }
        out.push(letter);
    }
}

/// Whether `text` starts with `{n}`, `{n,}` or `{n,m}`.
fn is_repetition(text: &str) -> bool {
    let Some((inside, _)) = text[1..].split_once('}') else { return false };
    let (least, most) = inside.split_once(',').unwrap_or((inside, "0"));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !least.is_empty() && digits(least) && digits(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex_automata::meta::Regex;

    #[test]
    fn agrees_with_re2() {
        for (pattern, yes, no) in [
            (r#"{"a": 1}"#, r#"{"a": 1}"#, "a: 1"),
            (r"x{2}", "xx", "x"),
            (r"x{2,}y{1,3}", "xxy", "xy"),
            (r"a{,2}", "a{,2}", "aa"),
            (r"\Qa.b*\E+", "a.b**", "axb"),
            (r"\Q<{[|]}>-\E$", "<{[|]}>-", "<"),
            (r"^[[a]+$", "[a[", "b"),
            (r"^[]a]+$", "]a", "b"),
            (r"^[^]a]+$", "bc", "]"),
            (r"^[a&&b]+$", "a&b", "c"),
            (r"^[[:alpha:]_-]+$", "ab_-", "1"),
            (r"^[\d\s.]+$", "1 .2", "a"),
            (r"^[^\W]+$", "ab_1", "é"),
            (r"^\d+$", "12", "١٢"),
            (r"^\S+\s\w+$", "é a", "é é"),
            (r"\bcat\b", "a cat.", "concat"),
            (r"\Bcat", "concat", "a cat"),
            (r"\<b\>", "<b>", "b"),
            (r"(?i)capital.*france", "The CAPITAL of France", "capital of Spain"),
            (r"\pL\p{Greek}\x{62}", "aβb", "abb"),
            (r"^[+--]+$", "+,-", "."),
            (r"^[--/]+$", "-./", ","),
        ] {
            let regex = Regex::new(&translate(pattern)).unwrap();
            assert!(regex.is_match(yes), "{pattern} on {yes}: {}", translate(pattern));
            assert!(!regex.is_match(no), "{pattern} on {no}: {}", translate(pattern));
        }
    }

    #[test]
    fn what_is_wrong_stays_wrong() {
        for pattern in ["(", "(?=a)", r"(a)\1", "[a", "[a--]", r"\", "[z-a]", r"[\d"] {
            assert!(Regex::new(&translate(pattern)).is_err(), "{pattern}");
        }
    }
}
