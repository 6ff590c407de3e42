//! Answers guests' questions with the judges that the bundle names.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arena_model::{Author, Message, Role};
use arena_provider::{ChatRequest, MockContext, Provider};
use arena_sandbox::{JudgeAnswer, JudgeFailure, JudgeHost, JudgeQuestion};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::library::nearest;

/// Longest wait for one answer, retries included.
const JUDGE_TIMEOUT: Duration = Duration::from_secs(120);
/// Longest answer a guest may ask for.
const JUDGE_TOKENS: u32 = 4096;

/// The judges of a run by name, or why one cannot be asked.
pub(crate) struct Judges {
    judges: BTreeMap<String, Result<Arc<dyn Provider>, String>>,
    /// Guests ask on threads of their own, which have no IO; calls are made here.
    io: Option<Handle>,
}

#[async_trait::async_trait]
impl JudgeHost for Judges {
    async fn ask(&self, question: &JudgeQuestion) -> Result<JudgeAnswer, JudgeFailure> {
        let (name, provider) = self.find(question.judge.as_deref()).map_err(JudgeFailure::Unknown)?;
        let provider = provider.as_ref().map_err(|error| JudgeFailure::Failed(format!("judge `{name}`: {error}")))?;
        let mut messages = Vec::with_capacity(2);
        if !question.system.is_empty() {
            messages.push(Message::text(Role::System, Author::Script, question.system.as_str()));
        }
        messages.push(Message::text(Role::User, Author::Script, question.prompt.as_str()));
        let (provider, max_tokens) = (provider.clone(), question.max_tokens.clamp(1, JUDGE_TOKENS));
        let call = async move {
            let request = ChatRequest {
                temperature: Some(0.0),
                max_tokens: Some(max_tokens),
                context: MockContext { turn: 1, judge: true, ..MockContext::default() },
                ..ChatRequest::new(&messages, Instant::now() + JUDGE_TIMEOUT)
            };
            provider.chat(request).await.map_err(|error| error.to_string())
        };
        let failed = |why: String| JudgeFailure::Failed(format!("judge `{name}`: {why}"));
        let io = self.io.as_ref().ok_or_else(|| failed("there is no runtime to call it from".to_owned()))?;
        // The set ends the call if the guest's time runs out first.
        let mut calls = JoinSet::new();
        calls.spawn_on(call, io);
        let answered = calls.join_next().await.ok_or_else(|| failed("the call was lost".to_owned()))?;
        let reply = answered.map_err(|error| failed(error.to_string()))?.map_err(failed)?;
        // What was cut may have said the opposite of what is there.
        if let Some(finish @ ("content-filter" | "length")) = reply.message.finish.as_deref() {
            return Err(failed(format!("its answer was cut short (`{finish}`)")));
        }
        Ok(JudgeAnswer {
            judge: name.clone(),
            text: reply.message.content.text().into_owned(),
            usage: reply.message.usage.unwrap_or_default(),
            cost_usd_micro: reply.message.cost_usd_micro,
        })
    }
}

impl Judges {
    /// Judges that are called on the runtime this is called on.
    pub(crate) fn new(judges: BTreeMap<String, Result<Arc<dyn Provider>, String>>) -> Self {
        Self { judges, io: Handle::try_current().ok() }
    }

    /// The judge of this name. When none is named the first by name is meant; upstream takes whichever its map gives
    /// first.
    #[allow(clippy::type_complexity, reason = "an entry of the map")]
    pub(crate) fn find(&self, name: Option<&str>) -> Result<(&String, &Result<Arc<dyn Provider>, String>), String> {
        let first = self.judges.first_key_value();
        let first = first.ok_or("this run has no judge; name one under `judges` in the arena file")?;
        let Some(name) = name else { return Ok(first) };
        self.judges.get_key_value(name).ok_or_else(|| {
            let known = self.judges.keys().map(String::as_str);
            match nearest(name, known.clone()) {
                Some(meant) => format!("no judge is named `{name}`; did you mean `{meant}`?"),
                None => format!("no judge is named `{name}`; there are {}", known.collect::<Vec<_>>().join(", ")),
            }
        })
    }
}
