//! Which fields of the object a template reads, told without running it.

use std::collections::BTreeSet;

use crate::tree::{Command, Node, Operand, Pipeline};

/// Names of top-level fields that are read anywhere, sorted. The dot is the object itself outside of `with` and
/// `range`; `$` and variables that are set to either are it too, unless set to something else.
pub fn top_level(nodes: &[Node<'_>]) -> Vec<String> {
    let mut reader = Reader { names: BTreeSet::new(), variables: vec![("$", true)] };
    reader.nodes(true, nodes);
    reader.names.into_iter().map(str::to_owned).collect()
}

struct Reader<'a> {
    names: BTreeSet<&'a str>,
    /// Variables, innermost last, and whether each is the object.
    variables: Vec<(&'a str, bool)>,
}

impl<'a> Reader<'a> {
    /// `root` says whether the dot is the object.
    fn nodes(&mut self, root: bool, nodes: &'a [Node<'a>]) {
        for node in nodes {
            match node {
                Node::Action(pipeline) => {
                    self.pipeline(root, pipeline);
                }
                Node::Choice { rebinds, branches, otherwise } => {
                    let mark = self.variables.len();
                    for (condition, nodes) in branches {
                        let value = self.pipeline(root, condition);
                        self.nodes(if *rebinds { value } else { root }, nodes);
                    }
                    self.nodes(root, otherwise);
                    self.variables.truncate(mark);
                }
                Node::Range { over, body, otherwise } => {
                    let mark = self.variables.len();
                    self.pipeline(root, over);
                    let names = over.targets.iter().map(|name| (*name, false));
                    self.variables.extend(names);
                    self.nodes(false, body);
                    self.nodes(root, otherwise);
                    self.variables.truncate(mark);
                }
                Node::Text(_) | Node::Break | Node::Continue => {}
            }
        }
    }

    /// Whether the pipeline's value is the object.
    fn pipeline(&mut self, root: bool, pipeline: &'a Pipeline<'a>) -> bool {
        let mut value = false;
        for command in &pipeline.commands {
            value = self.command(root, command) && pipeline.commands.len() == 1;
        }
        for name in &pipeline.targets {
            let known = self.variables.iter_mut().rev().find(|(known, _)| known == name);
            match known {
                // It may or may not run: both stay possible.
                Some((_, old)) if pipeline.assigns => *old |= value,
                _ => self.variables.push((name, value)),
            }
        }
        value
    }

    fn command(&mut self, root: bool, command: &'a Command<'a>) -> bool {
        let head = self.operand(root, &command.head);
        let arguments: Vec<bool> = command.arguments.iter().map(|operand| self.operand(root, operand)).collect();
        if let (Operand::Function("index"), [true, ..], Some(Operand::Text(name))) =
            (&command.head, arguments.as_slice(), command.arguments.get(1))
        {
            self.names.insert(name.as_ref());
        }
        head && arguments.is_empty()
    }

    /// Whether the operand's value is the object.
    fn operand(&mut self, root: bool, operand: &'a Operand<'a>) -> bool {
        let (base, fields) = match operand {
            Operand::Dot => (root, [].as_slice()),
            Operand::Fields(fields) => (root, fields.as_slice()),
            Operand::Variable(name, fields) => {
                let known = self.variables.iter().rev().find(|(known, _)| known == name);
                (known.is_some_and(|(_, root)| *root), fields.as_slice())
            }
            Operand::Group(pipeline) => (self.pipeline(root, pipeline), [].as_slice()),
            Operand::Chain(base, fields) => (self.operand(root, base), fields.as_slice()),
            _ => (false, [].as_slice()),
        };
        match fields.first() {
            Some(first) if base => {
                self.names.insert(first);
                false
            }
            Some(_) => false,
            None => base,
        }
    }
}
