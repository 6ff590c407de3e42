//! Judges and embedders that answer from a record.

use std::sync::{Mutex, PoisonError};

use arena_model::{Digest, HostCall};
use arena_sandbox::{
    Asked, EmbedAnswer, EmbedFailure, EmbedHost, EmbedQuestion, JudgeAnswer, JudgeFailure, JudgeHost, JudgeQuestion,
};
use serde::Serialize;

const JUDGE: &str = "judge:";
const EMBED: &str = "embed:";
/// Who answers, in messages.
const JUDGES: &str = "judge";
const EMBEDDERS: &str = "provider of embeddings";

/// The calls of a record. The same question gets the same answer; others go to whoever may be asked, if anybody may.
pub(crate) struct Recorded {
    calls: Mutex<Vec<HostCall>>,
    live: Option<Asked>,
    missing: Mutex<Option<String>>,
}

impl Recorded {
    /// Of two calls with one question the earlier answers first.
    pub(crate) fn new(calls: Vec<HostCall>, live: Option<Asked>) -> Self {
        Self { calls: Mutex::new(calls), live, missing: Mutex::default() }
    }

    /// What was asked first that has no answer.
    pub(crate) fn missing(&self) -> Option<String> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The call with this question, and what stands behind `whom` in its name. A call that failed answers only where
    /// nobody may be asked once more.
    fn find(&self, whom: &str, question: &impl Serialize) -> Option<(String, HostCall)> {
        let request = Digest::of_json(question).ok()?;
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let asks = |call: &HostCall| call.request == request && call.to.starts_with(whom);
        let at = calls.iter().position(|call| asks(call) && (self.live.is_none() || !call.failed))?;
        let call = calls.remove(at);
        Some((call.to.get(whom.len()..).unwrap_or_default().to_owned(), call))
    }

    fn lacks(&self, whom: &str) -> String {
        let why = not_asked(whom);
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why).clone()
    }

    /// What a call that failed says. One that was not made for want of an answer is missing again.
    fn failed(&self, whom: &str, call: HostCall) -> String {
        if call.reply == not_asked(whom) { self.lacks(whom) } else { call.reply }
    }
}

fn not_asked(whom: &str) -> String {
    format!("it asks a {whom} what was not asked in the run")
}

#[async_trait::async_trait]
impl JudgeHost for Recorded {
    async fn ask(&self, question: &JudgeQuestion) -> Result<JudgeAnswer, JudgeFailure> {
        match self.find(JUDGE, question) {
            Some((_, call)) if call.failed => Err(match call.cost_usd_micro {
                Some(0) => JudgeFailure::Unknown(self.failed(JUDGES, call)),
                _ => JudgeFailure::Failed(self.failed(JUDGES, call)),
            }),
            Some((judge, HostCall { reply: text, usage, cost_usd_micro, .. })) => {
                Ok(JudgeAnswer { judge, text, usage, cost_usd_micro })
            }
            None => match self.live.as_ref().and_then(|live| live.judge.as_ref()) {
                Some(judge) => judge.ask(question).await,
                None => Err(JudgeFailure::Unknown(self.lacks(JUDGES))),
            },
        }
    }
}

#[async_trait::async_trait]
impl EmbedHost for Recorded {
    async fn embed(&self, question: &EmbedQuestion) -> Result<EmbedAnswer, EmbedFailure> {
        match self.find(EMBED, question) {
            Some((_, call)) if call.failed => Err(match call.cost_usd_micro {
                Some(0) => EmbedFailure::Unknown(self.failed(EMBEDDERS, call)),
                _ => EmbedFailure::Failed(self.failed(EMBEDDERS, call)),
            }),
            Some((embedder, HostCall { reply, usage, cost_usd_micro, .. })) => match serde_json::from_str(&reply) {
                Ok(vectors) => Ok(EmbedAnswer { embedder, vectors, usage, cost_usd_micro }),
                Err(error) => Err(EmbedFailure::Failed(format!("the recorded vectors cannot be read: {error}"))),
            },
            None => match self.live.as_ref().and_then(|live| live.embed.as_ref()) {
                Some(embedder) => embedder.embed(question).await,
                None => Err(EmbedFailure::Unknown(self.lacks(EMBEDDERS))),
            },
        }
    }
}
