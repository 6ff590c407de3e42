//! Constants as Go writes them: the text of a token becomes its value.

use std::borrow::Cow;

use crate::shown;
use crate::tree::Operand;

/// An integer of any base or a decimal float. What looks like an integer is an `int`, as in Go.
pub fn number<'t>(text: &str) -> Result<Operand<'t>, String> {
    let illegal = || format!("illegal number syntax: {}", shown(text));
    let (sign, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => (&text[..1], digits),
        None => ("", text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', b'0'..=b'9' | b'_', ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    let prefixed = radix != 10;
    let plain = separated(digits, radix, prefixed).ok_or_else(illegal)?;
    let whole = !plain.is_empty() && plain.chars().all(|c| c.is_digit(radix));
    if whole {
        let value = i64::from_str_radix(&format!("{sign}{plain}"), radix);
        return value.map(Operand::Int).map_err(|_| format!("integer overflow: {}", shown(text)));
    }
    // A leading zero means nothing in a float.
    let decimal = plain.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    let pointed = plain.contains(['.', 'e', 'E']);
    if !decimal || !pointed || (prefixed && text.contains(['x', 'X', 'o', 'O', 'b', 'B'])) {
        return Err(illegal());
    }
    match format!("{sign}{plain}").parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Operand::Float(value)),
        _ => Err(illegal()),
    }
}

/// Without the underscores; none if one does not stand between digits.
fn separated(digits: &str, radix: u32, prefixed: bool) -> Option<String> {
    let mut previous = if prefixed { '0' } else { '_' };
    let mut letters = digits.chars().peekable();
    let mut plain = String::with_capacity(digits.len());
    while let Some(letter) = letters.next() {
        let digit_follows = letters.peek().is_some_and(|next| next.is_digit(radix));
        match letter {
            '_' if previous.is_digit(radix) && digit_follows => {}
            '_' => return None,
            other => plain.push(other),
        }
        previous = letter;
    }
    Some(plain)
}

/// The character between apostrophes, as Go's `int`.
pub fn character<'t>(quoted: &str) -> Result<Operand<'t>, String> {
    let malformed = || format!("malformed character constant: {}", shown(quoted));
    let inner = &quoted[1..quoted.len() - 1];
    let (code, rest) = match inner.strip_prefix('\\') {
        Some(escape) => unescape(escape, '\'').map(|(part, rest)| (part.code(), rest)),
        None => inner.chars().next().map(|c| (u32::from(c), &inner[c.len_utf8()..])),
    }
    .ok_or_else(malformed)?;
    if rest.is_empty() { Ok(Operand::Int(code.into())) } else { Err(malformed()) }
}

/// Text between backquotes: as it is, without carriage returns.
pub fn raw(quoted: &str) -> Cow<'_, str> {
    let inner = &quoted[1..quoted.len() - 1];
    if inner.contains('\r') { Cow::Owned(inner.replace('\r', "")) } else { Cow::Borrowed(inner) }
}

/// Text between quotes, with its escapes resolved.
pub fn text(quoted: &str) -> Result<Cow<'_, str>, String> {
    let mut rest = &quoted[1..quoted.len() - 1];
    if !rest.contains('\\') {
        return Ok(Cow::Borrowed(rest));
    }
    let mut bytes = Vec::with_capacity(rest.len());
    while let Some((before, escape)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let (part, after) = unescape(escape, '"').ok_or_else(|| format!("invalid escape in {}", shown(quoted)))?;
        match part {
            Part::Byte(byte) => bytes.push(byte),
            Part::Char(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        rest = after;
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| format!("not UTF-8: {}", shown(quoted)))
}

/// What an escape stands for: `\x` and octal ones name bytes.
enum Part {
    Byte(u8),
    Char(char),
}

impl Part {
    fn code(&self) -> u32 {
        match self {
            Part::Byte(byte) => (*byte).into(),
            Part::Char(c) => (*c).into(),
        }
    }
}

/// Reads what follows a backslash. Gives the rest too; none if Go knows no such escape.
fn unescape(escape: &str, quote: char) -> Option<(Part, &str)> {
    let kind = escape.chars().next()?;
    let simple = |c| Some((Part::Char(c), &escape[1..]));
    let digits = |from: usize, length: usize, radix| {
        let digits = escape.get(from..from + length).filter(|text| text.chars().all(|c| c.is_digit(radix)))?;
        Some((u32::from_str_radix(digits, radix).ok()?, &escape[from + length..]))
    };
    match kind {
        'a' => simple('\u{7}'),
        'b' => simple('\u{8}'),
        'f' => simple('\u{c}'),
        'n' => simple('\n'),
        'r' => simple('\r'),
        't' => simple('\t'),
        'v' => simple('\u{b}'),
        '\\' => simple('\\'),
        _ if kind == quote => simple(kind),
        'x' => digits(1, 2, 16).and_then(|(code, rest)| Some((Part::Byte(u8::try_from(code).ok()?), rest))),
        '0'..='7' => digits(0, 3, 8).and_then(|(code, rest)| Some((Part::Byte(u8::try_from(code).ok()?), rest))),
        'u' => digits(1, 4, 16).and_then(|(code, rest)| Some((Part::Char(char::from_u32(code)?), rest))),
        'U' => digits(1, 8, 16).and_then(|(code, rest)| Some((Part::Char(char::from_u32(code)?), rest))),
        _ => None,
    }
}
