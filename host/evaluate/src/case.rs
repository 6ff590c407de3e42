//! The conversation of one case: scripted turns against a provider, checks after each, a record at the end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arena_bundle::{Scenario, Turn};
use arena_model::{
    Author, CaseId, CheckRecord, Content, Conversation, Fault, Hasher, Measured, MeasuredTurn, Message, Outcome,
    Record, Role, Usage,
};
use arena_provider::{ChatRequest, MockContext, Provider, ProviderError};

use crate::check::Planned;
use crate::evaluator::Evaluator;
use crate::prompt;

/// One case of the plan.
#[derive(Clone, Debug)]
pub struct CaseInput {
    /// Place in the plan.
    pub index: u64,
    /// The scenario.
    pub scenario: Arc<Scenario>,
    /// The ids.
    pub id: CaseId,
    /// Which attempt at the case this is, from 1.
    pub attempt: u32,
}

/// Why a case ends as `error`.
#[derive(Debug)]
pub(crate) struct Trouble {
    name: &'static str,
    text: String,
}

impl Trouble {
    pub(crate) fn new(name: &'static str, text: impl Into<String>) -> Self {
        Self { name, text: text.into() }
    }

    /// The same, saying which file of the bundle is to be mended.
    pub(crate) fn of_file(self, file: &str) -> Self {
        Self { text: format!("{file}: {}", self.text), ..self }
    }
}

impl From<ProviderError> for Trouble {
    fn from(error: ProviderError) -> Self {
        Self { name: error.reason(), text: error.to_string() }
    }
}

/// A case in progress.
struct Run<'a> {
    evaluator: &'a Evaluator,
    case: &'a CaseInput,
    key: String,
    conversation: Conversation,
    input: Hasher,
    checks: Vec<CheckRecord>,
    checks_us: Vec<u64>,
    turns: Vec<MeasuredTurn>,
    deadline: Instant,
}

impl Evaluator {
    /// Holds the conversation and judges it. Every trouble ends in the record; this never fails.
    pub async fn run(&self, case: &CaseInput) -> Record {
        let (started, began) = ((self.parts.clock)(), Instant::now());
        let timeout = self.parts.bundle.defaults.run_timeout.unwrap_or(self.parts.case_timeout);
        let mut run = Run {
            evaluator: self,
            case,
            key: case.id.key().0,
            conversation: Conversation::default(),
            input: Hasher::default(),
            checks: Vec::new(),
            checks_us: Vec::new(),
            turns: Vec::new(),
            deadline: began + timeout,
        };
        let trouble = run.converse(timeout).await.err();
        run.skip_unreached(trouble.is_some());
        run.record(trouble, started, began.elapsed())
    }
}

impl Run<'_> {
    /// All turns and then the conversation's checks. An error is the case's own; a failed check only stops the turns.
    async fn converse(&mut self, timeout: Duration) -> Result<(), Trouble> {
        let scenario = &self.case.scenario;
        let provider = self.evaluator.provider(&self.case.id.provider)?;
        let system = self.system_prompt().await?;
        self.input.field(system.as_bytes());
        for turn in &scenario.turns {
            self.input.field(turn.role.as_bytes()).field(turn.content.text().as_bytes());
            if let Content::Parts(parts) = &turn.content {
                // What only the media tell apart is another input as well.
                let parts =
                    serde_json::to_vec(parts).map_err(|error| Trouble::new("RecordInvalid", error.to_string()))?;
                self.input.field(&parts);
            }
        }
        if !system.is_empty() {
            self.push(Message::text(Role::System, Author::Script, system), 0);
        }
        for (at, turn) in (0u32..).zip(&scenario.turns) {
            if Instant::now() >= self.deadline {
                return Err(Trouble::new("CaseTimeout", format!("the case took more than {timeout:?}")));
            }
            self.turn(at, turn, provider.as_ref()).await?;
            let passed = self.judge(Some(at)).await?;
            if !passed {
                break;
            }
        }
        self.judge(None).await?;
        Ok(())
    }

    async fn system_prompt(&self) -> Result<String, Trouble> {
        let (bundle, scenario) = (&self.evaluator.parts.bundle, &self.case.scenario);
        let Some(prompt) = bundle.prompts.get(&scenario.task_type) else {
            let known = bundle.prompts.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            let text = format!(
                "scenario `{}` wants a prompt for task_type `{}`; prompt_configs has {}",
                scenario.id,
                scenario.task_type,
                if known.is_empty() { "none" } else { &known }
            );
            return Err(Trouble::new("PromptMissing", text));
        };
        let engine = self.evaluator.template()?;
        let values = prompt::variables(prompt, scenario, self.case.id.region.as_deref());
        let seed = crate::check::seed_of(self.evaluator.parts.seed, &self.key, engine.digest());
        prompt::render(&self.evaluator.parts.sandbox, engine, prompt, &values, seed).await
    }

    /// One scripted turn: the user's message and the model's answer.
    async fn turn(&mut self, at: u32, turn: &Turn, provider: &dyn Provider) -> Result<(), Trouble> {
        if turn.role != "user" {
            let text = format!("turn {at} has the role `{}`; only `user` can be scripted", turn.role);
            return Err(Trouble::new("TurnRoleUnknown", text));
        }
        let mut message = Message::text(Role::User, Author::Script, "");
        message.content = turn.content.clone();
        self.push(message, at);
        let (scenario, defaults) = (&self.case.scenario, &self.evaluator.parts.bundle.defaults);
        let request = ChatRequest {
            messages: &self.conversation.messages,
            temperature: defaults.temperature,
            top_p: None,
            max_tokens: defaults.max_tokens,
            seed: defaults.seed,
            stream: turn.streaming.or(scenario.streaming).unwrap_or(false),
            context: MockContext { scenario: &scenario.id, turn: at + 1, judge: false },
            deadline: self.deadline,
        };
        match provider.chat(request).await {
            Ok(reply) => {
                self.turns.push(MeasuredTurn {
                    latency_ms: millis(reply.latency),
                    ttft_ms: reply.ttft.map(millis),
                    attempts: reply.attempts,
                });
                let calls =
                    reply.message.tool_calls.iter().map(|call| call.name.as_str()).collect::<Vec<_>>().join(", ");
                let unsaid = unsaid(&reply.message, at);
                self.push(reply.message, at);
                if calls.is_empty() {
                    return unsaid.map_or(Ok(()), Err);
                }
                Err(Trouble::new("ToolsUnsupported", format!("the model called {calls}; tools cannot be run here")))
            }
            Err(error) => {
                self.turns.push(MeasuredTurn { latency_ms: 0.0, ttft_ms: None, attempts: error.attempts });
                Err(error.into())
            }
        }
    }

    fn push(&mut self, message: Message, turn: u32) {
        self.conversation.messages.push(message);
        self.conversation.turns.push(turn);
    }

    /// Judges one list of checks, all in one visit to the pool. True if the conversation may go on.
    async fn judge(&mut self, turn: Option<u32>) -> Result<bool, Trouble> {
        let planned = Planned::list(&self.case.scenario, turn);
        if planned.is_empty() {
            return Ok(true);
        }
        let conversation = Arc::new(Conversation { turn, ..std::mem::take(&mut self.conversation) });
        let (bench, key) = (self.evaluator.bench.clone(), self.key.clone());
        let subject = conversation.clone();
        let judged = self.evaluator.parts.sandbox.on_pool(async move {
            let mut judged = Vec::new();
            for check in planned {
                judged.push(bench.judge(&check, &subject, &key).await);
            }
            judged
        });
        let judged = judged.await;
        self.conversation = Arc::unwrap_or_clone(conversation);
        let judged = judged.map_err(|error| Trouble::new(error.reason(), error.to_string()))?;
        let mut passed = true;
        for (record, micros) in judged {
            passed &= matches!(record.outcome, Outcome::Passed | Outcome::Skipped);
            self.checks.push(record);
            self.checks_us.push(micros);
        }
        Ok(passed)
    }

    /// Adds a `not_run` record for each check that the conversation never came to.
    fn skip_unreached(&mut self, stopped: bool) {
        let turns = (0u32..).zip(&self.case.scenario.turns).map(|(at, _)| Some(at));
        for turn in turns.chain(stopped.then_some(None)) {
            for planned in Planned::list(&self.case.scenario, turn) {
                if !self.checks.iter().any(|check| check.turn == turn && check.index == planned.index) {
                    self.checks.push(planned.record(Outcome::NotRun));
                    self.checks_us.push(0);
                }
            }
        }
    }

    fn record(self, trouble: Option<Trouble>, started: String, elapsed: Duration) -> Record {
        let spoke = self.conversation.messages.iter().any(|message| message.by == Author::Model);
        let (outcome, reason, error) = verdict(&self.checks, spoke, trouble);
        let mut usage = Usage::default();
        let mut cost = Some(0u64);
        let replies = self.conversation.messages.iter().filter(|m| m.by == Author::Model);
        let spent = replies.map(|m| (m.usage.unwrap_or_default(), m.cost_usd_micro));
        let judged = self.checks.iter().flat_map(|check| &check.calls).map(|call| (call.usage, call.cost_usd_micro));
        for (tokens, micro) in spent.chain(judged) {
            usage += tokens;
            cost = cost.zip(micro).map(|(sum, one)| sum.saturating_add(one));
        }
        let id = &self.case.id;
        Record {
            v: 1,
            key: id.key(),
            index: self.case.index,
            input: self.input.finish(),
            scenario: id.scenario.clone(),
            provider: id.provider.clone(),
            region: id.region.clone(),
            trial: id.trial,
            row: id.row.clone(),
            variant: id.variant.clone(),
            outcome,
            reason,
            error,
            messages: self.conversation.messages,
            checks: self.checks,
            usage,
            cost_usd_micro: cost,
            measured: Measured {
                started,
                latency_ms: millis(elapsed),
                ttft_ms: self.turns.iter().find_map(|turn| turn.ttft_ms),
                turns: self.turns,
                checks_us: self.checks_us,
                attempts: self.case.attempt,
                worker: self.evaluator.parts.worker.clone(),
                cached: false,
            },
        }
    }
}

/// Why an answer is none that may be judged: what is not said breaks no rule, so checks would pass it.
fn unsaid(reply: &Message, at: u32) -> Option<Trouble> {
    let blank = |c: char| c.is_whitespace() || matches!(c, '\u{200b}' | '\u{feff}');
    let empty = matches!(&reply.content, Content::Text(text) if text.chars().all(blank));
    match reply.finish.as_deref() {
        Some("content-filter") => {
            let text = format!(
                "turn {at}: the vendor's content filter cut the answer {}",
                if empty { "away" } else { "short" }
            );
            Some(Trouble::new("ReplyFiltered", text))
        }
        // A model that says on its own accord that it has nothing to say is judged by that.
        Some("stop" | "refusal") => None,
        other if empty && reply.tool_calls.is_empty() => {
            let why = other.map_or_else(|| "without a reason".to_owned(), |word| format!("with `{word}`"));
            let text = format!("turn {at}: the model stopped {why} before it said anything; is `max_tokens` too low?");
            Some(Trouble::new("ReplyEmpty", text))
        }
        _ => None,
    }
}

/// Outcome of a case: its own trouble, else an errored check, else a failed one; else skipped if nothing was said or no
/// check that there is applied; else passed. `spoke` tells whether there is a reply at all.
fn verdict(checks: &[CheckRecord], spoke: bool, trouble: Option<Trouble>) -> (Outcome, Option<String>, Option<String>) {
    if let Some(trouble) = trouble {
        return (Outcome::Error, Some(format!("{}: {}", trouble.name, trouble.text)), Some(trouble.name.to_owned()));
    }
    for outcome in [Outcome::Error, Outcome::Failed] {
        let mut hits = checks.iter().filter(|check| check.outcome == outcome);
        if let Some(first) = hits.next() {
            let why = first.message.as_deref().or(first.reason.as_deref()).unwrap_or_default();
            let more = match hits.count() {
                0 => String::new(),
                others => format!(" (and {others} more)"),
            };
            let error = (outcome == Outcome::Error).then(|| "CheckError".to_owned());
            let lead = if error.is_some() { "CheckError: " } else { "" };
            return (outcome, Some(format!("{lead}{}: {why}{more}", first.kind)), error);
        }
    }
    if !spoke {
        let reason = "nothing was said: the scenario has no turns".to_owned();
        return (Outcome::Skipped, Some(reason), None);
    }
    match checks.iter().find(|check| check.outcome == Outcome::Skipped) {
        Some(first) if !checks.iter().any(|check| check.outcome == Outcome::Passed) => {
            let why = first.reason.as_deref().unwrap_or_default();
            (Outcome::Skipped, Some(format!("no check applied; {}: {why}", first.kind)), None)
        }
        _ => (Outcome::Passed, None, None),
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
