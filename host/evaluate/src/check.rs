//! One check: from an assertion to its record.

use std::borrow::Cow;
use std::sync::Arc;

use arena_bundle::{Assertion, Bundle, EvalThreshold, Group, PackEval, Scenario};
use arena_model::{CheckRecord, Conversation, Digest, EvaluatorRef, Fault, Hasher, Outcome, Scope};
use arena_sandbox::{Asked, Call, GuestError, Sandbox, Verdict};
use serde_json::Value;

use crate::condition::applies;
use crate::conversation::TOOL_EXEC;
use crate::group::{joined, negated};
use crate::guardrails::unknown_validator;
use crate::library::{Library, nearest};
use crate::score::{Threshold, observed};

/// The type that wraps another.
pub(crate) const WRAPPER: &str = "assertion";

/// Where an assertion stands.
#[derive(Clone)]
pub(crate) struct Planned {
    pub(crate) scenario: Arc<Scenario>,
    /// Index of the scripted turn; none for a conversation check.
    pub(crate) turn: Option<u32>,
    pub(crate) index: u32,
}

/// What a check is called with: the type a component knows, the params it gets as JSON, the user's thresholds.
pub(crate) struct Unwrapped {
    pub(crate) kind: String,
    pub(crate) params: String,
    pub(crate) threshold: Threshold,
}

/// Takes the wrapper off `type: assertion` and the thresholds off the params.
pub(crate) fn unwrap(assertion: &Assertion) -> Result<Unwrapped, String> {
    let text = assertion.params.as_str();
    let wrapped = assertion.kind == WRAPPER;
    if !wrapped && !text.contains("min_score") && !text.contains("max_score") {
        // The common case: the params go to the guest as they are.
        return Ok(Unwrapped {
            kind: assertion.kind.clone(),
            params: text.to_owned(),
            threshold: Threshold::default(),
        });
    }
    let (threshold, params) = Threshold::split(&assertion.params.to_value())?;
    if !wrapped {
        return Ok(Unwrapped { kind: assertion.kind.clone(), params: params.to_string(), threshold });
    }
    match params.get("eval_type").and_then(Value::as_str) {
        Some(kind) => {
            let empty = Value::Object(serde_json::Map::new());
            let (inner, params) = Threshold::split(params.get("eval_params").unwrap_or(&empty))?;
            Ok(Unwrapped { kind: kind.to_owned(), params: params.to_string(), threshold: threshold.and(inner)? })
        }
        None => Err("a check of type `assertion` needs `eval_type`".to_owned()),
    }
}

/// The type a component must offer for this assertion: its own, or the one it wraps.
pub fn check_type(assertion: &Assertion) -> Cow<'_, str> {
    match assertion.kind.as_str() {
        WRAPPER => match assertion.params.to_value().get("eval_type") {
            Some(Value::String(kind)) => kind.clone().into(),
            _ => WRAPPER.into(),
        },
        kind => kind.into(),
    }
}

impl Planned {
    /// All checks of a turn, or of the conversation.
    pub(crate) fn list(scenario: &Arc<Scenario>, turn: Option<u32>) -> Vec<Self> {
        let count = match turn {
            Some(at) => scenario.turns.get(at as usize).map_or(0, |turn| turn.assertions.len()),
            None => scenario.conversation_assertions.len(),
        };
        (0u32..).take(count).map(|index| Self { scenario: scenario.clone(), turn, index }).collect()
    }

    pub(crate) fn assertion(&self) -> &Assertion {
        let index = self.index as usize;
        match self.turn {
            Some(at) => &self.scenario.turns[at as usize].assertions[index],
            None => &self.scenario.conversation_assertions[index],
        }
    }

    /// The record of a check that cannot be judged, whatever was said.
    pub(crate) fn refused(&self, bundle: &Bundle) -> Option<CheckRecord> {
        let why = self.assertion().checks().iter().find_map(|check| {
            unknown_validator(bundle, &self.scenario, check).or_else(|| unknown_tool(bundle, check))
        })?;
        Some(error(self.record(Outcome::Error), "BadParams", why))
    }

    pub(crate) fn scope(&self) -> Scope {
        if self.turn.is_some() { Scope::Turn } else { Scope::Conversation }
    }

    /// A record without a verdict.
    pub(crate) fn record(&self, outcome: Outcome) -> CheckRecord {
        let assertion = self.assertion();
        CheckRecord {
            outcome,
            message: assertion.message.clone(),
            pass_threshold: assertion.pass_threshold,
            ..unjudged(self.scope(), self.turn, self.index, &assertion.kind, assertion.params.to_value())
        }
    }
}

/// What a check of this type is called with; none if it is of another.
pub(crate) fn params_of(kind: &str, assertion: &Assertion) -> Option<Value> {
    let own = check_type(assertion) == kind;
    own.then(|| serde_json::from_str(&unwrap(assertion).ok()?.params).ok()).flatten()
}

/// Why the tool that a check wants called cannot be: nothing of the bundle has its name.
pub(crate) fn unknown_tool(bundle: &Bundle, assertion: &Assertion) -> Option<String> {
    let params = params_of(TOOL_EXEC, assertion).filter(|_| bundle.mcp_servers.is_empty())?;
    let tool = params["tool"].as_str().filter(|tool| !tool.is_empty() && !bundle.tools.contains_key(*tool))?;
    Some(match nearest(tool, bundle.tools.keys().map(String::as_str)) {
        Some(meant) => format!("the bundle has no tool `{tool}`; did you mean `{meant}`?"),
        None => format!("the bundle has no tool `{tool}`; list it under `tools`"),
    })
}

/// A record of a check as it is declared, without a verdict.
pub(crate) fn unjudged(scope: Scope, turn: Option<u32>, index: u32, kind: &str, params: Value) -> CheckRecord {
    CheckRecord {
        scope,
        turn,
        index,
        id: None,
        kind: kind.to_owned(),
        params,
        outcome: Outcome::NotRun,
        score: None,
        reason: None,
        error: None,
        message: None,
        pass_threshold: None,
        label: None,
        evidence: Vec::new(),
        evaluator: None,
        fuel: 0,
        memory_bytes: 0,
        reused: false,
        calls: Vec::new(),
    }
}

fn error(record: CheckRecord, name: &str, text: impl std::fmt::Display) -> CheckRecord {
    let reason = Some(format!("{name}: {text}"));
    CheckRecord { outcome: Outcome::Error, reason, error: Some(name.to_owned()), ..record }
}

/// What makes an outcome of a verdict.
#[derive(Clone, Copy)]
enum Ruling<'a> {
    Check,
    Eval(Option<&'a EvalThreshold>),
}

impl Ruling<'_> {
    fn of(self, threshold: Threshold, verdict: &Verdict) -> Result<(Outcome, String), (&'static str, String)> {
        match self {
            Self::Check => threshold.judge(verdict),
            Self::Eval(own) => observed(threshold, own, verdict),
        }
    }
}

/// Whether the condition of a check holds; else the record that says why it is not judged.
fn held(
    assertion: &Assertion,
    record: impl Fn(Outcome) -> CheckRecord,
    conversation: &Conversation,
) -> Result<(), Box<CheckRecord>> {
    let Some(when) = &assertion.when else { return Ok(()) };
    match applies(when, conversation) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(why)) => Err(Box::new(CheckRecord { reason: Some(why), ..record(Outcome::Skipped) })),
        Err(why) => Err(Box::new(error(record(Outcome::Error), "ConditionInvalid", why))),
    }
}

/// What a check is called with if its condition holds; else the record that says why it is not called.
fn ready(
    assertion: &Assertion,
    record: impl Fn(Outcome) -> CheckRecord,
    conversation: &Conversation,
) -> Result<(CheckRecord, Unwrapped), Box<CheckRecord>> {
    held(assertion, &record, conversation)?;
    match unwrap(assertion) {
        Ok(unwrapped) => Ok((record(Outcome::NotRun), unwrapped)),
        Err(why) => Err(Box::new(error(record(Outcome::Error), "BadParams", why))),
    }
}

/// What all checks of a case share.
#[derive(Clone)]
pub(crate) struct Bench {
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) library: Arc<Library>,
    pub(crate) asked: Asked,
    /// Of the run's work.
    pub(crate) seed: u64,
}

impl Bench {
    /// Judges one check. Call it on the sandbox's pool. Gives the record and its wall time in microseconds.
    pub(crate) async fn judge(
        &self,
        planned: &Planned,
        conversation: &Arc<Conversation>,
        case_key: &str,
    ) -> (CheckRecord, u64) {
        let assertion = planned.assertion();
        let (record, micros) = match &assertion.group {
            None => self.judge_one(assertion, |outcome| planned.record(outcome), conversation, case_key).await,
            Some(group) => match held(assertion, |outcome| planned.record(outcome), conversation) {
                Err(record) => (*record, 0),
                Ok(()) => self.judge_group(group, planned, conversation, case_key).await,
            },
        };
        (if assertion.negate { negated(record) } else { record }, micros)
    }

    async fn judge_one(
        &self,
        assertion: &Assertion,
        record: impl Fn(Outcome) -> CheckRecord,
        conversation: &Arc<Conversation>,
        case_key: &str,
    ) -> (CheckRecord, u64) {
        match ready(assertion, record, conversation) {
            Ok((record, unwrapped)) => self.evaluated(record, unwrapped, Ruling::Check, conversation, case_key).await,
            Err(record) => (*record, 0),
        }
    }

    async fn judge_group(
        &self,
        group: &Group,
        planned: &Planned,
        conversation: &Arc<Conversation>,
        case_key: &str,
    ) -> (CheckRecord, u64) {
        let (mut members, mut micros) = (Vec::new(), 0u64);
        for check in &group.checks {
            let record = |outcome| CheckRecord {
                outcome,
                ..unjudged(planned.scope(), planned.turn, planned.index, &check.kind, check.params.to_value())
            };
            let (record, took) = self.judge_one(check, record, conversation, case_key).await;
            micros = micros.saturating_add(took);
            members.push(if check.negate { negated(record) } else { record });
        }
        (joined(group, planned.record(Outcome::NotRun), members), micros)
    }

    /// Lets an eval look. Call it on the sandbox's pool.
    pub(crate) async fn observe(
        &self,
        eval: &PackEval,
        (turn, index): (Option<u32>, u32),
        conversation: &Arc<Conversation>,
        case_key: &str,
    ) -> (CheckRecord, u64) {
        let check = &eval.check;
        let record = |outcome| CheckRecord {
            outcome,
            id: Some(eval.id.clone()),
            message: check.message.clone(),
            ..unjudged(Scope::Eval, turn, index, &check.kind, check.params.to_value())
        };
        let ruling = Ruling::Eval(eval.threshold.as_ref());
        match ready(check, record, conversation) {
            Ok((record, unwrapped)) => self.evaluated(record, unwrapped, ruling, conversation, case_key).await,
            Err(record) => (*record, 0),
        }
    }

    /// Judges by a check that is declared elsewhere: `record` says all of it but the verdict.
    pub(crate) async fn judge_as(
        &self,
        record: CheckRecord,
        params: &Value,
        conversation: &Arc<Conversation>,
        case_key: &str,
    ) -> (CheckRecord, u64) {
        match Threshold::split(params) {
            Ok((threshold, params)) => {
                let unwrapped = Unwrapped { kind: record.kind.clone(), params: params.to_string(), threshold };
                self.evaluated(record, unwrapped, Ruling::Check, conversation, case_key).await
            }
            Err(why) => (error(record, "BadParams", why), 0),
        }
    }

    async fn evaluated(
        &self,
        record: CheckRecord,
        unwrapped: Unwrapped,
        ruling: Ruling<'_>,
        conversation: &Arc<Conversation>,
        case_key: &str,
    ) -> (CheckRecord, u64) {
        let Some(entry) = self.library.find(&unwrapped.kind) else {
            return (error(record, "CheckUnknown", self.library.unknown(&unwrapped.kind)), 0);
        };
        let evaluator = Some(EvaluatorRef { name: entry.name.clone(), digest: entry.digest.clone() });
        let component = match entry.ready() {
            Ok(component) => component,
            Err((name, text)) => return (CheckRecord { evaluator, ..error(record, name, text) }, 0),
        };
        let call = Call {
            check: unwrapped.kind,
            params: unwrapped.params,
            conversation: conversation.clone(),
            asked: self.asked.clone(),
            seed: seed_of(self.seed, case_key, &entry.digest),
        };
        let evaluation = self.sandbox.evaluate(component, &call).await;
        for line in &evaluation.log {
            tracing::debug!(evaluator = entry.name, level = line.level, text = line.text, "guest");
        }
        let mut record = match evaluation.result {
            Ok(verdict) => match ruling.of(unwrapped.threshold, &verdict) {
                Ok((outcome, reason)) => CheckRecord {
                    outcome,
                    score: verdict.score,
                    reason: Some(reason),
                    label: verdict.label,
                    evidence: verdict.evidence,
                    ..record
                },
                Err((name, text)) => CheckRecord { score: verdict.score, ..error(record, name, text) },
            },
            Err(GuestError::NotApplicable(why)) => {
                CheckRecord { outcome: Outcome::Skipped, reason: Some(why), ..record }
            }
            Err(trouble) => error(record, trouble.reason(), &trouble),
        };
        record.evaluator = evaluator;
        record.fuel = evaluation.fuel;
        record.memory_bytes = evaluation.memory_bytes;
        record.calls = evaluation.calls;
        let micros = u64::try_from(evaluation.duration.as_micros()).unwrap_or(u64::MAX);
        (record, micros)
    }
}

/// Seed of a guest's randomness: of the work, the case and the evaluator, of nothing else.
pub(crate) fn seed_of(seed: u64, case_key: &str, evaluator: &Digest) -> u64 {
    let mut hasher = Hasher::default();
    hasher.field(&seed.to_be_bytes()).field(case_key.as_bytes()).field(evaluator.as_str().as_bytes());
    u64::from_str_radix(&hasher.finish().hex()[..16], 16).unwrap_or(seed)
}
