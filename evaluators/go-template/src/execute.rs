//! Walks a tree and writes what it says, after `text/template/exec.go`.

use serde_json::{Map, Value as Json};

use crate::evaluate::Scope;
use crate::show;
use crate::tree::{Node, Pipeline};
use crate::value::{Value, sorted};

/// What a template gives for these fields. Errors are texts with the line.
pub fn execute<'a>(nodes: &'a [Node<'a>], fields: &'a Map<String, Json>) -> Result<String, String> {
    let root = Value::Map(fields);
    let mut run = Run { scope: Scope::new(root.clone()), out: String::new() };
    run.walk(&root, nodes)?;
    Ok(run.out)
}

/// How a list of nodes ended.
#[derive(Clone, Copy, PartialEq)]
enum Flow {
    Through,
    Break,
    Continue,
}

struct Run<'a> {
    scope: Scope<'a>,
    out: String,
}

impl<'a> Run<'a> {
    fn walk(&mut self, dot: &Value<'a>, nodes: &'a [Node<'a>]) -> Result<Flow, String> {
        for node in nodes {
            let flow = match node {
                Node::Text(text) => {
                    self.out.push_str(text);
                    Flow::Through
                }
                Node::Action(pipeline) => {
                    let value = self.value(dot, pipeline)?;
                    if pipeline.targets.is_empty() {
                        show::printable(&mut self.out, &value);
                    }
                    Flow::Through
                }
                Node::Choice { rebinds, branches, otherwise } => {
                    let mark = self.scope.mark();
                    let flow = self.choose(dot, *rebinds, branches, otherwise)?;
                    self.scope.pop(mark);
                    flow
                }
                Node::Range { over, body, otherwise } => {
                    let mark = self.scope.mark();
                    let flow = self.range(dot, over, body, otherwise)?;
                    self.scope.pop(mark);
                    flow
                }
                Node::Break => Flow::Break,
                Node::Continue => Flow::Continue,
            };
            if flow != Flow::Through {
                return Ok(flow);
            }
        }
        Ok(Flow::Through)
    }

    fn choose(
        &mut self,
        dot: &Value<'a>,
        rebinds: bool,
        branches: &'a [(Pipeline<'a>, Vec<Node<'a>>)],
        otherwise: &'a [Node<'a>],
    ) -> Result<Flow, String> {
        for (condition, nodes) in branches {
            let value = self.value(dot, condition)?;
            if value.truth() {
                return self.walk(if rebinds { &value } else { dot }, nodes);
            }
        }
        self.walk(dot, otherwise)
    }

    fn range(
        &mut self,
        dot: &Value<'a>,
        over: &'a Pipeline<'a>,
        body: &'a [Node<'a>],
        otherwise: &'a [Node<'a>],
    ) -> Result<Flow, String> {
        let value = self.value(dot, over)?;
        let ran = match &value {
            Value::Missing | Value::Nil => false,
            Value::List(items) => {
                let pairs = (0..).map(Value::Int).zip(items.iter().map(Value::from));
                self.rounds(over, body, pairs)?
            }
            Value::Map(fields) => {
                let pairs = sorted(fields).into_iter().map(|(name, item)| (Value::Text(name.into()), item.into()));
                self.rounds(over, body, pairs)?
            }
            Value::Int(_) | Value::Byte(_) if over.targets.len() > 1 => {
                return Err(at(over, "a range over a number has one variable"));
            }
            Value::Int(count) => self.rounds(over, body, (0..*count).map(|n| (Value::Missing, Value::Int(n))))?,
            Value::Byte(count) => self.rounds(over, body, (0..*count).map(|n| (Value::Missing, Value::Byte(n))))?,
            other => return Err(at(over, &format!("range can't iterate over a {}", other.type_name()))),
        };
        if ran { Ok(Flow::Through) } else { self.walk(dot, otherwise) }
    }

    /// Walks the body for each index and element. Gives whether there was one.
    fn rounds(
        &mut self,
        over: &'a Pipeline<'a>,
        body: &'a [Node<'a>],
        pairs: impl Iterator<Item = (Value<'a>, Value<'a>)>,
    ) -> Result<bool, String> {
        let (mark, mut ran) = (self.scope.mark(), false);
        for (index, element) in pairs {
            ran = true;
            match over.targets.as_slice() {
                [] => {}
                [one] => self.scope.assign(one, element.clone()).map_err(|why| at(over, &why))?,
                [first, second, ..] => {
                    self.scope.assign(first, index).map_err(|why| at(over, &why))?;
                    self.scope.assign(second, element.clone()).map_err(|why| at(over, &why))?;
                }
            }
            let flow = self.walk(&element, body)?;
            self.scope.pop(mark);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(ran)
    }

    /// The value of an action's pipeline; an error gets its line.
    fn value(&mut self, dot: &Value<'a>, pipeline: &'a Pipeline<'a>) -> Result<Value<'a>, String> {
        self.scope.pipeline(dot, pipeline).map_err(|why| at(pipeline, &why))
    }
}

fn at(pipeline: &Pipeline<'_>, why: &str) -> String {
    format!("line {}: {why}", pipeline.line)
}
