//! A turn that a graph of steps answers in place of one prompt.

mod predicate;
mod reference;
mod talk;

use std::collections::{BTreeMap, BTreeSet};

use arena_bundle::{Composition, Step, StepKind};
use arena_model::{Author, Message, Role, Usage};
use arena_provider::Provider;
use serde_json::{Map, Value, json};

use super::Run;
use crate::case::Trouble;
use predicate::holds;
use talk::failed;

/// Outputs so far and what came of the choices.
#[derive(Default)]
struct Ran {
    outputs: BTreeMap<String, Value>,
    branches: BTreeMap<String, String>,
    parallels: BTreeMap<String, bool>,
    /// Steps that no branch chose, and those that depend on such alone.
    left_out: BTreeSet<String>,
    usage: Usage,
    cost: Option<u64>,
}

impl Ran {
    /// Whether the step does not run. It does not either if all that it depends on is left out.
    fn leaves_out(&mut self, step: &Step) -> bool {
        let depends = &step.depends_on;
        if !depends.is_empty() && depends.iter().all(|id| self.left_out.contains(id)) {
            self.left_out.insert(step.id.clone());
        }
        self.left_out.contains(&step.id)
    }

    /// Whether the step ran to its end.
    fn ended(&self, step: &Step) -> bool {
        match step.kind {
            StepKind::Branch { .. } => self.branches.contains_key(&step.id),
            _ => self.outputs.contains_key(&step.id),
        }
    }

    /// The output that is the answer: that of the step which the composition names, else of the last one that has some.
    fn answer(&self, composition: &Composition) -> Option<&Value> {
        match &composition.output {
            Some(id) => self.outputs.get(id),
            None => composition.steps.iter().rev().find_map(|step| self.outputs.get(&step.id)),
        }
    }
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
        let said = self.conversation.messages.last().map(|message| message.content.text().into_owned());
        let mut ran = Ran { cost: Some(0), ..Ran::default() };
        ran.outputs.insert("input".to_owned(), input(said.unwrap_or_default()));
        let done = self.steps(&composition.steps, &mut ran, at, provider).await;
        self.conversation.facts.insert("composition".to_owned(), fact(composition, &ran));
        if done.is_err() || ran.answer(composition).is_none() {
            // No answer carries what the steps have cost.
            self.played += ran.usage;
            self.played_cost = self.played_cost.zip(ran.cost).map(|(sum, one)| sum.saturating_add(one));
        }
        done?;
        let output = ran.answer(composition).ok_or_else(|| {
            let text = match &composition.output {
                Some(id) => format!("`{name}`: the step `{id}`, whose output is the answer, did not run"),
                None => format!("`{name}`: no step put anything out"),
            };
            Trouble::new("CompositionFailed", text)
        })?;
        let mut message = Message::text(Role::Assistant, Author::Model, output.to_string());
        (message.usage, message.cost_usd_micro, message.finish) = (Some(ran.usage), ran.cost, Some("stop".to_owned()));
        self.push(message, at);
        Ok(())
    }

    async fn steps(&mut self, steps: &[Step], ran: &mut Ran, at: u32, provider: &dyn Provider) -> Result<(), Trouble> {
        for step in steps {
            if ran.leaves_out(step) {
                continue;
            }
            match &step.kind {
                StepKind::Branch { predicate, then, otherwise } => {
                    let holds = holds(predicate, &ran.outputs).map_err(|why| failed(step, why))?;
                    let (taken, left) = match (holds, otherwise) {
                        (true, otherwise) => (Some(then), otherwise.as_ref()),
                        (false, otherwise) => (otherwise.as_ref(), Some(then)),
                    };
                    ran.branches.insert(step.id.clone(), taken.cloned().unwrap_or_default());
                    ran.left_out.extend(left.filter(|left| Some(*left) != taken).cloned());
                }
                StepKind::Parallel { branches, into, reduce } => {
                    // What decides over others, or holds others, is waited for.
                    for some in branches.chunk_by(|one, next| !leads(one) && !leads(next)) {
                        match some {
                            [_] => Box::pin(self.steps(some, ran, at, provider)).await?,
                            _ => self.at_once(some, ran, at, provider).await?,
                        }
                    }
                    let outputs = branches.iter().map(|it| (it.id.clone(), ran.outputs.get(&it.id).cloned()));
                    let joined = Map::from_iter([(into.clone(), reduce.join(outputs))]);
                    ran.outputs.insert(step.id.clone(), Value::Object(joined));
                    ran.parallels.insert(step.id.clone(), branches.iter().all(|branch| ran.ended(branch)));
                }
                StepKind::Tool { .. } | StepKind::Prompt { .. } | StepKind::Agent { .. } => {
                    self.at_once(std::slice::from_ref(step), ran, at, provider).await?;
                }
            }
        }
        Ok(())
    }
}

/// Whether the step is about other steps.
fn leads(step: &Step) -> bool {
    matches!(step.kind, StepKind::Branch { .. } | StepKind::Parallel { .. })
}

/// What the user said: an object or a list of JSON as what it is, all else as a text.
fn input(said: String) -> Value {
    let nested = |value: &Value| value.is_object() || value.is_array();
    serde_json::from_str(&said).ok().filter(nested).unwrap_or(Value::String(said))
}

fn fact(composition: &Composition, ran: &Ran) -> Value {
    let steps = ran.outputs.iter().filter(|(id, _)| *id != "input");
    let steps: Map<String, Value> = steps.map(|(id, output)| (id.clone(), json!({"output": output}))).collect();
    json!({
        "steps": steps,
        "branches": ran.branches,
        "parallels": ran.parallels,
        "output": ran.answer(composition),
    })
}
