//! A turn that a graph of steps answers in place of one prompt.

use std::collections::{BTreeMap, BTreeSet};

use arena_bundle::{Comparison, Composition, Predicate, Step, StepKind};
use arena_model::{Author, Message, Role, Usage};
use arena_provider::{MockContext, Provider};
use serde_json::{Map, Value, json};

use super::{Run, tools};
use crate::case::{Trouble, unsaid};

/// Longest text of a step's input that outputs are put into, bytes.
const INPUT_BYTES: usize = 4 << 20;

/// Outputs so far and what came of the choices.
#[derive(Default)]
struct Ran {
    outputs: BTreeMap<String, Value>,
    branches: BTreeMap<String, String>,
    parallels: BTreeMap<String, bool>,
    /// Steps that no branch chose.
    left_out: BTreeSet<String>,
    usage: Usage,
    cost: Option<u64>,
}

/// A composition, or what is wrong with it, under its name.
type Named<'a> = (&'a String, &'a Result<Composition, String>);

impl<'a> Run<'a> {
    /// The composition that answers in the state, unless somebody outside does, or there is none of its name: then the
    /// model answers as to a missing prompt.
    pub(super) fn composition(&self) -> Option<Named<'a>> {
        let state = self.machine.as_ref()?.state().filter(|state| !state.external)?;
        self.evaluator.parts.bundle.compositions.get_key_value(state.composition.as_ref()?)
    }

    /// Runs the steps and says the output as the answer.
    pub(super) async fn compose(
        &mut self,
        (name, composition): Named<'a>,
        at: u32,
        provider: &dyn Provider,
    ) -> Result<(), Trouble> {
        let invalid = |why: &String| Trouble::new("CompositionInvalid", format!("`{name}`: {why}"));
        let composition = composition.as_ref().map_err(invalid)?;
        let input = self.conversation.messages.last().map(|message| message.content.text().into_owned());
        let mut ran = Ran { cost: Some(0), ..Ran::default() };
        ran.outputs.insert("input".to_owned(), Value::String(input.unwrap_or_default()));
        let done = self.steps(&composition.steps, &mut ran, at, provider).await;
        self.conversation.facts.insert("composition".to_owned(), fact(composition, &ran));
        if done.is_err() || !ran.outputs.contains_key(&composition.output) {
            // No answer carries what the steps have cost.
            self.played += ran.usage;
            self.played_cost = self.played_cost.zip(ran.cost).map(|(sum, one)| sum.saturating_add(one));
        }
        done?;
        let output = ran.outputs.get(&composition.output).ok_or_else(|| {
            let text = format!("`{name}`: the step `{}`, whose output is the answer, did not run", composition.output);
            Trouble::new("CompositionFailed", text)
        })?;
        let mut message = Message::text(Role::Assistant, Author::Model, output.to_string());
        (message.usage, message.cost_usd_micro, message.finish) = (Some(ran.usage), ran.cost, Some("stop".to_owned()));
        self.push(message, at);
        Ok(())
    }

    async fn steps(&mut self, steps: &[Step], ran: &mut Ran, at: u32, provider: &dyn Provider) -> Result<(), Trouble> {
        for step in steps {
            if ran.left_out.contains(&step.id) {
                continue;
            }
            let failed = |why: String| Trouble::new("CompositionFailed", format!("step `{}`: {why}", step.id));
            match &step.kind {
                StepKind::Branch { predicate, then, otherwise } => {
                    let holds = holds(predicate, &ran.outputs).map_err(failed)?;
                    let (taken, left) = match (holds, otherwise) {
                        (true, otherwise) => (Some(then), otherwise.as_ref()),
                        (false, otherwise) => (otherwise.as_ref(), Some(then)),
                    };
                    ran.branches.insert(step.id.clone(), taken.cloned().unwrap_or_default());
                    ran.left_out.extend(left.filter(|left| Some(*left) != taken).cloned());
                }
                StepKind::Parallel { branches, into, append } => {
                    Box::pin(self.steps(branches, ran, at, provider)).await?;
                    let outputs = branches
                        .iter()
                        .map(|branch| (branch.id.clone(), ran.outputs.get(&branch.id).cloned().unwrap_or_default()));
                    let joined = match append {
                        true => Value::Array(outputs.map(|(_, output)| output).collect()),
                        false => Value::Object(outputs.collect()),
                    };
                    let output =
                        if into.is_empty() { joined } else { Value::Object(Map::from_iter([(into.clone(), joined)])) };
                    ran.outputs.insert(step.id.clone(), output);
                    ran.parallels.insert(step.id.clone(), true);
                }
                StepKind::Tool { tool } => {
                    let arguments = filled(&step.input, &ran.outputs).map_err(failed)?;
                    let answer = self.call_tool(tool, &arguments).await;
                    let text = answer.map_err(|failure| failed(failure.why))?.text().into_owned();
                    self.count_answer(text.len())?;
                    ran.outputs.insert(step.id.clone(), serde_json::from_str(&text).unwrap_or(Value::String(text)));
                }
                StepKind::Prompt { task } => {
                    let text = self.step(step, task, (1, None), ran, (at, provider)).await?;
                    let parsed = if step.structured { serde_json::from_str(&text).ok() } else { None };
                    let output = parsed.unwrap_or(Value::String(text));
                    ran.outputs.insert(step.id.clone(), output);
                }
                StepKind::Agent { task, max_steps, until_tool } => {
                    let text = self.step(step, task, (*max_steps, until_tool.as_deref()), ran, (at, provider)).await?;
                    ran.outputs.insert(step.id.clone(), Value::String(text));
                }
            }
        }
        Ok(())
    }

    /// A conversation of its own under a prompt, of at most `rounds` calls of the model. Gives the last answer.
    async fn step(
        &mut self,
        step: &Step,
        task: &str,
        (rounds, until): (u32, Option<&str>),
        ran: &mut Ran,
        (at, provider): (u32, &dyn Provider),
    ) -> Result<String, Trouble> {
        let failed = |why: String| Trouble::new("CompositionFailed", format!("step `{}`: {why}", step.id));
        let input = match filled(&step.input, &ran.outputs).map_err(failed)? {
            Value::String(text) => text,
            Value::Null => String::new(),
            other => other.to_string(),
        };
        let system = self.rendered(task).await?;
        let told = self.prompt_of(task)?.allowed_tools.clone();
        let told = if rounds > 1 { tools::told(&self.evaluator.parts.bundle.tools, &told) } else { Vec::new() };
        let mut messages = vec![Message::text(Role::System, Author::Script, system)];
        messages.push(Message::text(Role::User, Author::Script, input));
        let mut last = String::new();
        for _ in 0..rounds {
            self.check_time(self.timeout)?;
            // A mock never waits, and others must have their turn.
            tokio::task::yield_now().await;
            let scenario = self.case.scenario.clone();
            let context =
                MockContext { scenario: &scenario.id, turn: 1, step: Some(&step.id), ..MockContext::default() };
            let reply = self.ask(task, &messages, &told, context, provider).await?;
            ran.usage += reply.usage.unwrap_or_default();
            ran.cost = ran.cost.zip(reply.cost_usd_micro).map(|(sum, one)| sum.saturating_add(one));
            self.check_spent(ran.cost.unwrap_or_default())?;
            if let Some(unsaid) = unsaid(&reply, at) {
                return Err(unsaid);
            }
            let (calls, text) = (reply.tool_calls.clone(), reply.content.text().into_owned());
            messages.push(reply);
            if calls.is_empty() || rounds == 1 || calls.iter().any(|call| Some(call.name.as_str()) == until) {
                return Ok(text);
            }
            last = text;
            for call in &calls {
                let answer = self.call_tool(&call.name, &call.arguments).await;
                let message = tools::message(call, answer);
                self.count_answer(message.content.text().len())?;
                messages.push(message);
            }
        }
        Ok(last)
    }
}

fn fact(composition: &Composition, ran: &Ran) -> Value {
    let steps = ran.outputs.iter().filter(|(id, _)| *id != "input");
    let steps: Map<String, Value> = steps.map(|(id, output)| (id.clone(), json!({"output": output}))).collect();
    json!({
        "steps": steps,
        "branches": ran.branches,
        "parallels": ran.parallels,
        "output": ran.outputs.get(&composition.output),
    })
}

/// The value with each `${path}` in its place; a text that is nothing else becomes what stands at the path.
fn filled(value: &Value, outputs: &BTreeMap<String, Value>) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => return filled_text(text, outputs),
        Value::Array(items) => Value::Array(items.iter().map(|item| filled(item, outputs)).collect::<Result<_, _>>()?),
        Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| Ok((key.clone(), filled(value, outputs)?)));
            Value::Object(entries.collect::<Result<_, String>>()?)
        }
        other => other.clone(),
    })
}

fn filled_text(text: &str, outputs: &BTreeMap<String, Value>) -> Result<Value, String> {
    let unknown = |path: &str| format!("there is nothing at `${{{path}}}`");
    let whole = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).filter(|path| !path.contains("${"));
    if let Some(path) = whole {
        return at(path, outputs).cloned().ok_or_else(|| unknown(path));
    }
    let (mut done, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("${") {
        let (path, after) = after.split_once('}').ok_or("a `${` is not closed")?;
        let value = at(path, outputs).ok_or_else(|| unknown(path))?;
        done.push_str(before);
        done.push_str(&value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        if done.len() > INPUT_BYTES {
            return Err(format!("the input grows beyond {INPUT_BYTES} bytes"));
        }
        rest = after;
    }
    done.push_str(rest);
    Ok(Value::String(done))
}

/// What stands at `step.output.field`, or `input`.
fn at<'a>(path: &str, outputs: &'a BTreeMap<String, Value>) -> Option<&'a Value> {
    let mut parts = path.trim().split('.');
    let mut value = outputs.get(parts.next()?)?;
    for (depth, part) in parts.enumerate() {
        if depth == 0 && part == "output" {
            continue;
        }
        value = match value {
            Value::Array(items) => items.get(part.parse::<usize>().ok()?)?,
            value => value.get(part)?,
        };
    }
    Some(value)
}

fn holds(predicate: &Predicate, outputs: &BTreeMap<String, Value>) -> Result<bool, String> {
    let found = |path: &str| {
        let inner = path.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).unwrap_or(path);
        at(inner, outputs)
    };
    Ok(match predicate {
        Predicate::Not(inner) => !holds(inner, outputs)?,
        Predicate::All(all) => {
            for one in all {
                if !holds(one, outputs)? {
                    return Ok(false);
                }
            }
            true
        }
        Predicate::Any(any) => {
            for one in any {
                if holds(one, outputs)? {
                    return Ok(true);
                }
            }
            false
        }
        Predicate::Exists { path, wanted } => found(path).is_some() == *wanted,
        Predicate::Compare { path, op, value } => compare(found(path), *op, value),
    })
}

/// What is not there equals nothing and is neither less nor greater.
fn compare(found: Option<&Value>, op: Comparison, value: &Value) -> bool {
    let listed = |found: &Value| value.as_array().is_some_and(|list| list.contains(found));
    let numbers = found.and_then(Value::as_f64).zip(value.as_f64());
    match op {
        Comparison::Equals => found == Some(value),
        Comparison::NotEquals => found.is_some_and(|found| found != value),
        Comparison::In => found.is_some_and(listed),
        Comparison::NotIn => found.is_some_and(|found| !listed(found)),
        Comparison::Less => numbers.is_some_and(|(one, other)| one < other),
        Comparison::LessOrEqual => numbers.is_some_and(|(one, other)| one <= other),
        Comparison::Greater => numbers.is_some_and(|(one, other)| one > other),
        Comparison::GreaterOrEqual => numbers.is_some_and(|(one, other)| one >= other),
    }
}
