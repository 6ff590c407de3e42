//! The conversation of one case: scripted and played turns against a provider, rounds of tool calls, guardrails, checks
//! after each turn. Whatever a turn needs beside the model is a file of its own here.

mod calls;
mod composition;
mod context;
mod disturb;
mod evals;
mod exec;
mod guard;
mod live;
mod looks;
mod media;
mod memory;
mod persona;
mod policy;
mod recorded;
mod relevance;
mod replay;
mod round;
mod servers;
mod skills;
mod stream;
mod tools;
mod variables;
mod workflow;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arena_bundle::{Prompt, Turn, Validator};
use arena_model::{
    Author, CheckRecord, Content, Conversation, Event, Fault as _, Hasher, Look, LookAt, MeasuredTurn, Message,
    OnFailedTurn, Outcome, Role, Usage,
};
use arena_provider::{Provider, Reuse};
use serde_json::{Value, json};

use crate::case::{CaseInput, Trouble};
use crate::check::{Bench, Planned};
use crate::evaluator::Evaluator;
use crate::mcp::Session;
use crate::prompt;

use context::Cut;
use evals::Moment;
pub(crate) use exec::TOOL_EXEC;
use guard::Direction;
pub(crate) use guard::{bad_direction, guard_params};
pub use live::MAPPINGS;
use looks::cost_fact;
use memory::Memories;
use policy::Calls;
use relevance::Vectors;
pub use replay::{Again, Earlier, Rejudged, RejudgedCheck, ReplayError, Which};
use skills::Skills;
pub use tools::{ANSWERS, SCHEMAS, refers};
use workflow::Machine;

/// Most names that a message lists.
const LISTED: usize = 20;
/// What the original runner says where a prompt is missing.
const DEFAULT_PROMPT: &str = "You are a helpful AI assistant.";

/// A case in progress.
pub(crate) struct Run<'a> {
    evaluator: &'a Evaluator,
    case: &'a CaseInput,
    key: String,
    pub(crate) conversation: Conversation,
    input: Hasher,
    pub(crate) checks: Vec<CheckRecord>,
    pub(crate) checks_us: Vec<u64>,
    pub(crate) turns: Vec<MeasuredTurn>,
    /// Of played users, summaries and vectors, which are no messages.
    pub(crate) played: Usage,
    pub(crate) played_cost: Option<u64>,
    /// Calls of models so far, but for those of checks.
    pub(crate) asked: u64,
    machine: Option<Machine>,
    skills: Skills,
    memories: Memories,
    /// What of the conversation its model was sent last.
    kept: Cut,
    /// Of messages, where the likeness of texts decides what is sent.
    vectors: Vectors,
    calls: Calls,
    /// When checks looked, and the facts that were noted for it.
    looks: Vec<Look>,
    noted: BTreeMap<&'static str, Value>,
    /// Sessions with servers of tools.
    servers: Vec<Session>,
    /// The system prompt in force.
    system: String,
    /// Of the prompt in force when the user spoke.
    guards: &'a [Validator],
    /// Whether a guardrail ended the stream of the newest reply.
    ended: bool,
    /// The prompts that were in force so far, and the one under which the user spoke last.
    prompts: Vec<&'a Prompt>,
    under: Option<&'a Prompt>,
    /// What was not there and had to be done without. The case is an error, whatever its checks say.
    lacking: Option<Trouble>,
    /// Whether the last transition left the turn to somebody else, so that the next one begins under its prompt.
    handed_over: bool,
    /// The calls of this case, for a cache of answers.
    reuse: Arc<Reuse>,
    /// Milliseconds that a recorded answer took.
    took: Option<u64>,
    /// Whether any of the agent's answers came from a cache.
    pub(crate) cached: bool,
    timeout: Duration,
    deadline: Instant,
}

impl<'a> Run<'a> {
    pub(crate) fn new(evaluator: &'a Evaluator, case: &'a CaseInput, timeout: Duration) -> Self {
        Self {
            evaluator,
            case,
            key: case.id.key().0,
            conversation: Conversation::default(),
            input: Hasher::default(),
            checks: Vec::new(),
            checks_us: Vec::new(),
            turns: Vec::new(),
            played: Usage::default(),
            played_cost: Some(0),
            asked: 0,
            machine: None,
            skills: Skills::new(&evaluator.parts.bundle.skills),
            memories: Memories::new(evaluator.parts.bundle.memory, &case.scenario.seed_memories),
            kept: Cut::default(),
            vectors: Vectors::new(),
            calls: Calls::default(),
            looks: Vec::new(),
            noted: BTreeMap::new(),
            servers: Vec::new(),
            system: String::new(),
            guards: &[],
            ended: false,
            prompts: Vec::new(),
            under: None,
            lacking: None,
            handed_over: false,
            reuse: Arc::new(Reuse::of_trial(case.id.trial)),
            took: None,
            cached: false,
            timeout,
            deadline: Instant::now() + timeout,
        }
    }

    /// Digest of all that was put in.
    pub(crate) fn input(&mut self) -> arena_model::Digest {
        std::mem::take(&mut self.input).finish()
    }

    /// All turns and then the conversation's checks. An error is the case's own; a failed check only stops the turns.
    /// Either way the conversation as far as it went is judged.
    pub(crate) async fn converse(&mut self, timeout: Duration) -> Result<(), Trouble> {
        let held = match self.case.scenario.recording.clone() {
            Some(Ok(recording)) => self.judge_recording(&recording).await,
            Some(Err(why)) => return Err(Trouble::new("RecordingInvalid", why)),
            None => {
                let provider = self.begin()?;
                if let Err(trouble) = self.open_servers().await {
                    self.close_servers().await;
                    return Err(trouble);
                }
                self.hold(provider.as_ref(), timeout).await
            }
        };
        self.close_servers().await;
        self.note_look(LookAt::End, None);
        let judged = self.judge(None).await;
        let observed = self.observe(Moment::End, None).await;
        held.and(judged.map(drop)).and(observed).and(self.lacking.take().map_or(Ok(()), Err))
    }

    /// What must be there before anything is said; without it there is no conversation to judge.
    fn begin(&mut self) -> Result<Arc<dyn Provider>, Trouble> {
        let scenario = &self.case.scenario;
        let bundle = &self.evaluator.parts.bundle;
        if let Some(key) = bundle.unsupported.first() {
            return Err(Trouble::new("FeatureUnsupported", format!("{}: `{key}` is not supported", bundle.entry)));
        }
        let provider = self.evaluator.provider(&self.case.id.provider)?;
        if scenario.duplex.is_some() && !provider.speaks() {
            let text = format!(
                "scenario `{}` is a conversation of voices (`duplex`), which only a provider of type mock can hold yet, not `{}`",
                scenario.id, self.case.id.provider
            );
            return Err(Trouble::new("FeatureUnsupported", text));
        }
        if let Some(workflow) = &self.evaluator.parts.bundle.workflow {
            let machine = Machine::new(workflow.clone(), &scenario.task_type);
            let invalid = |why| Trouble::new("WorkflowInvalid", format!("{}: {why}", scenario.id));
            self.machine = Some(machine.map_err(invalid)?);
        }
        self.check_values()?;
        self.check_media()?;
        Ok(provider)
    }

    async fn hold(&mut self, provider: &dyn Provider, timeout: Duration) -> Result<(), Trouble> {
        let scenario = self.case.scenario.clone();
        if self.composition().is_none() {
            self.system = match self.prompt() {
                Ok(_) => self.rendered(self.task()).await?,
                Err(missing) if !self.can_do_without_prompt() => return Err(missing),
                Err(missing) => {
                    self.lacking.get_or_insert(missing);
                    DEFAULT_PROMPT.to_owned()
                }
            };
        }
        self.hash_input(&scenario.turns)?;
        for prompt in self.system_prompts() {
            self.push(prompt, 0);
        }
        for (at, turn) in (0u32..).zip(&scenario.turns) {
            if !self.turn(at, turn, provider, timeout).await? {
                break;
            }
        }
        Ok(())
    }

    /// As in the original runner, which builds a state's turn around its prompt, unless there are no prompts at all.
    fn can_do_without_prompt(&self) -> bool {
        self.task().is_empty() || self.machine.is_none() || self.evaluator.parts.bundle.prompts.is_empty()
    }

    fn hash_input(&mut self, turns: &[Turn]) -> Result<(), Trouble> {
        self.input.field(self.system.as_bytes());
        for turn in turns {
            self.input.field(turn.role.as_bytes()).field(turn.content.text().as_bytes());
            if let Content::Parts(parts) = &turn.content {
                // What only the media tell apart is another input as well.
                let parts =
                    serde_json::to_vec(parts).map_err(|error| Trouble::new("RecordInvalid", error.to_string()))?;
                self.input.field(&parts);
            }
        }
        Ok(())
    }

    /// One scripted turn, or as many exchanges as a persona plays. True if the conversation may go on.
    async fn turn(
        &mut self,
        at: u32,
        turn: &Turn,
        provider: &dyn Provider,
        timeout: Duration,
    ) -> Result<bool, Trouble> {
        let Some(play) = &turn.play else {
            if turn.role != "user" {
                let text = format!("turn {at} has the role `{}`; only `user` can be scripted", turn.role);
                return Err(Trouble::new("TurnRoleUnknown", text));
            }
            self.check_time(timeout)?;
            let mut message = Message::text(Role::User, Author::Script, "");
            message.content = turn.content.clone();
            self.exchange(message, at, turn, provider).await?;
            self.note_look(LookAt::Turn, Some(at));
            let goes_on = self.judge(Some(at)).await?;
            self.observe(Moment::Turn, Some(at)).await?;
            return Ok(goes_on);
        };
        for number in 1..=play.max_turns.unwrap_or(play.turns).max(play.turns) {
            self.check_time(timeout)?;
            let said = self.play(&turn.role, play, number).await?;
            if !said.text.is_empty() {
                self.exchange(Message::text(Role::User, Author::Persona, said.text), at, turn, provider).await?;
                self.note_look(LookAt::Turn, Some(at));
                let goes_on = self.judge(Some(at)).await?;
                self.observe(Moment::Turn, Some(at)).await?;
                if !goes_on {
                    return Ok(false);
                }
            }
            // Before its least number of turns a persona cannot end the conversation.
            if said.complete && number >= play.turns {
                break;
            }
        }
        Ok(true)
    }

    fn check_time(&self, timeout: Duration) -> Result<(), Trouble> {
        if Instant::now() < self.deadline {
            return Ok(());
        }
        Err(Trouble::new("CaseTimeout", format!("the case took more than {timeout:?}")))
    }

    /// The task type of the prompt in force.
    fn task(&self) -> &str {
        match &self.machine {
            Some(machine) => machine.state().map_or("", |state| state.prompt_task.as_str()),
            None => &self.case.scenario.task_type,
        }
    }

    fn prompt(&self) -> Result<&'a Prompt, Trouble> {
        self.prompt_of(self.task())
    }

    fn prompt_of(&self, task: &str) -> Result<&'a Prompt, Trouble> {
        let prompts = &self.evaluator.parts.bundle.prompts;
        prompts.get(task).ok_or_else(|| {
            let known = prompts.keys().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
            let text = format!(
                "scenario `{}` wants a prompt for task_type `{task}`; prompt_configs has {}",
                self.case.scenario.id,
                if known.is_empty() { "none" } else { &known }
            );
            Trouble::new("PromptMissing", text)
        })
    }

    async fn rendered(&self, task: &str) -> Result<String, Trouble> {
        let prompt = self.prompt_of(task)?;
        let mut values = prompt::variables(prompt, &self.case.scenario, self.case.id.region.as_deref());
        if let Some(machine) = &self.machine {
            values.extend(machine.variables());
        }
        let missing = prompt::missing(prompt, &values);
        if !missing.is_empty() {
            let text = format!("prompt `{task}` needs a value for {}", missing.join(", "));
            return Err(Trouble::new("VariableMissing", text));
        }
        self.check_rules(prompt, &values)?;
        self.render_whole(&prompt.template_for(self.model()), &prompt.fragments, values, &format!("prompt `{task}`"))
            .await
    }

    async fn render_text(
        &self,
        source: &str,
        values: &BTreeMap<String, String>,
        what: &str,
    ) -> Result<String, Trouble> {
        let engine = self.evaluator.template()?;
        let seed = crate::check::seed_of(self.evaluator.parts.seed, &self.key, engine.digest());
        let rendered = prompt::render(&self.evaluator.parts.sandbox, engine, source, &json!(values), seed).await;
        rendered.map_err(|error| Trouble::new(error.reason(), format!("rendering {what}: {error}")))
    }

    fn push(&mut self, message: Message, turn: u32) {
        self.conversation.messages.push(message);
        self.conversation.turns.push(turn);
    }

    fn event(&mut self, kind: &str, turn: u32, detail: Value) {
        self.conversation.events.push(Event { kind: kind.to_owned(), turn, detail });
    }

    /// What checks may ask for by name.
    fn set_facts(&mut self) {
        let facts = &mut self.conversation.facts;
        facts.insert("variables".to_owned(), json!(self.case.scenario.variables));
        if let Some(machine) = &self.machine {
            facts.insert("workflow".to_owned(), machine.fact());
        }
        if let Some(turn) = self.turns.last() {
            facts.insert("latency_ms".to_owned(), json!(turn.latency_ms));
        }
        if self.case.scenario.recording.is_some() {
            // Not that of the answer before.
            facts.remove("latency_ms");
            facts.extend(self.took.map(|took| ("latency_ms".to_owned(), json!(took))));
        }
        facts.insert("cost".to_owned(), cost_fact(&self.conversation.messages));
    }

    /// Judges one list of checks, all in one visit to the pool. True if the conversation may go on.
    async fn judge(&mut self, turn: Option<u32>) -> Result<bool, Trouble> {
        let planned = Planned::list(&self.case.scenario, turn);
        if planned.is_empty() {
            return Ok(true);
        }
        self.call_for_checks(planned.iter().map(Planned::assertion), turn).await;
        let bundle = &self.evaluator.parts.bundle;
        let planned: Vec<_> = planned.into_iter().map(|it| (it.refused(bundle), it)).collect();
        let judging = |bench: Bench, subject: Arc<Conversation>, key: String| async move {
            let mut judged = Vec::new();
            for (refused, check) in planned {
                judged.push(match refused {
                    Some(record) => (record, 0),
                    None => bench.judge(&check, &subject, &key).await,
                });
            }
            judged
        };
        let trials = self.case.scenario.trials;
        let goes_on = self.evaluator.parts.bundle.conduct.on_failed_turn == OnFailedTurn::Continue;
        let judged = self.looked_at(turn, judging).await?;
        Ok(goes_on
            || judged.iter().all(|record| {
                // What need not pass in every trial ends none of them.
                let tolerable = trials > 1 && record.pass_threshold.is_some() && record.outcome == Outcome::Failed;
                tolerable || matches!(record.outcome, Outcome::Passed | Outcome::Skipped)
            }))
    }

    /// Lets `look` see the conversation as it stands, in one visit to the pool, and records what it finds.
    async fn looked_at<F>(
        &mut self,
        turn: Option<u32>,
        look: impl FnOnce(Bench, Arc<Conversation>, String) -> F,
    ) -> Result<&[CheckRecord], Trouble>
    where
        F: Future<Output = Vec<(CheckRecord, u64)>> + Send + 'static,
    {
        self.set_facts();
        let subject = Arc::new(Conversation { turn, ..std::mem::take(&mut self.conversation) });
        let look = look(self.evaluator.bench.clone(), subject.clone(), self.key.clone());
        let found = self.evaluator.parts.sandbox.on_pool(look).await;
        self.conversation = Arc::unwrap_or_clone(subject);
        let before = self.checks.len();
        for (record, micros) in found.map_err(Trouble::from_sandbox)? {
            self.checks.push(record);
            self.checks_us.push(micros);
        }
        Ok(&self.checks[before..])
    }

    /// Adds a `not_run` record for each check that the conversation never came to.
    pub(crate) fn skip_unreached(&mut self, stopped: bool) {
        let turns = (0u32..).zip(&self.case.scenario.turns).map(|(at, _)| Some(at));
        for turn in turns.chain(stopped.then_some(None)) {
            for planned in Planned::list(&self.case.scenario, turn) {
                let scope = planned.scope();
                let judged =
                    |check: &CheckRecord| check.scope == scope && check.turn == turn && check.index == planned.index;
                if !self.checks.iter().any(judged) {
                    self.checks.push(planned.record(Outcome::NotRun));
                    self.checks_us.push(0);
                }
            }
        }
    }
}
