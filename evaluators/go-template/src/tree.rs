//! What a parsed template is made of. Borrows from the template's text.

use std::borrow::Cow;

/// A piece of a template.
pub enum Node<'t> {
    /// Goes to the output as it is.
    Text(&'t str),
    /// `{{pipeline}}`: prints its value, or sets variables.
    Action(Pipeline<'t>),
    /// `{{if}}` or `{{with}}` with all its `{{else if}}` or `{{else with}}`.
    Choice {
        /// `with`: the value becomes the dot.
        rebinds: bool,
        /// Conditions and what they guard, in order.
        branches: Vec<(Pipeline<'t>, Vec<Node<'t>>)>,
        /// What is left if none holds.
        otherwise: Vec<Node<'t>>,
    },
    /// `{{range}}`.
    Range {
        /// What to go through.
        over: Pipeline<'t>,
        /// Once for each element.
        body: Vec<Node<'t>>,
        /// For nothing to go through.
        otherwise: Vec<Node<'t>>,
    },
    /// `{{break}}`.
    Break,
    /// `{{continue}}`.
    Continue,
}

/// `$x := a | b | c`.
pub struct Pipeline<'t> {
    /// Where it starts, from 1.
    pub line: usize,
    /// Variables that get the value, with their `$`.
    pub targets: Vec<&'t str>,
    /// `=` instead of `:=`.
    pub assigns: bool,
    /// Never empty; the value of each is the last argument of the next.
    pub commands: Vec<Command<'t>>,
}

/// Operands between two pipe signs.
pub struct Command<'t> {
    /// What is called or read.
    pub head: Operand<'t>,
    /// Its arguments.
    pub arguments: Vec<Operand<'t>>,
}

/// A word of a command.
pub enum Operand<'t> {
    /// `.`
    Dot,
    /// `nil`
    Nil,
    /// `true`
    Bool(bool),
    /// `5`, `0x1f`, `'a'`
    Int(i64),
    /// `5.0`
    Float(f64),
    /// `"text"` or text between backquotes.
    Text(Cow<'t, str>),
    /// `.a.b`
    Fields(Vec<&'t str>),
    /// `$x.a.b`
    Variable(&'t str, Vec<&'t str>),
    /// One of [`FUNCTIONS`](crate::functions::FUNCTIONS).
    Function(&'t str),
    /// `(pipeline)`
    Group(Box<Pipeline<'t>>),
    /// `(pipeline).a.b`
    Chain(Box<Operand<'t>>, Vec<&'t str>),
}

impl Operand<'_> {
    /// A constant or the dot: nothing that takes arguments, a piped value or fields.
    pub fn is_plain(&self) -> bool {
        matches!(
            self,
            Operand::Dot | Operand::Nil | Operand::Bool(_) | Operand::Int(_) | Operand::Float(_) | Operand::Text(_)
        )
    }
}
