//! One evaluation: a fresh store and instance, one call, and everything that is known of it afterwards.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arena_model::{Conversation, Evidence, HostCall};
use wasmtime::component::Resource;
use wasmtime::{CallHook, Store, UpdateDeadline};

use crate::bindings::{template, types};
use crate::component::Linked;
use crate::engine::TICK;
use crate::state::{Breach, State, Subject};
use crate::trap::from_trap;
use crate::turn::give_way;
use crate::wasi::{self, Output};
use crate::{Asked, Component, Grants, GuestError, Limits, Sandbox, World};

/// Longest name, label or reason that is kept of a guest's answer, bytes.
const TEXT_BYTES: usize = 4096;
/// Most pieces of evidence or metrics that are kept.
const LIST_ENTRIES: usize = 256;

/// What to evaluate.
#[derive(Clone)]
pub struct Call {
    /// Check type, any of the component's names or aliases.
    pub check: String,
    /// JSON object.
    pub params: String,
    /// The subject.
    pub conversation: Arc<Conversation>,
    /// Who answers what the guest may ask.
    pub asked: Asked,
    /// Seed of the guest's randomness.
    pub seed: u64,
}

/// A guest's verdict, checked: the score is a number from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// 0 to 1.
    pub score: Option<f64>,
    /// A class.
    pub label: Option<String>,
    /// The guest's own word.
    pub passed: Option<bool>,
    /// One sentence.
    pub reason: String,
    /// Spans of messages; only those that lie within a message.
    pub evidence: Vec<Evidence>,
    /// Numbers worth plotting.
    pub metrics: Vec<(String, f64)>,
}

/// A line a guest logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// debug, info, warn, error, stdout or stderr.
    pub level: &'static str,
    /// As the guest wrote it; make it safe before showing it.
    pub text: String,
}

/// What came of an evaluation. The costs are known for failures, too.
#[derive(Clone, Debug)]
pub struct Evaluation<T = Verdict> {
    /// The verdict, or why there is none.
    pub result: Result<T, GuestError>,
    /// Fuel used.
    pub fuel: u64,
    /// Most bytes of linear memory held at once.
    pub memory_bytes: u64,
    /// Wall time.
    pub duration: Duration,
    /// Calls that cost or vary, in order.
    pub calls: Vec<HostCall>,
    /// What it logged.
    pub log: Vec<LogLine>,
}

impl Sandbox {
    /// Judges a conversation in a fresh instance. Call it on the pool, see [`Sandbox::on_pool`].
    pub async fn evaluate(&self, component: &Component, call: &Call) -> Evaluation {
        let mut attempt = self.fresh(component, &Task::Evaluate(call)).await;
        // An error after a question that was refused or failed is that, whatever the guest calls it.
        if let Err(GuestError::CheckRetryable(why) | GuestError::CheckFailed(why)) = &attempt.result {
            let said = |text: &str| if why.is_empty() { text.to_owned() } else { why.clone() };
            let instead = match (&attempt.refused, &attempt.failed) {
                (Some(refused), _) => Some(refused.clone()),
                (None, Some(GuestError::JudgeFailed(text))) => Some(GuestError::JudgeFailed(said(text))),
                (None, Some(GuestError::EmbedFailed(text))) => Some(GuestError::EmbedFailed(said(text))),
                _ => None,
            };
            if let Some(error) = instead {
                attempt.result = Err(error);
            }
        }
        attempt.map(|answer| match answer {
            Answer::Verdict(verdict) => Ok(verdict),
            _ => Err(not_a(component, World::Evaluator)),
        })
    }

    /// Whether the params suit the check. The inner error is the guest's word on what is wrong.
    pub async fn validate(&self, component: &Component, check: &str, params: &str) -> Evaluation<Result<(), String>> {
        self.fresh(component, &Task::Validate { check, params }).await.map(|answer| match answer {
            Answer::Validated(word) => Ok(word),
            _ => Err(not_a(component, World::Evaluator)),
        })
    }

    /// Renders a template. `variables` is a JSON object. In an instance of its own, unless the component
    /// [keeps nothing](Component::keeps_nothing).
    pub async fn render(&self, component: &Component, source: &str, variables: &str, seed: u64) -> Evaluation<String> {
        if let Some(rendered) = self.render_kept(component, source, variables).await {
            return rendered;
        }
        self.fresh(component, &Task::Render { source, variables, seed }).await.map(|answer| match answer {
            Answer::Text(text) => Ok(text),
            _ => Err(not_a(component, World::Template)),
        })
    }

    /// Names a template needs a value for.
    pub async fn variables(&self, component: &Component, source: &str) -> Evaluation<Vec<String>> {
        self.fresh(component, &Task::Variables { source }).await.map(|answer| match answer {
            Answer::Names(names) => Ok(names),
            _ => Err(not_a(component, World::Template)),
        })
    }

    /// Asks a component what it is.
    pub(crate) async fn describe(&self, component: &Component) -> Result<String, GuestError> {
        match self.fresh(component, &Task::Describe).await.result? {
            Answer::Text(text) => Ok(text),
            _ => Err(not_a(component, component.world)),
        }
    }

    /// Does `task` in a fresh instance; once more if time ran out, which says nothing of the guest.
    async fn fresh(&self, component: &Component, task: &Task<'_>) -> Attempt {
        let mut first = self.attempt(component, task).await;
        if !first.result.as_ref().is_err_and(GuestError::is_time) {
            return first;
        }
        let second = self.attempt(component, task).await;
        // What the first attempt asked was paid for.
        first.calls.extend(second.calls);
        Attempt { calls: first.calls, duration: first.duration + second.duration, ..second }
    }

    async fn attempt(&self, component: &Component, task: &Task<'_>) -> Attempt {
        let limits = component.limits;
        give_way().await;
        // Never closed while the sandbox lives; waiting here is what keeps pool exhaustion from being an error.
        let _slot = self.slots.acquire().await;
        let started = Instant::now();
        let (mut store, output) = self.store(component, task.conversation(), task.asked(component.grants), task.seed());
        let too_much = store.data_mut().hand_over(task.bytes()).is_err();

        // wasmtime looks at the fuel only now and then. With one unit more than allowed, an empty tank at the end means
        // that the limit was passed since, and a guest that used exactly the limit still has that unit.
        let tank = limits.fuel.saturating_add(1);
        let filled = store.set_fuel(tank);
        let result = if too_much {
            Err(GuestError::InputLimit { limit: limits.input })
        } else if let Err(error) = filled {
            Err(GuestError::SandboxFailed(format!("{error:#}")))
        } else {
            let total = Duration::from_millis(limits.total_ms);
            match tokio::time::timeout(total, perform(&mut store, &component.linked, task)).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(error)) => Err(from_trap(&error, &limits)),
                Err(_) => Err(GuestError::EvaluationTimeout { limit: limits.total_ms }),
            }
        };
        let left = store.get_fuel().unwrap_or(0);
        let fuel = tank.saturating_sub(left).min(limits.fuel);
        let result = match result {
            Ok(_) if left == 0 => Err(GuestError::FuelExhausted { limit: limits.fuel }),
            other => other,
        };
        let mut state = store.into_data();
        let logged = output.map_or(Ok(()), |output| collect(&mut state, &output));
        let result = match state.over_host_calls() {
            Some(error) if !result.as_ref().is_err_and(GuestError::is_time) => Err(error),
            _ => result.and_then(|answer| logged.map(|()| answer)),
        };
        Attempt {
            result,
            fuel,
            memory_bytes: state.limiter.peak(),
            duration: started.elapsed(),
            calls: state.calls,
            log: state.log,
            failed: state.failed,
            refused: state.refused,
        }
    }

    /// A store for one instance of the component, with all its limits but the fuel, and what it prints.
    pub(crate) fn store(
        &self,
        component: &Component,
        conversation: Arc<Conversation>,
        asked: Asked,
        seed: u64,
    ) -> (Store<State>, Option<Output>) {
        let limits = component.limits;
        let (wasi, output) = match component.wants_wasi {
            true => Some(wasi::context(seed, self.epoch, limits.log)).unzip(),
            false => (None, None),
        };
        let mut state = State::new(limits, conversation, asked, wasi);
        state.table.set_max_capacity(limits.resources as usize);
        let mut store = Store::new(&self.runner.engine, state);
        store.limiter(|state| &mut state.limiter);
        // Resources of the guest's own making never enter `table`, but their handles take the host's memory, too.
        store.set_max_component_handles(limits.resources as usize);
        store.set_hostcall_fuel(usize::try_from(limits.result).unwrap_or(usize::MAX));
        tick(&mut store, &limits);
        if component.wants_wasi {
            // Calls of WASI are only counted, see `WasiView`; a flood must end at the same call every time.
            store.call_hook(|context, hook| match hook {
                CallHook::ReturningFromHost => context.data().refuse_host_calls(),
                _ => Ok(()),
            });
        }
        (store, output)
    }
}

/// Counts the guest's own ticks and gives way to other guests at each.
fn tick(store: &mut Store<State>, limits: &Limits) {
    let (limit, ticks) = (limits.guest_ms, (limits.guest_ms / TICK.as_millis() as u64).max(1));
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |mut context| {
        let state = context.data_mut();
        if !std::mem::take(&mut state.host_tick) {
            state.ticks += 1;
        }
        if state.ticks > ticks {
            return Err(Breach(GuestError::GuestTimeout { limit }).into());
        }
        Ok(UpdateDeadline::Yield(1))
    });
}

/// What a guest is asked to do.
enum Task<'a> {
    Evaluate(&'a Call),
    Validate { check: &'a str, params: &'a str },
    Render { source: &'a str, variables: &'a str, seed: u64 },
    Variables { source: &'a str },
    Describe,
}

impl Task<'_> {
    fn seed(&self) -> u64 {
        match self {
            Self::Evaluate(call) => call.seed,
            Self::Render { seed, .. } => *seed,
            _ => 0,
        }
    }

    fn asked(&self, grants: Grants) -> Asked {
        if let Self::Evaluate(call) = self { call.asked.within(grants) } else { Asked::default() }
    }

    fn conversation(&self) -> Arc<Conversation> {
        if let Self::Evaluate(call) = self { call.conversation.clone() } else { Arc::default() }
    }

    /// Bytes handed over with the call itself.
    fn bytes(&self) -> usize {
        match self {
            Self::Evaluate(call) => call.params.len(),
            Self::Validate { params, .. } => params.len(),
            Self::Render { source, variables, .. } => source.len() + variables.len(),
            Self::Variables { source } => source.len(),
            Self::Describe => 0,
        }
    }
}

/// What it answered.
enum Answer {
    Verdict(Verdict),
    Validated(Result<(), String>),
    Text(String),
    Names(Vec<String>),
    /// The component is of another world.
    Elsewhere,
}

/// Instantiates and calls. The outer error is a trap.
async fn perform(
    store: &mut Store<State>,
    linked: &Linked,
    task: &Task<'_>,
) -> wasmtime::Result<Result<Answer, GuestError>> {
    Ok(match linked {
        Linked::Evaluator(pre) => {
            let instance = pre.instantiate_async(&mut *store).await?;
            let checks = instance.arena_evaluator_checks();
            match task {
                Task::Evaluate(call) => {
                    let subject = store.data_mut().table.push(Subject)?;
                    let borrowed = Resource::new_borrow(subject.rep());
                    let answer = checks.call_evaluate(store, &call.check, &call.params, borrowed).await?;
                    answer
                        .map_err(from_guest)
                        .and_then(|verdict| checked(verdict, &call.conversation))
                        .map(Answer::Verdict)
                }
                Task::Validate { check, params } => {
                    Ok(Answer::Validated(checks.call_validate(store, check, params).await?.map_err(cut)))
                }
                Task::Describe => Ok(Answer::Text(checks.call_describe(store).await?)),
                Task::Render { .. } | Task::Variables { .. } => Ok(Answer::Elsewhere),
            }
        }
        Linked::Guardrail(pre) => {
            let instance = pre.instantiate_async(&mut *store).await?;
            let guard = instance.arena_evaluator_stream_guard();
            match task {
                Task::Validate { check, params } => {
                    Ok(Answer::Validated(guard.call_validate(store, check, params).await?.map_err(cut)))
                }
                Task::Describe => Ok(Answer::Text(guard.call_describe(store).await?)),
                _ => Ok(Answer::Elsewhere),
            }
        }
        Linked::Template(pre) => {
            let instance = pre.instantiate_async(&mut *store).await?;
            let templating = instance.arena_evaluator_templating();
            match task {
                Task::Render { source, variables, .. } => {
                    templating.call_render(store, source, variables).await?.map(Answer::Text).map_err(from_template)
                }
                Task::Variables { source } => {
                    templating.call_variables(store, source).await?.map(Answer::Names).map_err(from_template)
                }
                Task::Describe => Ok(Answer::Text(templating.call_describe(store).await?)),
                _ => Ok(Answer::Elsewhere),
            }
        }
    })
}

struct Attempt {
    result: Result<Answer, GuestError>,
    fuel: u64,
    memory_bytes: u64,
    duration: Duration,
    calls: Vec<HostCall>,
    log: Vec<LogLine>,
    failed: Option<GuestError>,
    refused: Option<GuestError>,
}

impl Attempt {
    fn map<T>(self, take: impl FnOnce(Answer) -> Result<T, GuestError>) -> Evaluation<T> {
        let Self { result, fuel, memory_bytes, duration, calls, log, .. } = self;
        Evaluation { result: result.and_then(take), fuel, memory_bytes, duration, calls, log }
    }
}

pub(crate) fn not_a(component: &Component, world: World) -> GuestError {
    let (name, is, wanted) = (&component.name, component.world.as_str(), world.as_str());
    GuestError::CheckUnknown(format!("component `{name}` is of world `{is}`, not `{wanted}`"))
}

pub(crate) fn from_guest(error: types::CheckError) -> GuestError {
    match error {
        types::CheckError::BadParams(why) => GuestError::BadParams(cut(why)),
        types::CheckError::NotApplicable(why) => GuestError::NotApplicable(cut(why)),
        types::CheckError::Retryable(why) => GuestError::CheckRetryable(cut(why)),
        types::CheckError::Other(why) => GuestError::CheckFailed(cut(why)),
    }
}

fn from_template(error: template::exports::arena::evaluator::templating::TemplateError) -> GuestError {
    use template::exports::arena::evaluator::templating::TemplateError;
    GuestError::CheckFailed(cut(match error {
        TemplateError::Syntax(why) => format!("the template is malformed: {why}"),
        TemplateError::Unresolved(names) => format!("no value for {}", names.join(", ")),
        TemplateError::Other(why) => why,
    }))
}

/// A verdict that keeps the contract, or the error that it does not.
fn checked(verdict: types::Verdict, conversation: &Conversation) -> Result<Verdict, GuestError> {
    if let Some(score) = verdict.score
        && !(0.0..=1.0).contains(&score)
    {
        return Err(GuestError::ResultInvalid(format!("score {score} is not a number from 0 to 1")));
    }
    if let Some(metric) = verdict.metrics.iter().find(|metric| !metric.value.is_finite()) {
        return Err(GuestError::ResultInvalid(format!("metric `{}` is {}", cut(metric.name.clone()), metric.value)));
    }
    let within = |evidence: &types::Evidence| {
        let text = conversation.messages.get(evidence.message as usize).map(|message| message.content.text());
        text.is_some_and(|text| text.get(evidence.start as usize..evidence.end as usize).is_some())
    };
    if let Some(wrong) = verdict.evidence.iter().find(|evidence| !within(evidence)) {
        let (message, start, end) = (wrong.message, wrong.start, wrong.end);
        let why = format!("evidence {start}..{end} does not lie within message {message} at character boundaries");
        return Err(GuestError::ResultInvalid(why));
    }
    Ok(Verdict {
        score: verdict.score,
        label: verdict.label.map(cut),
        passed: verdict.passed,
        reason: cut(verdict.reason),
        evidence: (verdict.evidence.into_iter().take(LIST_ENTRIES))
            .map(|e| Evidence { message: e.message, start: e.start, end: e.end, note: cut(e.note) })
            .collect(),
        metrics: verdict
            .metrics
            .into_iter()
            .take(LIST_ENTRIES)
            .map(|metric| (cut(metric.name), metric.value))
            .collect(),
    })
}

/// Adds captured output to the log; each line counts like a logged one.
fn collect(state: &mut State, output: &Output) -> Result<(), GuestError> {
    for (level, pipe) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        for line in String::from_utf8_lossy(&pipe.contents()).lines() {
            if state.write_log(level, line).is_err() {
                return Err(GuestError::LogLimit { limit: state.limits.log });
            }
        }
    }
    Ok(())
}

pub(crate) fn cut(mut text: String) -> String {
    if text.len() > TEXT_BYTES {
        let end = (0..=TEXT_BYTES).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push_str(" [cut]");
    }
    text
}
