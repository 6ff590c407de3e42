//! From tokens to a tree, after `text/template/parse`: blocks and text. Errors are texts with the line.

use crate::lex::lex;
use crate::shown;
use crate::token::{Lexeme, Token};
use crate::tree::Node;

/// Blocks and parentheses within each other; the interpreter's stack has room for many more.
const MOST_NESTED: usize = 100;

/// Parses a whole template.
pub fn parse(template: &str) -> Result<Vec<Node<'_>>, String> {
    let tokens = lex(template);
    let mut parser = Parser { tokens, at: 0, variables: vec!["$"], ranges: 0, nested: 0 };
    let (nodes, ending) = parser.list()?;
    match ending {
        Ending::Template => Ok(nodes),
        Ending::End => parser.fail("unexpected {{end}}"),
        Ending::Else => parser.fail("unexpected {{else}}"),
    }
}

/// What a list of nodes ends with.
#[derive(PartialEq)]
enum Ending {
    Template,
    End,
    /// A chained `if` or `with`, or the closing delimiter, is the next token.
    Else,
}

/// Where in a template the parser is.
pub struct Parser<'t> {
    /// The last one is [`Token::End`].
    pub tokens: Vec<Lexeme<'t>>,
    /// The next one.
    pub at: usize,
    /// Those that are in sight.
    pub variables: Vec<&'t str>,
    /// `range` blocks around.
    ranges: usize,
    /// Blocks and parentheses around.
    nested: usize,
}

impl<'t> Parser<'t> {
    /// Text and actions up to the end of the block or template.
    fn list(&mut self) -> Result<(Vec<Node<'t>>, Ending), String> {
        let mut nodes = Vec::new();
        loop {
            let line = self.line();
            match self.next() {
                Token::Text(text) => nodes.push(Node::Text(text)),
                Token::End => return Ok((nodes, Ending::Template)),
                Token::Open => match self.peek() {
                    Token::Word("end") => {
                        self.at += 1;
                        self.close("end")?;
                        return Ok((nodes, Ending::End));
                    }
                    Token::Word("else") => {
                        self.at += 1;
                        return Ok((nodes, Ending::Else));
                    }
                    _ => nodes.push(self.action(line)?),
                },
                other => return self.unexpected(&other, "input"),
            }
        }
    }

    fn action(&mut self, line: usize) -> Result<Node<'t>, String> {
        let Token::Word(word) = *self.peek() else { return self.pipeline("command").map(Node::Action) };
        match word {
            "if" | "with" | "range" => {
                self.at += 1;
                self.deeper(|parser| match word {
                    "range" => parser.range(line),
                    word => parser.choice(word, line),
                })
            }
            "break" | "continue" => {
                self.at += 1;
                self.close(word)?;
                match self.ranges {
                    0 => self.fail(&format!("{{{{{word}}}}} outside {{{{range}}}}")),
                    _ => Ok(if word == "break" { Node::Break } else { Node::Continue }),
                }
            }
            "define" | "template" | "block" => {
                self.fail(&format!("{word:?} is not supported: put its text in its place, once each time"))
            }
            _ => self.pipeline("command").map(Node::Action),
        }
    }

    fn choice(&mut self, word: &'t str, line: usize) -> Result<Node<'t>, String> {
        let (mark, mut branches, mut otherwise) = (self.variables.len(), Vec::new(), Vec::new());
        loop {
            let condition = self.pipeline(word)?;
            let (nodes, ending) = self.list()?;
            branches.push((condition, nodes));
            match ending {
                Ending::End => break,
                Ending::Else if *self.peek() == Token::Word(word) => self.at += 1,
                Ending::Else => {
                    otherwise = self.last_list(word, line)?;
                    break;
                }
                Ending::Template => return self.unclosed(word, line),
            }
        }
        self.variables.truncate(mark);
        Ok(Node::Choice { rebinds: word == "with", branches, otherwise })
    }

    fn range(&mut self, line: usize) -> Result<Node<'t>, String> {
        let mark = self.variables.len();
        let over = self.pipeline("range")?;
        self.ranges += 1;
        let (body, ending) = self.list()?;
        self.ranges -= 1;
        let otherwise = match ending {
            Ending::End => Vec::new(),
            Ending::Else => self.last_list("range", line)?,
            Ending::Template => return self.unclosed("range", line),
        };
        self.variables.truncate(mark);
        Ok(Node::Range { over, body, otherwise })
    }

    /// What stands between a block's `{{else}}` and its end.
    fn last_list(&mut self, word: &str, line: usize) -> Result<Vec<Node<'t>>, String> {
        self.close("else")?;
        match self.list()? {
            (nodes, Ending::End) => Ok(nodes),
            (_, Ending::Else) => self.fail("expected end; found {{else}}"),
            (_, Ending::Template) => self.unclosed(word, line),
        }
    }

    /// One level further in, if there may be one.
    pub fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        if self.nested == MOST_NESTED {
            return self.fail(&format!("more than {MOST_NESTED} blocks and parentheses within each other"));
        }
        self.nested += 1;
        let result = inner(self);
        self.nested -= 1;
        result
    }

    /// The next token.
    pub fn peek(&self) -> &Token<'t> {
        &self.tokens[self.at].token
    }

    /// The line of the next token.
    pub fn line(&self) -> usize {
        self.tokens[self.at].line
    }

    /// Takes the next token; the last one again and again.
    pub fn next(&mut self) -> Token<'t> {
        let token = self.peek().clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    fn close(&mut self, context: &str) -> Result<(), String> {
        match self.next() {
            Token::Close => Ok(()),
            other => self.unexpected(&other, context),
        }
    }

    fn unclosed<T>(&self, word: &str, line: usize) -> Result<T, String> {
        Err(format!("line {line}: {{{{{word}}}}} has no {{{{end}}}}"))
    }

    /// An error for a token that may not stand in `context`.
    pub fn unexpected<T>(&self, token: &Token<'t>, context: &str) -> Result<T, String> {
        match token {
            Token::Bad(why) => self.fail(why),
            other => self.fail(&format!("unexpected {} in {context}", shown(&other.to_string()))),
        }
    }

    /// An error at the token that was read last.
    pub fn fail<T>(&self, why: &str) -> Result<T, String> {
        Err(format!("line {}: {why}", self.tokens[self.at.saturating_sub(1)].line))
    }
}
