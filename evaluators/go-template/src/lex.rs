//! Cuts a template into tokens, as `text/template/parse` does: trim markers and comments are gone afterwards.

use crate::shown;
use crate::token::Lexeme;
use crate::token::Token::{self, *};

/// All tokens. The last is [`Token::End`].
pub fn lex(template: &str) -> Vec<Lexeme<'_>> {
    let mut lexer = Lexer { rest: template, line: 1, found: Vec::new() };
    if let Err(why) = lexer.text() {
        lexer.found.push(Lexeme { token: Bad(why), line: lexer.line, spaced: false });
    }
    lexer.found.push(Lexeme { token: End, line: lexer.line, spaced: false });
    lexer.found
}

struct Lexer<'t> {
    rest: &'t str,
    line: usize,
    found: Vec<Lexeme<'t>>,
}

impl<'t> Lexer<'t> {
    /// Text and actions to the end.
    fn text(&mut self) -> Result<(), String> {
        while let Some(at) = self.rest.find("{{") {
            let text = &self.rest[..at];
            let trims = self.rest[at + 2..].strip_prefix('-').is_some_and(|rest| rest.starts_with(is_space));
            self.push_text(if trims { text.trim_end_matches(is_space) } else { text });
            self.take(at);
            let marker = if trims { 4 } else { 2 };
            if self.rest[marker..].starts_with("/*") {
                self.take(marker);
                self.comment()?;
            } else {
                self.push(2, Open, false);
                self.take(marker - 2);
                self.action()?;
            }
        }
        self.push_text(self.rest);
        self.take(self.rest.len());
        Ok(())
    }

    fn push_text(&mut self, text: &'t str) {
        if !text.is_empty() {
            self.found.push(Lexeme { token: Text(text), line: self.line, spaced: false });
        }
    }

    fn comment(&mut self) -> Result<(), String> {
        let end = self.rest[2..].find("*/").ok_or("unclosed comment")?;
        self.take(2 + end + 2);
        match self.closes() {
            Some(length) => {
                self.close(length);
                Ok(())
            }
            None => Err("comment ends before closing delimiter".to_owned()),
        }
    }

    /// Length of the closing delimiter that comes next, with its trim marker.
    fn closes(&self) -> Option<usize> {
        let marked = self.rest.starts_with(is_space) && self.rest[1..].starts_with("-}}");
        if marked { Some(4) } else { self.rest.starts_with("}}").then_some(2) }
    }

    /// Steps over a closing delimiter and what its marker trims.
    fn close(&mut self, length: usize) {
        self.take(length);
        if length == 4 {
            self.take(self.rest.len() - self.rest.trim_start_matches(is_space).len());
        }
    }

    /// What follows `{{`, to its end.
    fn action(&mut self) -> Result<(), String> {
        let mut spaced = false;
        loop {
            if let Some(length) = self.closes() {
                self.push(0, Close, spaced);
                self.close(length);
                return Ok(());
            }
            let next = self.rest.chars().next().ok_or("unclosed action")?;
            if is_space(next) {
                self.take(1);
                spaced = true;
                continue;
            }
            let (length, token) = self.token(next)?;
            self.push(length, token, spaced);
            spaced = false;
        }
    }

    /// The token that starts with `first`, and its length.
    fn token(&self, first: char) -> Result<(usize, Token<'t>), String> {
        let rest = self.rest;
        let digit_follows = rest[first.len_utf8()..].starts_with(|c: char| c.is_ascii_digit());
        Ok(match first {
            '=' => (1, Assign),
            ':' if rest.starts_with(":=") => (2, Declare),
            ':' => return Err("expected :=".to_owned()),
            '"' => self.quoted('"', "unterminated quoted string").map(|text| (text.len(), Quoted(text)))?,
            '\'' => self.quoted('\'', "unterminated character constant").map(|text| (text.len(), Char(text)))?,
            '`' => {
                let end = rest[1..].find('`').ok_or("unterminated raw quoted string")? + 2;
                (end, Raw(&rest[..end]))
            }
            '$' => self.name(1).map(|end| (end, Variable(&rest[..end])))?,
            '.' if !digit_follows => match self.name(1)? {
                1 => (1, Dot),
                end => (end, Field(&rest[1..end])),
            },
            '.' | '+' | '-' | '0'..='9' => self.number().map(|text| (text.len(), Number(text)))?,
            _ if is_alphanumeric(first) => self.name(0).map(|end| (end, Word(&rest[..end])))?,
            ' '..='~' => (1, Sign(first)),
            _ => return Err(format!("unrecognized character in action: {first:?}")),
        })
    }

    /// Where the name that starts at `from` ends. Only some signs may follow.
    fn name(&self, from: usize) -> Result<usize, String> {
        let rest = &self.rest[from..];
        let end = rest.find(|c| !is_alphanumeric(c)).unwrap_or(rest.len());
        match rest[end..].chars().next() {
            Some(next) if !is_space(next) && !".,|:()".contains(next) && !rest[end..].starts_with("}}") => {
                Err(format!("bad character {next:?}"))
            }
            _ => Ok(from + end),
        }
    }

    fn quoted(&self, quote: char, unterminated: &str) -> Result<&'t str, String> {
        let mut escaped = false;
        for (at, c) in self.rest.char_indices().skip(1) {
            match c {
                '\n' => break,
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                _ if c == quote => return Ok(&self.rest[..=at]),
                _ => {}
            }
        }
        Err(unterminated.to_owned())
    }

    /// All that a number may consist of; whether it is one is seen when it is read.
    fn number(&self) -> Result<&'t str, String> {
        let unsigned = self.rest.strip_prefix(['+', '-']).unwrap_or(self.rest);
        let exponents = if unsigned.starts_with("0x") || unsigned.starts_with("0X") { ['p', 'P'] } else { ['e', 'E'] };
        let mut previous = ' ';
        let end = unsigned.find(|c| {
            let signs_exponent = matches!(c, '+' | '-') && exponents.contains(&previous);
            previous = c;
            !(is_alphanumeric(c) || c == '.' || signs_exponent)
        });
        let left = unsigned.len() - end.unwrap_or(unsigned.len());
        let (text, next) = self.rest.split_at(self.rest.len() - left);
        match next.starts_with(['+', '-']) {
            true => Err(format!("bad number syntax: {}", shown(text))),
            false => Ok(text),
        }
    }

    /// A token of the next `length` bytes.
    fn push(&mut self, length: usize, token: Token<'t>, spaced: bool) {
        self.found.push(Lexeme { token, line: self.line, spaced });
        self.take(length);
    }

    fn take(&mut self, length: usize) {
        let (taken, rest) = self.rest.split_at(length);
        self.line += taken.bytes().filter(|byte| *byte == b'\n').count();
        self.rest = rest;
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_alphanumeric(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}
