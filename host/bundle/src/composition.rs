//! `spec.compositions`: graphs of steps that answer a turn in place of one prompt.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::report::Report;
use crate::shape::similar;
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
    /// The step whose output is the answer.
    pub output: String,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What others refer to it by.
    pub id: String,
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
        /// Whether the outputs stand in a list in place of a mapping by id.
        append: bool,
    },
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
                    if let Err(wrong) = composition.check_names() {
                        tell(&wrong, "what is not there counts as a step that did not run");
                    }
                }
            }
            (name.to_owned(), composition.map_err(|(at, why)| format!("{at}: {why}")))
        };
        list.entries().map(decode).collect()
    }

    fn decode(it: &Cursor<'_>) -> Result<Self, (String, String)> {
        let list = it.get("steps").ok_or_else(|| ("steps".to_owned(), "is missing".to_owned()))?;
        Ok(Self { steps: steps(&list, 0)?, output: it.text("output").unwrap_or_default() })
    }

    /// An error for what refers to a step that there is not: it would be taken for one that did not run.
    fn check_names(&self) -> Decoded<()> {
        let mut known = BTreeSet::from([INPUT]);
        let mut named = vec![("output".to_owned(), self.output.as_str())];
        for step in &self.steps {
            step.names(&mut known, &mut named);
        }
        match named.into_iter().find(|(_, name)| !known.contains(name)) {
            None => Ok(()),
            Some((at, name)) => {
                let advice = match similar(name, known.iter().copied()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("there are {}", known.into_iter().collect::<Vec<_>>().join(", ")),
                };
                Err((at, format!("there is no step `{name}`; {advice}")))
            }
        }
    }
}

/// What stands for the user's words among the outputs of steps.
const INPUT: &str = "input";

/// The names of steps in the `${step.output.field}` of a text.
fn referred(text: &str) -> impl Iterator<Item = &str> {
    text.split("${").skip(1).filter_map(|rest| rest.split_once('}')).map(|(path, _)| head(path))
}

/// The step of a path.
fn head(path: &str) -> &str {
    path.trim().split('.').next().unwrap_or_default()
}

/// All texts of a value.
fn texts<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(map) => map.values().for_each(|item| texts(item, found)),
        _ => {}
    }
}

type Decoded<T> = Result<T, (String, String)>;

fn steps(list: &Cursor<'_>, depth: usize) -> Decoded<Vec<Step>> {
    list.items().map(|step| Step::decode(&step, depth)).collect()
}

impl Step {
    /// Adds the ids of this step and those within to `known`, and what they refer to, with where, to `named`.
    fn names<'s>(&'s self, known: &mut BTreeSet<&'s str>, named: &mut Vec<(String, &'s str)>) {
        known.insert(&self.id);
        let at = || format!("step `{}`", self.id);
        let mut inputs = Vec::new();
        texts(&self.input, &mut inputs);
        named.extend(inputs.into_iter().flat_map(referred).map(|name| (at(), name)));
        match &self.kind {
            StepKind::Branch { predicate, then, otherwise } => {
                let mut paths = Vec::new();
                predicate.paths(&mut paths);
                let heads = paths
                    .into_iter()
                    .map(|path| head(path.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).unwrap_or(path)));
                let targets = [Some(then), otherwise.as_ref()].into_iter().flatten().map(String::as_str);
                named.extend(heads.chain(targets).map(|name| (at(), name)));
            }
            StepKind::Parallel { branches, .. } => branches.iter().for_each(|branch| branch.names(known, named)),
            StepKind::Prompt { .. } | StepKind::Agent { .. } | StepKind::Tool { .. } => {}
        }
    }

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
                let reduce = step.get("reduce");
                let reduce = reduce.as_ref();
                StepKind::Parallel {
                    branches: steps(&list, depth + 1)?,
                    into: reduce.and_then(|reduce| reduce.text("into")).unwrap_or_default(),
                    append: reduce.and_then(|reduce| reduce.text("strategy")).as_deref() == Some("append"),
                }
            }
            "parallel" => return Err(wrong("parallel steps are inside each other too deep")),
            other => {
                return Err(wrong(&format!("kind {other:?} is none of prompt, agent, tool, branch, parallel")));
            }
        };
        let input = step.json("input").or_else(|| step.json("args")).unwrap_or(Value::Null);
        let structured = step.get("output_schema").is_some();
        Ok(Self { id, input, structured, kind })
    }
}

impl Predicate {
    /// The paths that it asks about.
    fn paths<'p>(&'p self, paths: &mut Vec<&'p str>) {
        match self {
            Self::Compare { path, .. } | Self::Exists { path, .. } => paths.push(path),
            Self::All(all) | Self::Any(all) => all.iter().for_each(|one| one.paths(paths)),
            Self::Not(inner) => inner.paths(paths),
        }
    }

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
