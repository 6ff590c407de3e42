//! Values of pipelines, commands and operands.

use crate::functions::{call, check_count};
use crate::shown;
use crate::tree::{Command, Operand, Pipeline};
use crate::value::Value;

/// The variables in sight, innermost last.
pub struct Scope<'a> {
    variables: Vec<(&'a str, Value<'a>)>,
}

impl<'a> Scope<'a> {
    /// One with `$`.
    pub fn new(root: Value<'a>) -> Self {
        Scope { variables: vec![("$", root)] }
    }

    /// What [`pop`](Self::pop) needs at the end of a block.
    pub fn mark(&self) -> usize {
        self.variables.len()
    }

    /// Forgets the variables that came after the mark.
    pub fn pop(&mut self, mark: usize) {
        self.variables.truncate(mark);
    }

    /// The value of a pipeline, which its variables get.
    pub fn pipeline(&mut self, dot: &Value<'a>, pipeline: &'a Pipeline<'a>) -> Result<Value<'a>, String> {
        let mut value = None;
        for command in &pipeline.commands {
            value = Some(self.command(dot, command, value)?.piped());
        }
        let value = value.unwrap_or(Value::Missing);
        for name in &pipeline.targets {
            match pipeline.assigns {
                true => self.assign(name, value.clone())?,
                false => self.variables.push((name, value.clone())),
            }
        }
        Ok(value)
    }

    fn command(
        &mut self,
        dot: &Value<'a>,
        command: &'a Command<'a>,
        piped: Option<Value<'a>>,
    ) -> Result<Value<'a>, String> {
        let given = !command.arguments.is_empty() || piped.is_some();
        match &command.head {
            Operand::Function(name) => self.call(dot, name, &command.arguments, piped),
            Operand::Fields(names) => dot.clone().fields(names, given),
            Operand::Variable(name, names) if !names.is_empty() => self.variable(name)?.fields(names, given),
            Operand::Chain(base, names) => self.argument(dot, base)?.fields(names, given),
            Operand::Nil => Err("nil is not a command".to_owned()),
            _ if given => Err("can't give an argument to what is no function".to_owned()),
            head => self.argument(dot, head),
        }
    }

    /// The value of a word.
    fn argument(&mut self, dot: &Value<'a>, operand: &'a Operand<'a>) -> Result<Value<'a>, String> {
        match operand {
            Operand::Dot => Ok(dot.clone()),
            Operand::Nil => Ok(Value::Missing),
            Operand::Bool(value) => Ok(Value::Bool(*value)),
            Operand::Int(value) => Ok(Value::Int(*value)),
            Operand::Float(value) => Ok(Value::Float(*value)),
            Operand::Text(text) => Ok(Value::Text(text.as_ref().into())),
            Operand::Fields(names) => dot.clone().fields(names, false),
            Operand::Variable(name, names) => self.variable(name)?.fields(names, false),
            Operand::Function(name) => self.call(dot, name, &[], None),
            Operand::Group(pipeline) => self.pipeline(dot, pipeline),
            Operand::Chain(base, names) => self.argument(dot, base)?.fields(names, false),
        }
    }

    fn call(
        &mut self,
        dot: &Value<'a>,
        name: &str,
        operands: &'a [Operand<'a>],
        piped: Option<Value<'a>>,
    ) -> Result<Value<'a>, String> {
        check_count(name, operands.len() + usize::from(piped.is_some()))?;
        let mut arguments = Vec::with_capacity(operands.len() + 1);
        for operand in operands {
            let value = self.argument(dot, operand)?;
            if matches!(name, "and" | "or") && value.truth() == (name == "or") {
                return Ok(value);
            }
            arguments.push(value);
        }
        arguments.extend(piped);
        call(name, arguments).map_err(|why| format!("{name}: {why}"))
    }

    fn variable(&self, name: &str) -> Result<Value<'a>, String> {
        let found = self.variables.iter().rev().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.clone()).ok_or_else(|| format!("undefined variable {}", shown(name)))
    }

    /// Sets the innermost variable of this name.
    pub fn assign(&mut self, name: &str, value: Value<'a>) -> Result<(), String> {
        let found = self.variables.iter_mut().rev().find(|(known, _)| *known == name);
        found.map(|(_, old)| *old = value).ok_or_else(|| format!("undefined variable {}", shown(name)))
    }
}
