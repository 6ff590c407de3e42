//! What a template is made of before it is understood.

use Token::*;

/// A token and where it stands.
pub struct Lexeme<'t> {
    /// Which.
    pub token: Token<'t>,
    /// From 1.
    pub line: usize,
    /// White space of the action stands before it.
    pub spaced: bool,
}

/// What a template consists of.
#[derive(Clone, Debug, PartialEq)]
pub enum Token<'t> {
    /// Outside of actions.
    Text(&'t str),
    /// `{{`
    Open,
    /// `}}`
    Close,
    /// A keyword, function or constant.
    Word(&'t str),
    /// `.name`, without the dot.
    Field(&'t str),
    /// `.`
    Dot,
    /// `$name`, with the sign.
    Variable(&'t str),
    /// Not read yet.
    Number(&'t str),
    /// With its quotes.
    Quoted(&'t str),
    /// With its backquotes.
    Raw(&'t str),
    /// With its apostrophes.
    Char(&'t str),
    /// `=`
    Assign,
    /// `:=`
    Declare,
    /// Any other sign: `|`, `(`, `)`, `,`.
    Sign(char),
    /// The template's end.
    End,
    /// No token; the last one before the end. Why.
    Bad(String),
}

impl std::fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Text(_) => f.write_str("text"),
            Open => f.write_str("{{"),
            Close => f.write_str("}}"),
            Word(text) | Variable(text) | Number(text) | Quoted(text) | Raw(text) | Char(text) => f.write_str(text),
            Field(name) => write!(f, ".{name}"),
            Dot => f.write_str("."),
            Assign => f.write_str("="),
            Declare => f.write_str(":="),
            Sign(sign) => write!(f, "{sign}"),
            End => f.write_str("end of the template"),
            Bad(why) => f.write_str(why),
        }
    }
}
