//! A verb of `printf` with its flags, and how these fill a text up.

use crate::shown;

/// Largest width and precision.
const WIDEST: usize = 10_000;

/// What stands between `%` and the end of a verb.
#[derive(Clone)]
pub struct Verb {
    /// Which one.
    pub letter: char,
    /// Least number of characters.
    pub width: usize,
    /// What follows the point.
    pub precision: Option<usize>,
    /// `-`: fills on the right.
    pub minus: bool,
    /// `+`: a sign before each number.
    pub plus: bool,
    /// `0`: fills with zeros.
    pub zero: bool,
    /// A space where a number has no sign.
    pub space: bool,
}

impl Verb {
    /// A verb without flags.
    pub fn plain(letter: char) -> Self {
        Verb { letter, width: 0, precision: None, minus: false, plus: false, zero: false, space: false }
    }

    /// `text`, filled up to the width.
    pub fn pad(&self, out: &mut String, text: &str) {
        let missing = self.width.saturating_sub(text.chars().count());
        let filling = if self.zero && !self.minus { "0" } else { " " }.repeat(missing);
        let parts = if self.minus { [text, &filling] } else { [&filling, text] };
        out.extend(parts);
    }

    /// A number, filled up to the width: zeros go between its sign and digits.
    pub fn pad_number(&self, out: &mut String, sign: &str, digits: &str) {
        let missing = self.width.saturating_sub(sign.len() + digits.len());
        match self.zero && !self.minus {
            true => out.extend([sign, &"0".repeat(missing), digits]),
            false => Verb { zero: false, ..self.clone() }.pad(out, &format!("{sign}{digits}")),
        }
    }

    /// What goes before the digits of a number.
    pub fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        }
    }

    /// `text` up to the precision.
    pub fn cut<'t>(&self, text: &'t str) -> &'t str {
        let end = self.precision.and_then(|most| text.char_indices().nth(most));
        end.map_or(text, |(end, _)| &text[..end])
    }
}

/// Reads what follows `%`. No verb if the format ends before it.
pub fn read(directive: &str) -> Result<(Option<Verb>, &str), String> {
    let mut verb = Verb::plain('v');
    let unflagged = directive.trim_start_matches(['-', '+', '0', ' ']);
    for flag in directive[..directive.len() - unflagged.len()].chars() {
        match flag {
            '-' => verb.minus = true,
            '+' => verb.plus = true,
            '0' => verb.zero = true,
            _ => verb.space = true,
        }
    }
    let (width, mut rest) = number(unflagged)?;
    verb.width = width.unwrap_or(0);
    if rest.len() > 1 && rest.starts_with('.') {
        let (precision, after) = number(&rest[1..])?;
        (verb.precision, rest) = (Some(precision.unwrap_or(0)), after);
    }
    let Some(letter) = rest.chars().next() else { return Ok((None, rest)) };
    let spelled = &directive[..directive.len() - rest.len()];
    let unsupported = matches!(letter, '#' | '*' | '[' | 'p' | 'U' | 'w') || {
        (verb.plus && letter == 'q') || (verb.space && matches!(letter, 'x' | 'X'))
    };
    if unsupported {
        return Err(format!("{} is not supported", shown(&format!("%{spelled}{letter}"))));
    }
    verb.letter = letter;
    // To `v` it means names of fields, which no value has.
    verb.plus &= letter != 'v';
    Ok((Some(verb), &rest[letter.len_utf8()..]))
}

/// The number at the start of `text`, if there is one, and the rest.
fn number(text: &str) -> Result<(Option<usize>, &str), String> {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = &text[..text.len() - rest.len()];
    match digits.parse::<usize>() {
        _ if digits.is_empty() => Ok((None, rest)),
        Ok(number) if number <= WIDEST => Ok((Some(number), rest)),
        _ => Err(format!("a width or precision over {WIDEST} is not supported: {}", shown(digits))),
    }
}
