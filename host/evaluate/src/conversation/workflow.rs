//! The state machine of a conversation: pure, driven by the tools that a model calls.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use arena_bundle::{Artifact, State, Workflow};
use arena_provider::ToolSpec;
use serde_json::{Value, json};

/// The tool that moves on.
pub(super) const TRANSITION: &str = "workflow__transition";
/// The tool that writes an artifact.
pub(super) const SET_ARTIFACT: &str = "workflow__set_artifact";

/// Where a conversation stands in its workflow.
pub(super) struct Machine {
    workflow: Arc<Workflow>,
    state: String,
    visits: BTreeMap<String, u32>,
    artifacts: BTreeMap<String, String>,
    /// What the last transition said of it.
    context: String,
    /// Asked for in this round of calls; carried out when the round is over.
    pending: Option<(String, String)>,
    tool_calls: u32,
    began: Instant,
}

/// A step from state to state.
#[derive(Debug, PartialEq)]
pub(super) struct Moved {
    pub from: String,
    pub to: String,
    pub event: String,
}

impl Machine {
    /// At the state whose prompt the scenario is about, or at the entry where it is about none.
    pub fn new(workflow: Arc<Workflow>, task: &str) -> Result<Self, String> {
        let of_task = |state: &&String| workflow.states[*state].prompt_task == task;
        let entry = &workflow.entry;
        let start = match task {
            "" => entry.clone(),
            // The entry first: two states may share a prompt.
            _ if workflow.states.get(entry).is_some_and(|state| state.prompt_task == task) => entry.clone(),
            _ => {
                let fitting: Vec<&String> = workflow.states.keys().filter(of_task).collect();
                match fitting[..] {
                    [state] => state.clone(),
                    [] => {
                        let tasks: Vec<_> = workflow.states.values().map(|state| state.prompt_task.as_str()).collect();
                        return Err(format!(
                            "task_type `{task}` is the prompt of no state; there are {}",
                            tasks.join(", ")
                        ));
                    }
                    _ => {
                        let names: Vec<_> = fitting.iter().map(|name| format!("`{name}`")).collect();
                        let names = names.join(", ");
                        return Err(format!(
                            "task_type `{task}` is the prompt of several states ({names}): which begins is not said"
                        ));
                    }
                }
            }
        };
        if !workflow.states.contains_key(&start) {
            return Err(format!("the workflow has no state `{start}` to begin in"));
        }
        Ok(Self {
            visits: BTreeMap::from([(start.clone(), 1)]),
            state: start,
            workflow,
            artifacts: BTreeMap::new(),
            context: String::new(),
            pending: None,
            tool_calls: 0,
            began: Instant::now(),
        })
    }

    pub fn name(&self) -> &str {
        &self.state
    }

    /// The state; none if a transition led to one that is not there.
    pub fn state(&self) -> Option<&State> {
        self.workflow.states.get(&self.state)
    }

    /// Variables that prompts may use: what was carried over, and artifacts as `artifacts.NAME`.
    pub fn variables(&self) -> BTreeMap<String, String> {
        let artifacts = self.artifacts.iter().map(|(name, text)| (format!("artifacts.{name}"), text.clone()));
        std::iter::once(("workflow_context".to_owned(), self.context.clone())).chain(artifacts).collect()
    }

    /// Tools of the state.
    pub fn tools(&self) -> Vec<ToolSpec> {
        let Some(state) = self.state() else { return Vec::new() };
        let mut tools = Vec::new();
        let events: Vec<&str> = state.on_event.keys().map(String::as_str).collect();
        if !state.terminal && !state.external && !events.is_empty() {
            tools.push(ToolSpec {
                name: TRANSITION.to_owned(),
                description: "Moves the workflow to its next state.".to_owned(),
                parameters: json!({
                    "type": "object",
                    "properties": {
                        "event": {"type": "string", "description": format!("What happened: {}.", events.join(", "))},
                        "context": {"type": "string", "description": "What the next state has to know."},
                    },
                    "required": ["event", "context"],
                }),
            });
        }
        // An artifact of any state may be written in each of them.
        let artifacts = self.artifact_slots();
        if !artifacts.is_empty() {
            let names: Vec<&String> = artifacts.keys().copied().collect();
            let told = artifacts.iter().map(|(name, artifact)| format!("{name}: {}", artifact.description));
            tools.push(ToolSpec {
                name: SET_ARTIFACT.to_owned(),
                description: format!("Writes an artifact. {}", told.collect::<Vec<_>>().join("; ")),
                parameters: json!({
                    "type": "object",
                    "properties": {
                        "name": {"type": "string", "enum": names},
                        "value": {"type": "string"},
                    },
                    "required": ["name", "value"],
                }),
            });
        }
        tools
    }

    /// The artifacts of all states; where two states have one name, what the present one says of it counts.
    fn artifact_slots(&self) -> BTreeMap<&String, &Artifact> {
        let others = self.workflow.states.values().flat_map(|state| &state.artifacts);
        others.chain(self.state().iter().flat_map(|state| &state.artifacts)).collect()
    }

    /// Counts a call of any tool; an error once the budget is used up.
    pub fn count_call(&mut self) -> Result<(), String> {
        self.tool_calls += 1;
        match self.workflow.budget.tool_calls {
            Some(most) if self.tool_calls > most => {
                Err(format!("the workflow's budget of {most} tool calls is used up"))
            }
            _ => Ok(()),
        }
    }

    /// A call of one of [`Machine::tools`] whose arguments fit its schema.
    pub fn call(&mut self, tool: &str, arguments: &Value) -> Result<Value, String> {
        let text = |key: &str| arguments[key].as_str().unwrap_or_default();
        match tool {
            TRANSITION => self.ask(text("event"), text("context")),
            _ => {
                let append = self.artifact_slots().get(&text("name").to_owned()).is_some_and(|it| it.append);
                let artifact = self.artifacts.entry(text("name").to_owned()).or_default();
                if append && !artifact.is_empty() {
                    artifact.push('\n');
                    artifact.push_str(text("value"));
                } else {
                    *artifact = text("value").to_owned();
                }
                Ok(json!({"artifact": text("name"), "status": "set"}))
            }
        }
    }

    fn ask(&mut self, event: &str, context: &str) -> Result<Value, String> {
        if let Some((earlier, _)) = &self.pending {
            return Err(format!("`{earlier}` is under way already"));
        }
        let target = self.target(event)?;
        let total: u32 = self.visits.values().sum();
        if self.workflow.budget.visits.is_some_and(|most| total >= most) {
            return Err(format!("the workflow's budget of {total} visits is used up"));
        }
        if self.workflow.budget.wall_time.is_some_and(|most| self.began.elapsed() > most) {
            return Err("the workflow's time is used up".to_owned());
        }
        self.pending = Some((event.to_owned(), context.to_owned()));
        Ok(json!({"status": "transition scheduled", "event": event, "new_state": target}))
    }

    /// Where an event leads, visits counted.
    fn target(&self, event: &str) -> Result<String, String> {
        let state = self.state().ok_or_else(|| format!("the workflow has no state `{}`", self.state))?;
        // As the original runner has it, upper and lower case do not count.
        let named = state.on_event.iter().find(|(name, _)| name.eq_ignore_ascii_case(event));
        let target =
            named.map(|(_, target)| target).ok_or_else(|| format!("`{}` has no event `{event}`", self.state))?;
        let Some(next) = self.workflow.states.get(target) else { return Ok(target.clone()) };
        let visits = self.visits.get(target).copied().unwrap_or_default();
        match next.max_visits {
            Some(most) if visits >= most => match &next.on_max_visits {
                Some(other) => Ok(other.clone()),
                None => Err(format!("`{target}` was visited {visits} times, which is all it may be")),
            },
            _ => Ok(target.clone()),
        }
    }

    /// The state that the round asked for, if it is there.
    pub fn next(&self) -> Option<&State> {
        self.workflow.states.get(&self.target(&self.pending.as_ref()?.0).ok()?)
    }

    /// Forgets what the round asked for.
    pub fn stay(&mut self) {
        self.pending = None;
    }

    /// Carries out what the round asked for.
    pub fn commit(&mut self) -> Option<Moved> {
        let (event, context) = self.pending.take()?;
        let to = self.target(&event).ok()?;
        let from = std::mem::replace(&mut self.state, to.clone());
        *self.visits.entry(to.clone()).or_default() += 1;
        self.context = context;
        Some(Moved { from, to, event })
    }

    /// Whether nothing leads on from here.
    pub fn complete(&self) -> bool {
        self.state().is_none_or(|state| state.terminal || state.on_event.is_empty())
    }

    /// What checks may know of it.
    pub fn fact(&self) -> Value {
        json!({
            "state": self.state,
            "complete": self.complete(),
            "entry": self.workflow.entry,
            "visits": self.visits,
            "artifacts": self.artifacts,
        })
    }
}
