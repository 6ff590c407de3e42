//! Personal data that are known by their form. The scan passes over the text once and takes no automaton: the patterns
//! are three, and building regular expressions would take most of the time.

use std::ops::Range;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Email,
    SocialSecurity,
    Card,
}

impl Form {
    pub const ALL: [Self; 3] = [Self::Email, Self::SocialSecurity, Self::Card];

    pub fn name(self) -> &'static str {
        match self {
            Self::Email => "email address",
            Self::SocialSecurity => "US social security number",
            Self::Card => "card number",
        }
    }

    pub fn names(self) -> &'static str {
        match self {
            Self::Email => "email addresses",
            Self::SocialSecurity => "US social security numbers",
            Self::Card => "card numbers",
        }
    }
}

/// All places, by where they begin.
pub fn find(text: &str) -> Vec<(Form, Range<usize>)> {
    let text = text.as_bytes();
    let (mut found, mut at, mut free) = (Vec::new(), 0, 0);
    while at < text.len() {
        let hit = match text[at] {
            b'@' => email(text, free, at).map(|range| (Form::Email, range)),
            b'0'..=b'9' if at == 0 || !is_word(text[at - 1]) => social_security(text, at)
                .map(|end| (Form::SocialSecurity, at..end))
                .or_else(|| card(text, at).map(|end| (Form::Card, at..end))),
            _ => None,
        };
        at += 1;
        if let Some((form, range)) = hit {
            (at, free) = (range.end, range.end);
            found.push((form, range));
        }
    }
    found
}

/// An address around the `@` at `at`: a local part, not from before `free`, and a domain that ends in a dot and two
/// letters or more.
fn email(text: &[u8], free: usize, at: usize) -> Option<Range<usize>> {
    let is_local = |byte: &u8| is_word(*byte) || b".%+-".contains(byte);
    let before = text[free..at].iter().rev().take_while(|byte| is_local(byte)).count();
    let start = at - before + text[at - before..at].iter().position(|byte| is_word(*byte))?;
    let is_domain = |byte: &u8| byte.is_ascii_alphanumeric() || b".-".contains(byte);
    let end = at + 1 + text[at + 1..].iter().take_while(|byte| is_domain(byte)).count();
    // The last dot that will do; what stands before the first one must not be empty.
    let mut dots = (at + 2..end).rev().filter(|dot| text[*dot] == b'.');
    dots.find_map(|dot| {
        let letters = text[dot + 1..end].iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let close = dot + 1 + letters;
        (letters >= 2 && ends_a_word(text, close)).then_some(start..close)
    })
}

/// Where `123-45-6789` ends, if it stands at `at`.
fn social_security(text: &[u8], at: usize) -> Option<usize> {
    const SHAPE: &[u8] = b"000-00-0000";
    let end = at + SHAPE.len();
    let fits = |(byte, shape): (&u8, &u8)| if *shape == b'0' { byte.is_ascii_digit() } else { byte == shape };
    (text.get(at..end)?.iter().zip(SHAPE).all(fits) && ends_a_word(text, end)).then_some(end)
}

/// Where four groups of four digits end, if they stand at `at` and their check digit is right.
fn card(text: &[u8], at: usize) -> Option<usize> {
    let (mut digits, mut end) = (Vec::with_capacity(16), at);
    for group in 0..4 {
        if group > 0 && matches!(text.get(end), Some(b' ' | b'-')) {
            end += 1;
        }
        let four = text.get(end..end + 4)?;
        if !four.iter().all(u8::is_ascii_digit) {
            return None;
        }
        digits.extend(four.iter().map(|digit| u32::from(digit - b'0')));
        end += 4;
    }
    (ends_a_word(text, end) && luhn(&digits)).then_some(end)
}

/// Luhn's sum over digits of which there is an even number.
fn luhn(digits: &[u32]) -> bool {
    let doubled = |(place, digit): (usize, &u32)| if place % 2 == 0 { digit * 2 / 10 + digit * 2 % 10 } else { *digit };
    digits.iter().enumerate().map(doubled).sum::<u32>() % 10 == 0
}

fn ends_a_word(text: &[u8], end: usize) -> bool {
    text.get(end).is_none_or(|byte| !is_word(*byte))
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_forms_and_nothing_else() {
        for (text, want) in [
            ("Mail bob.o+x@mail.example.co.uk.", vec!["bob.o+x@mail.example.co.uk"]),
            ("a@b.co, <C_D@E-F.ORG>;é@x.de ö.ä@x.de", vec!["a@b.co", "C_D@E-F.ORG"]),
            ("éa@b.co a@b.com-x a@b.c.d1 x@y.zz9", vec!["a@b.co", "a@b.com"]),
            ("@b.co ..@b.co a@.co a@b a@b.c a@b_c.de a @b.co a@@b.co", vec![]),
            ("--x-@b.co", vec!["x-@b.co"]),
            ("a@b.co.1 a@x.yy@z.ww", vec!["a@b.co", "a@x.yy"]),
            ("SSN 123-45-6789, (000-00-0000)", vec!["123-45-6789", "000-00-0000"]),
            ("1123-45-6789 123-45-67890 123-456-789 x123-45-6789 123-45-6789_", vec![]),
            (
                "4111 1111 1111 1111 / 4111-1111-1111-1111 / 5555555555554444",
                vec!["4111 1111 1111 1111", "4111-1111-1111-1111", "5555555555554444"],
            ),
            ("41111111 1111-1111", vec!["41111111 1111-1111"]),
            ("4111 1111 1111 1112 4111  1111 1111 1111 411111111111111 41111111111111111 a4111111111111111", vec![]),
            ("4111 1111 1111 111", vec![]),
            ("", vec![]),
        ] {
            let found: Vec<_> = find(text).into_iter().map(|(_, range)| text[range].to_owned()).collect();
            assert_eq!(found, want, "{text}");
        }
    }

    #[test]
    fn each_form_has_its_name() {
        let text = "4111111111111111 a@b.co 123-45-6789";
        assert_eq!(
            find(text).iter().map(|(form, _)| *form).collect::<Vec<_>>(),
            [Form::Card, Form::Email, Form::SocialSecurity]
        );
    }

    #[test]
    fn long_texts_take_linear_time() {
        for piece in ["@", "a@", "1", "1-", "a.", "a@b.", "4111 "] {
            let text = piece.repeat(1_000_000);
            find(&text);
        }
        assert_eq!(find(&format!("{}@b.co", "a".repeat(1_000_000))).len(), 1);
    }
}
