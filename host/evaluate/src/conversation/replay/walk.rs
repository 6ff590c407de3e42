//! The way through a conversation, from look to look.

use std::collections::BTreeMap;
use std::sync::Arc;

use arena_bundle::{Bundle, PackEval, Scenario};
use arena_model::{Compat, Conversation, Event, Look, LookAt, Record, Role, Scope};
use serde_json::{Value, json};

use super::item::{Item, place};
use super::{Again, Earlier, Rejudged, RejudgedCheck, ReplayError};
use crate::case::CaseInput;
use crate::check::Planned;
use crate::conversation::evals::Moment;
use crate::conversation::exec::{TOOL_EXEC, asked_tools};
use crate::conversation::{cost_fact, recorded, workflow};
use crate::evaluator::Evaluator;

pub(super) struct Replay<'a> {
    pub(super) evaluator: &'a Evaluator,
    pub(super) case: &'a CaseInput,
    pub(super) stored: &'a Record,
    pub(super) earlier: Earlier<'a>,
    pub(super) again: Again,
    pub(super) key: String,
    /// The next check of the record.
    pub(super) next: usize,
    pub(super) checks: Vec<Option<RejudgedCheck>>,
    pub(super) dropped: u64,
    pub(super) facts: BTreeMap<String, Value>,
    /// For each message, its turn.
    pub(super) turns: Vec<u32>,
    /// Exchanges that are over.
    pub(super) exchanges: usize,
    /// Whether the present one has begun, the task in force when it did, and all that were in force.
    pub(super) begun: bool,
    pub(super) under: Option<String>,
    pub(super) tasks: Vec<String>,
    pub(super) state: Option<String>,
    /// Milliseconds that a recorded answer took.
    pub(super) took: Option<u64>,
    /// Events that were looked through for transitions.
    pub(super) moved: usize,
}

impl<'a> Replay<'a> {
    pub(super) fn new(
        evaluator: &'a Evaluator,
        case: &'a CaseInput,
        stored: &'a Record,
        earlier: Earlier<'a>,
        again: Again,
    ) -> Self {
        let workflow = evaluator.parts.bundle.workflow.clone();
        let machine = workflow.and_then(|workflow| workflow::Machine::new(workflow, &case.scenario.task_type).ok());
        Self {
            evaluator,
            case,
            stored,
            earlier,
            again,
            key: case.id.key().0,
            next: 0,
            checks: Vec::new(),
            dropped: 0,
            facts: BTreeMap::from([("variables".to_owned(), json!(case.scenario.variables))]),
            turns: Vec::new(),
            exchanges: 0,
            begun: false,
            under: None,
            tasks: Vec::new(),
            state: machine.map(|machine| machine.name().to_owned()),
            took: None,
            moved: 0,
        }
    }

    pub(super) fn unclear(&self, why: impl Into<String>) -> ReplayError {
        ReplayError { index: self.stored.index, scenario: self.stored.scenario.clone(), why: why.into() }
    }

    pub(super) async fn run(mut self) -> Result<Rejudged, ReplayError> {
        match self.earlier.scenario.recording.clone() {
            Some(Ok(recording)) => {
                let all = self.earlier.bundle.conduct.follows(Compat::LastReply);
                let (turns, seen) = recorded::seen(&recording, self.case.scenario.turns.len() as u32, all);
                self.turns = turns;
                let mut heard = 0;
                for look in seen {
                    self.took = look.took;
                    let messages = look.messages as u32;
                    let look = noted(LookAt::Turn, look.turn, messages, heard);
                    heard += self.look(&look).await?;
                }
                let messages = self.stored.messages.len() as u32;
                self.look(&noted(LookAt::End, 0, messages, heard)).await?;
            }
            _ => {
                let plain = || Look::plain(&self.stored.messages, &self.stored.events);
                for look in self.stored.looks.clone().unwrap_or_else(plain) {
                    self.held(&look)?;
                    self.look(&look).await?;
                    if look.at == LookAt::Turn {
                        (self.exchanges, self.begun) = (self.exchanges + 1, false);
                    }
                }
            }
        }
        self.unreached()?;
        Ok(self.record())
    }

    /// What had happened by the time of a look at a conversation that was held.
    fn held(&mut self, look: &Look) -> Result<(), ReplayError> {
        let messages = self.stored.messages.get(self.turns.len()..look.messages as usize);
        let messages = messages.ok_or_else(|| self.unclear("it notes messages that it does not have"))?;
        if !self.begun && (look.at != LookAt::End || messages.iter().any(|message| message.role == Role::User)) {
            self.begun = true;
            self.under = self.task().map(str::to_owned);
            self.entered();
        }
        if look.at != LookAt::Step {
            self.turns.resize(look.messages as usize, look.turn);
        }
        while let Some(event) = self.stored.events.get(self.moved).filter(|_| self.moved < look.events as usize) {
            self.moved += 1;
            if let (Some(state), Some(to)) = (&mut self.state, transition(event)) {
                to.clone_into(state);
                let states = self.evaluator.parts.bundle.workflow.as_ref().map(|workflow| &workflow.states);
                let external = states.and_then(|states| states.get(to)).is_some_and(|state| state.external);
                if !external {
                    self.entered();
                }
            }
        }
        self.facts.extend(look.facts.clone());
        let turn = if look.at == LookAt::End { self.stored.measured.turns.last() } else { None };
        if let Some(turn) = turn.or(self.stored.measured.turns.get(self.exchanges)) {
            self.facts.insert("latency_ms".to_owned(), json!(turn.latency_ms));
        }
        Ok(())
    }

    fn task(&self) -> Option<&str> {
        match (&self.evaluator.parts.bundle.workflow, &self.state) {
            (Some(workflow), Some(state)) => Some(workflow.states.get(state)?.prompt_task.as_str()),
            (Some(_), None) => None,
            (None, _) => Some(&self.case.scenario.task_type),
        }
    }

    fn entered(&mut self) {
        if let Some(task) = self.task().map(str::to_owned)
            && !self.tasks.contains(&task)
        {
            self.tasks.push(task);
        }
    }

    /// What looks, of the one bundle or the other, in its two lists.
    fn lists(&self, bundle: &Bundle, scenario: &Arc<Scenario>, look: &Look) -> [Vec<Item>; 2] {
        let turn = (look.at != LookAt::End).then_some(look.turn);
        let (moment, tasks) = match look.at {
            LookAt::Turn => (Moment::Turn, self.under.as_slice()),
            LookAt::Step => (Moment::Step, self.under.as_slice()),
            LookAt::End => (Moment::End, &self.tasks[..]),
        };
        let exchange = match look.at {
            LookAt::End => self.stored.measured.turns.len().saturating_sub(1),
            _ => self.exchanges,
        };
        let checks = if look.at == LookAt::Step { Vec::new() } else { Planned::list(scenario, turn) };
        let evals = PackEval::resolve(&bundle.evals, tasks.iter().filter_map(|task| bundle.prompts.get(task)));
        let due = (0u32..).zip(evals).filter(|(_, eval)| moment.calls_for(eval, &self.key, exchange));
        let evals = due.map(|(index, eval)| Item::Eval { eval, turn, index });
        [checks.into_iter().map(Item::Check).collect(), evals.collect()]
    }

    /// Takes over or judges what looks here. Gives the number of events that the checks of the run had made.
    async fn look(&mut self, look: &Look) -> Result<u32, ReplayError> {
        while self.stored.checks.get(self.next).is_some_and(|check| check.scope == Scope::Guardrail) {
            self.take(self.next);
            self.next += 1;
        }
        let before = self.lists(self.earlier.bundle, self.earlier.scenario, look);
        let now = self.lists(&self.evaluator.parts.bundle, &self.case.scenario, look);
        let mut events = look.events as usize;
        for (before, now) in before.into_iter().zip(now) {
            let first = self.next;
            for item in &before {
                let known = self.stored.checks.get(self.next).is_some_and(|check| place(check) == item.place());
                if !known {
                    let (scope, turn, index) = item.place();
                    let what = format!("{scope:?} check {index} of turn {turn:?}").to_lowercase();
                    return Err(self.unclear(format!("it has no {what} where that was judged")));
                }
                self.next += 1;
            }
            let mut subject = self.subject(look, events);
            let asked = asked_tools(before.iter().map(Item::assertion), &subject).len();
            let heard = self.stored.events.get(events..events + asked);
            let heard = heard.filter(|heard| heard.iter().all(|event| event.kind == TOOL_EXEC));
            let heard = heard.ok_or_else(|| self.unclear("it lacks calls of tools that its checks asked for"))?;
            subject.events.extend_from_slice(heard);
            events += asked;
            let jobs = self.sort(first, &before, now);
            self.judge(jobs, subject, heard).await?;
        }
        Ok(events as u32 - look.events)
    }

    /// The conversation as it stood.
    fn subject(&self, look: &Look, events: usize) -> Conversation {
        let count = look.messages as usize;
        let head = |all: &[u32]| all.get(..count).unwrap_or(all).to_vec();
        let messages = self.stored.messages.get(..count).unwrap_or(&self.stored.messages).to_vec();
        let mut facts = self.facts.clone();
        facts.insert("cost".to_owned(), cost_fact(&messages));
        if let Some(took) = self.took {
            facts.insert("latency_ms".to_owned(), json!(took));
        }
        let mut turns = head(&self.turns);
        // In the middle of an exchange.
        turns.resize(messages.len(), look.turn);
        Conversation {
            turn: (look.at != LookAt::End).then_some(look.turn),
            messages,
            turns,
            events: self.stored.events.get(..events).unwrap_or(&self.stored.events).to_vec(),
            facts,
        }
    }
}

fn noted(at: LookAt, turn: u32, messages: u32, events: u32) -> Look {
    Look { at, turn, messages, events, facts: BTreeMap::new() }
}

fn transition(event: &Event) -> Option<&str> {
    if event.kind == "transition" { event.detail["to"].as_str() } else { None }
}
