//! From tokens to a tree: what stands within an action.

use crate::functions::FUNCTIONS;
use crate::literal;
use crate::parse::Parser;
use crate::shown;
use crate::token::{Lexeme, Token};
use crate::tree::{Command, Operand, Pipeline};

/// Words that begin an action and stand nowhere else.
const KEYWORDS: [&str; 10] = ["block", "break", "continue", "define", "else", "end", "if", "range", "template", "with"];

impl<'t> Parser<'t> {
    /// A pipeline and the delimiter after it: the context `parentheses` ends with one, all else with `}}`.
    pub fn pipeline(&mut self, context: &str) -> Result<Pipeline<'t>, String> {
        let end = if context == "parentheses" { Token::Sign(')') } else { Token::Close };
        let line = self.line();
        let (targets, assigns) = self.targets(context)?;
        let mut commands: Vec<Command<'t>> = Vec::new();
        loop {
            match self.peek() {
                token if *token == end => break,
                token if starts_operand(token) => {
                    let command = self.command()?;
                    if !commands.is_empty() && command.head.is_plain() {
                        return self.fail(&format!("non executable command in pipeline stage {}", commands.len() + 1));
                    }
                    commands.push(command);
                }
                _ => {
                    let token = self.next();
                    return self.unexpected(&token, context);
                }
            }
        }
        self.at += 1;
        match commands.is_empty() {
            true => self.fail(&format!("missing value for {context}")),
            false => Ok(Pipeline { line, targets, assigns, commands }),
        }
    }

    /// `$x :=`, `$x =` and, for a range, `$i, $x :=`.
    fn targets(&mut self, context: &str) -> Result<(Vec<&'t str>, bool), String> {
        let mut targets = Vec::new();
        while let Token::Variable(name) = *self.peek() {
            let follows = &self.tokens[self.at + 1].token;
            let (assigns, declares) = (*follows == Token::Assign, *follows == Token::Declare);
            if !assigns && !declares && *follows != Token::Sign(',') {
                break;
            }
            self.at += 2;
            targets.push(name);
            self.variables.push(name);
            if assigns || declares {
                return Ok((targets, assigns));
            }
            if context != "range" || targets.len() > 1 {
                return self.fail(&format!("too many declarations in {context}"));
            }
            if !matches!(self.peek(), Token::Variable(_) | Token::Close | Token::Sign(')')) {
                return self.fail("range can only initialize variables");
            }
        }
        Ok((targets, false))
    }

    /// Operands with space between them, and the pipe sign after them.
    fn command(&mut self) -> Result<Command<'t>, String> {
        let head = self.operand()?;
        let mut arguments = Vec::new();
        loop {
            let spaced = self.tokens[self.at].spaced;
            match self.peek() {
                Token::Close | Token::Sign(')') => break,
                Token::Sign('|') => {
                    self.at += 1;
                    break;
                }
                token if spaced && starts_operand(token) => arguments.push(self.operand()?),
                _ => {
                    let token = self.next();
                    return self.unexpected(&token, "operand");
                }
            }
        }
        Ok(Command { head, arguments })
    }

    /// A term with the fields that follow it at once.
    fn operand(&mut self) -> Result<Operand<'t>, String> {
        let mut term = self.term()?;
        let mut fields = Vec::new();
        while let Lexeme { token: Token::Field(name), spaced: false, .. } = self.tokens[self.at] {
            fields.push(name);
            self.at += 1;
        }
        if fields.is_empty() {
            return Ok(term);
        }
        match &mut term {
            Operand::Fields(names) | Operand::Variable(_, names) => names.append(&mut fields),
            plain if plain.is_plain() => {
                return self.fail(&format!("unexpected field {} after a constant or dot", shown(fields[0])));
            }
            _ => return Ok(Operand::Chain(Box::new(term), fields)),
        }
        Ok(term)
    }

    fn term(&mut self) -> Result<Operand<'t>, String> {
        let token = self.next();
        let constant = match token {
            Token::Dot => Ok(Operand::Dot),
            Token::Field(name) => Ok(Operand::Fields(vec![name])),
            Token::Word("nil") => Ok(Operand::Nil),
            Token::Word(word @ ("true" | "false")) => Ok(Operand::Bool(word == "true")),
            Token::Word(name) if FUNCTIONS.contains(&name) => Ok(Operand::Function(name)),
            Token::Word(name) => Err(format!("function {} not defined", shown(name))),
            Token::Variable(name) if self.variables.contains(&name) => Ok(Operand::Variable(name, Vec::new())),
            Token::Variable(name) => Err(format!("undefined variable {}", shown(name))),
            Token::Number(text) => literal::number(text),
            Token::Char(text) => literal::character(text),
            Token::Quoted(text) => literal::text(text).map(Operand::Text),
            Token::Raw(text) => Ok(Operand::Text(literal::raw(text))),
            Token::Sign('(') => {
                return self.deeper(|parser| parser.pipeline("parentheses").map(Box::new).map(Operand::Group));
            }
            other => return self.unexpected(&other, "operand"),
        };
        constant.or_else(|why| self.fail(&why))
    }
}

fn starts_operand(token: &Token<'_>) -> bool {
    match token {
        Token::Word(word) => !KEYWORDS.contains(word),
        Token::Field(_) | Token::Dot | Token::Variable(_) | Token::Sign('(') => true,
        Token::Number(_) | Token::Quoted(_) | Token::Raw(_) | Token::Char(_) => true,
        _ => false,
    }
}
