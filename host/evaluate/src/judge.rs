//! Answers guests' questions with the judges that the bundle names.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arena_model::{Author, Message, Role, Usage};
use arena_provider::{ChatRequest, MockContext, Provider};
use arena_sandbox::{JudgeAnswer, JudgeFailure, JudgeHost, JudgeQuestion};

/// Longest wait for one answer, retries included.
const JUDGE_TIMEOUT: Duration = Duration::from_secs(120);
/// Longest answer a guest may ask for.
const JUDGE_TOKENS: u32 = 4096;

/// The judges of a run by name, or why one cannot be asked.
#[derive(Clone, Default)]
pub(crate) struct Judges(pub(crate) BTreeMap<String, Result<Arc<dyn Provider>, String>>);

#[async_trait::async_trait]
impl JudgeHost for Judges {
    async fn ask(&self, question: &JudgeQuestion) -> Result<JudgeAnswer, JudgeFailure> {
        let (name, provider) = match &question.judge {
            Some(name) => self.0.get_key_value(name).ok_or_else(|| {
                let known = self.0.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                let known =
                    if known.is_empty() { "none is configured".to_owned() } else { format!("there are {known}") };
                JudgeFailure::Unknown(format!("no judge is named `{name}`; {known}"))
            })?,
            None => self.only()?,
        };
        let provider = provider.as_ref().map_err(|error| JudgeFailure::Failed(format!("judge `{name}`: {error}")))?;
        let mut messages = Vec::with_capacity(2);
        if !question.system.is_empty() {
            messages.push(Message::text(Role::System, Author::Script, question.system.as_str()));
        }
        messages.push(Message::text(Role::User, Author::Script, question.prompt.as_str()));
        let request = ChatRequest {
            messages: &messages,
            temperature: Some(0.0),
            top_p: None,
            max_tokens: Some(question.max_tokens.clamp(1, JUDGE_TOKENS)),
            seed: None,
            stream: false,
            context: MockContext { scenario: "", turn: 1, judge: true },
            deadline: Instant::now() + JUDGE_TIMEOUT,
        };
        let reply =
            provider.chat(request).await.map_err(|error| JudgeFailure::Failed(format!("judge `{name}`: {error}")))?;
        Ok(JudgeAnswer {
            judge: name.clone(),
            text: reply.message.content.text().into_owned(),
            usage: reply.message.usage.unwrap_or(Usage::default()),
            cost_usd_micro: reply.message.cost_usd_micro,
        })
    }
}

impl Judges {
    /// The judge that is meant when none is named: the only one.
    #[allow(clippy::type_complexity, reason = "an entry of the map")]
    fn only(&self) -> Result<(&String, &Result<Arc<dyn Provider>, String>), JudgeFailure> {
        let mut all = self.0.iter();
        match (all.next(), all.next()) {
            (Some(only), None) => Ok(only),
            (None, _) => Err(JudgeFailure::Unknown("this run has no judge; name one under `judges`".to_owned())),
            (Some(first), Some(_)) => {
                // Upstream takes whichever its map gives first; here it is always the same one.
                Ok(first)
            }
        }
    }
}
