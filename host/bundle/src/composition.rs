//! `spec.compositions`: graphs of steps that answer a turn in place of one prompt.

mod look;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::report::Report;
use crate::yaml::{Cursor, Data};

/// Most parallel steps inside each other.
const DEPTH: usize = 8;
/// Rounds of an agent step that does not say, and most of one that does.
const AGENT_STEPS: u32 = 10;
const MOST_STEPS: u32 = 1000;

/// One graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Composition {
    /// In the order in which they run.
    pub steps: Vec<Step>,
    /// The step whose output is the answer; none for the last one that put something out.
    pub output: Option<String>,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What others refer to it by.
    pub id: String,
    /// Steps before it. If there are some and all are left out, so is this one.
    pub depends_on: Vec<String>,
    /// What it is given: any JSON, in which texts of the form `${step.output.field}` stand for outputs.
    pub input: Value,
    /// Whether its answer is read as JSON; where it is none, it is a text.
    pub structured: bool,
    /// What it does.
    pub kind: StepKind,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub enum StepKind {
    /// One question under a prompt.
    Prompt {
        /// The prompt's task type.
        task: String,
    },
    /// A conversation with tools under a prompt.
    Agent {
        /// The prompt's task type.
        task: String,
        /// What the model is told of, of what its prompt allows; none if the step says nothing of it.
        tools: Option<Vec<String>>,
        /// Most rounds.
        max_steps: u32,
        /// Ends once this tool was called.
        until_tool: Option<String>,
    },
    /// A call of a tool; its input is the arguments.
    Tool {
        /// Name.
        tool: String,
    },
    /// Chooses one of two steps; the other does not run.
    Branch {
        /// The question.
        predicate: Predicate,
        /// If it holds.
        then: String,
        /// If not.
        otherwise: Option<String>,
    },
    /// Steps that do not depend on each other.
    Parallel {
        /// The steps.
        branches: Vec<Step>,
        /// Name of their joint output within the step's own.
        into: String,
        /// How their outputs become one.
        reduce: Reduce,
    },
}

/// How the outputs of branches become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduce {
    /// A list.
    Append,
    /// The last one.
    Replace,
    /// A mapping by id.
    Barrier,
}

const STRATEGIES: [(&str, Reduce); 3] =
    [("append", Reduce::Append), ("replace", Reduce::Replace), ("barrier", Reduce::Barrier)];

impl Reduce {
    /// The joint output of branches, from theirs in their order. One that did not run is null in a list and a mapping.
    pub fn join(self, outputs: impl DoubleEndedIterator<Item = (String, Option<Value>)>) -> Value {
        match self {
            Self::Append => Value::Array(outputs.map(|(_, output)| output.unwrap_or_default()).collect()),
            Self::Replace => outputs.rev().find_map(|(_, output)| output).unwrap_or_default(),
            Self::Barrier => Value::Object(outputs.map(|(id, output)| (id, output.unwrap_or_default())).collect()),
        }
    }
}

/// A question about outputs.
#[derive(Clone, Debug, PartialEq)]
pub enum Predicate {
    /// Compares what stands at a path with a value.
    Compare {
        /// As `${step.output.field}`.
        path: String,
        /// How.
        op: Comparison,
        /// With what.
        value: Value,
    },
    /// Whether there is something at the path.
    Exists {
        /// As `${step.output.field}`.
        path: String,
        /// What is wanted.
        wanted: bool,
    },
    /// Every one holds.
    All(Vec<Predicate>),
    /// At least one holds.
    Any(Vec<Predicate>),
    /// It does not hold.
    Not(Box<Predicate>),
}

/// How values compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Comparison {
    Equals,
    NotEquals,
    In,
    NotIn,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    /// What it compares with, if the value is something else.
    pub fn wants(self, value: &Value) -> Option<&'static str> {
        match self {
            Self::Equals | Self::NotEquals => None,
            Self::In | Self::NotIn => (!value.is_array()).then_some("a list"),
            Self::Less | Self::LessOrEqual | Self::Greater | Self::GreaterOrEqual => {
                (!value.is_number()).then_some("a number")
            }
        }
    }
}

const OPERATORS: [(&str, Comparison); 8] = [
    ("equals", Comparison::Equals),
    ("not_equals", Comparison::NotEquals),
    ("in", Comparison::In),
    ("not_in", Comparison::NotIn),
    ("less_than", Comparison::Less),
    ("less_than_or_equals", Comparison::LessOrEqual),
    ("greater_than", Comparison::Greater),
    ("greater_than_or_equals", Comparison::GreaterOrEqual),
];

impl Composition {
    /// Reads all of `spec.compositions`. One that cannot be run is reported as a warning and kept with its error: the
    /// cases that come to it end in it.
    pub(crate) fn decode_all(list: &Cursor<'_>, report: &mut Report) -> BTreeMap<String, Result<Self, String>> {
        let decode = |(name, it): (&str, Cursor<'_>)| {
            report.lenient(|report| look::hold(&it, report));
            let composition = Self::decode(&it);
            let mut tell = |(at, why): &(String, String), hint| {
                let mut problem = it.error("CompositionInvalid", format!("{at}: {why}")).defect();
                problem.path = format!("{}.{at}", problem.path);
                report.push(problem.hint(hint));
            };
            match &composition {
                Err(wrong) => tell(wrong, "each case that comes to this composition ends in this error"),
                // As in the original runner it runs all the same, as far as it comes.
                Ok(composition) => {
                    let wrong = composition.look();
                    wrong
                        .iter()
                        .for_each(|wrong| tell(wrong, "a case that comes to it is an error, or goes another way"));
                }
            }
            (name.to_owned(), composition.map_err(|(at, why)| format!("{at}: {why}")))
        };
        list.entries().map(decode).collect()
    }

    fn decode(it: &Cursor<'_>) -> Decoded<Self> {
        let list = it.get("steps").ok_or_else(|| ("steps".to_owned(), "is missing".to_owned()))?;
        Ok(Self { steps: steps(&list, 0)?, output: it.text("output").filter(|output| !output.is_empty()) })
    }
}

/// Where, and why.
type Wrong = (String, String);
type Decoded<T> = Result<T, Wrong>;

fn steps(list: &Cursor<'_>, depth: usize) -> Decoded<Vec<Step>> {
    list.items().map(|step| Step::decode(&step, depth)).collect()
}

impl Step {
    fn decode(step: &Cursor<'_>, depth: usize) -> Decoded<Self> {
        let id = step.text("id").unwrap_or_default();
        let wrong = |why: &str| (format!("step `{id}`"), why.to_owned());
        let task = || step.text("prompt_task").ok_or_else(|| wrong("`prompt_task` is missing"));
        let kind = match step.text("kind").unwrap_or_default().as_str() {
            "prompt" => StepKind::Prompt { task: task()? },
            "agent" => {
                let end = step.get("termination");
                let end = end.as_ref();
                let max_steps = end.and_then(|end| end.number("max_steps")).filter(|steps| *steps >= 1.0);
                StepKind::Agent {
                    task: task()?,
                    tools: step.get("tools").map(|_| step.texts("tools")),
                    max_steps: max_steps.map_or(AGENT_STEPS, |steps| (steps as u32).min(MOST_STEPS)),
                    until_tool: end.and_then(|end| end.text("tool_called")),
                }
            }
            "tool" => {
                let tool = step.text("tool").or_else(|| step.text("tool_name"));
                StepKind::Tool { tool: tool.ok_or_else(|| wrong("`tool` is missing"))? }
            }
            "branch" => {
                let predicate = step.get("predicate").ok_or_else(|| wrong("`predicate` is missing"))?;
                StepKind::Branch {
                    predicate: Predicate::decode(&predicate, 0).map_err(|why| wrong(&why))?,
                    then: step.text("then").ok_or_else(|| wrong("`then` is missing"))?,
                    otherwise: step.text("else"),
                }
            }
            "parallel" if depth < DEPTH => {
                let list = step.get("branches").ok_or_else(|| wrong("`branches` is missing"))?;
                let reduce = step.get("reduce").ok_or_else(|| wrong("`reduce` is missing"))?;
                let strategy = reduce.text("strategy").unwrap_or_default();
                let known = STRATEGIES.iter().find(|(name, _)| *name == strategy);
                let (_, how) = known.ok_or_else(|| {
                    wrong(&format!("`reduce.strategy` {strategy:?} is none of append, replace, barrier"))
                })?;
                StepKind::Parallel {
                    branches: steps(&list, depth + 1)?,
                    into: reduce.text("into").unwrap_or_default(),
                    reduce: *how,
                }
            }
            "parallel" => return Err(wrong("parallel steps are inside each other too deep")),
            other => {
                return Err(wrong(&format!("kind {other:?} is none of prompt, agent, tool, branch, parallel")));
            }
        };
        let (first, second) = if let StepKind::Tool { .. } = kind { ("args", "input") } else { ("input", "args") };
        let input = step.json(first).or_else(|| step.json(second)).unwrap_or(Value::Null);
        let structured = step.get("output_schema").is_some();
        Ok(Self { id, depends_on: step.texts("depends_on"), input, structured, kind })
    }
}

impl Predicate {
    fn decode(it: &Cursor<'_>, depth: usize) -> Result<Self, String> {
        if depth > DEPTH {
            return Err("predicates are inside each other too deep".to_owned());
        }
        let many = |key: &str| {
            let list = it.get(key)?;
            matches!(list.node.data, Data::List(_))
                .then(|| list.items().map(|one| Self::decode(&one, depth + 1)).collect::<Result<Vec<_>, _>>())
        };
        if let Some(all) = many("all_of") {
            return Ok(Self::All(all?));
        }
        if let Some(any) = many("any_of") {
            return Ok(Self::Any(any?));
        }
        if let Some(not) = it.get("not") {
            return Ok(Self::Not(Box::new(Self::decode(&not, depth + 1)?)));
        }
        let path = it.text("path").ok_or("a predicate needs a `path`")?;
        if let Some(wanted) = it.boolean("exists") {
            return Ok(Self::Exists { path, wanted });
        }
        let op = it.text("op").ok_or("a predicate needs an `op`")?;
        if op == "exists" {
            return Ok(Self::Exists { path, wanted: true });
        }
        let known = OPERATORS.iter().find(|(name, _)| *name == op);
        let (_, op) = known.ok_or_else(|| {
            let names: Vec<_> = OPERATORS.iter().map(|(name, _)| *name).collect();
            format!("op {op:?} is none of exists, {}", names.join(", "))
        })?;
        Ok(Self::Compare { path, op: *op, value: it.json("value").unwrap_or(Value::Null) })
    }
}
