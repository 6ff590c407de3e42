//! The host functions: the subject, the log, the judge and embeddings.

use arena_model::{Author, Content, Digest, HostCall, Message, Role, ToolCall, Usage};
use wasmtime::component::Resource;

use crate::bindings::{embed, judge, log, subject, types};
use crate::state::{Breach, State, Subject};
use crate::{EmbedFailure, EmbedQuestion, GuestError, JudgeFailure, JudgeQuestion};

impl types::Host for State {}

impl subject::Host for State {}

impl subject::HostConversation for State {
    fn turn(&mut self, _: Resource<Subject>) -> wasmtime::Result<Option<u32>> {
        self.host_call()?;
        Ok(self.conversation.turn)
    }

    fn len(&mut self, _: Resource<Subject>) -> wasmtime::Result<u32> {
        self.host_call()?;
        Ok(index(self.conversation.messages.len()))
    }

    fn message(&mut self, _: Resource<Subject>, at: u32) -> wasmtime::Result<Option<types::Message>> {
        self.host_call()?;
        let conversation = self.conversation.clone();
        let Some(message) = conversation.messages.get(at as usize) else { return Ok(None) };
        let turn = conversation.turns.get(at as usize).copied().unwrap_or_default();
        let message = to_guest(message, turn);
        let parts: usize =
            message.parts.iter().map(|part| part.info.len() + part.text.as_ref().map_or(0, String::len)).sum();
        self.hand_over(message.text.len() + parts)?;
        Ok(Some(message))
    }

    fn text(&mut self, _: Resource<Subject>, at: u32) -> wasmtime::Result<Option<String>> {
        self.host_call()?;
        let Some(message) = self.conversation.messages.get(at as usize) else { return Ok(None) };
        let text = message.content.text().into_owned();
        self.hand_over(text.len())?;
        Ok(Some(text))
    }

    fn last_reply(&mut self, _: Resource<Subject>) -> wasmtime::Result<Option<u32>> {
        self.host_call()?;
        Ok(self.conversation.last_reply().map(index))
    }

    fn by_role(&mut self, _: Resource<Subject>, role: String) -> wasmtime::Result<Vec<u32>> {
        self.host_call()?;
        let found = self.conversation.messages.iter().enumerate();
        let found: Vec<u32> =
            found.filter(|(_, message)| role_name(message.role) == role).map(|(at, _)| index(at)).collect();
        self.hand_over(found.len() * 4)?;
        Ok(found)
    }

    fn tool_calls(&mut self, _: Resource<Subject>) -> wasmtime::Result<Vec<types::ToolCall>> {
        self.host_call()?;
        let conversation = self.conversation.clone();
        let mut found = Vec::new();
        for (at, message) in conversation.messages.iter().enumerate() {
            let turn = conversation.turns.get(at).copied().unwrap_or_default();
            for (place, call) in message.tool_calls.iter().enumerate() {
                // A model may give two calls one id: answers come in the order of the calls.
                let same = |other: &&arena_model::ToolCall| other.id == call.id;
                let earlier = message.tool_calls[..place].iter().filter(same).count();
                let answer = conversation.messages[at..]
                    .iter()
                    .filter(|later| later.role == Role::Tool && later.tool_call_id.as_deref() == Some(call.id.as_str()))
                    .nth(earlier);
                let call = tool_call(call, answer, turn, index(at));
                self.hand_over(call.arguments.len() + call.name.len() + call.outcome.as_ref().map_or(0, String::len))?;
                found.push(call);
            }
        }
        Ok(found)
    }

    fn events(&mut self, _: Resource<Subject>, kind: String) -> wasmtime::Result<Vec<types::Event>> {
        self.host_call()?;
        let conversation = self.conversation.clone();
        let mut found = Vec::new();
        for event in conversation.events.iter().filter(|event| kind.is_empty() || event.kind == kind) {
            let detail = event.detail.to_string();
            self.hand_over(detail.len() + event.kind.len())?;
            found.push(types::Event { kind: event.kind.clone(), turn: event.turn, detail });
        }
        Ok(found)
    }

    fn fact(&mut self, _: Resource<Subject>, name: String) -> wasmtime::Result<Option<String>> {
        self.host_call()?;
        let Some(fact) = self.conversation.facts.get(&name) else { return Ok(None) };
        let text = fact.to_string();
        self.hand_over(text.len())?;
        Ok(Some(text))
    }

    fn drop(&mut self, handle: Resource<Subject>) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}

impl log::Host for State {
    fn write(&mut self, level: log::Level, text: String) -> wasmtime::Result<()> {
        self.host_call()?;
        let level = match level {
            log::Level::Debug => "debug",
            log::Level::Info => "info",
            log::Level::Warn => "warn",
            log::Level::Error => "error",
        };
        self.write_log(level, &text)
    }
}

impl judge::Host for State {
    async fn ask(&mut self, question: judge::Question) -> wasmtime::Result<Result<judge::Answer, judge::JudgeError>> {
        self.host_call()?;
        let question = JudgeQuestion {
            judge: question.judge,
            system: question.system,
            prompt: question.prompt,
            max_tokens: question.max_tokens,
        };
        if self.judge_calls >= self.limits.judge_calls {
            let limit = self.limits.judge_calls;
            self.refused = Some(GuestError::JudgeCallLimit { limit });
            return Ok(Err(judge::JudgeError::Budget(format!("an evaluation may ask {limit} questions"))));
        }
        let Some(host) = self.asked.judge.clone() else {
            let why = "this run has no judge: name one under `judges`".to_owned();
            self.failed = Some(GuestError::JudgeFailed(why.clone()));
            return Ok(Err(judge::JudgeError::Unknown(why)));
        };
        let request =
            Digest::of_json(&question).map_err(|error| Breach(GuestError::SandboxFailed(error.to_string())))?;
        self.judge_calls += 1;
        let asked = host.ask(&question).await;
        self.host_tick = true;
        let name = |judge: Option<&str>| format!("judge:{}", judge.unwrap_or("default"));
        match asked {
            Ok(answer) => {
                let (text, usage, cost_usd_micro) = (answer.text, answer.usage, answer.cost_usd_micro);
                let (to, reply) = (name(Some(&answer.judge)), text.clone());
                self.calls.push(HostCall { to, request, reply, usage, cost_usd_micro, failed: false });
                self.hand_over(text.len())?;
                Ok(Ok(judge::Answer { text, input_tokens: usage.input, output_tokens: usage.output }))
            }
            Err(failure) => {
                let why = failure.to_string();
                // What failed after it was asked may have been paid for.
                let cost = matches!(failure, JudgeFailure::Unknown(_)).then_some(0);
                self.calls.push(failed_call(name(question.judge.as_deref()), request, &why, cost));
                self.failed = Some(GuestError::JudgeFailed(why.clone()));
                Ok(Err(match failure {
                    JudgeFailure::Unknown(_) => judge::JudgeError::Unknown(why),
                    JudgeFailure::Failed(_) => judge::JudgeError::Failed(why),
                }))
            }
        }
    }
}

impl embed::Host for State {
    async fn embed(
        &mut self,
        embedder: Option<String>,
        texts: Vec<String>,
    ) -> wasmtime::Result<Result<Vec<Vec<f32>>, embed::EmbedError>> {
        self.host_call()?;
        if self.embed_calls >= self.limits.embed_calls {
            let limit = self.limits.embed_calls;
            self.refused = Some(GuestError::EmbedCallLimit { limit });
            return Ok(Err(embed::EmbedError::Budget(format!("an evaluation may ask {limit} times"))));
        }
        let Some(host) = self.asked.embed.clone() else {
            let why = "this run has no provider of embeddings: add one with `role: embedding`".to_owned();
            self.failed = Some(GuestError::EmbedFailed(why.clone()));
            return Ok(Err(embed::EmbedError::Unknown(why)));
        };
        let question = EmbedQuestion { embedder, texts };
        let broken = |error: serde_json::Error| Breach(GuestError::SandboxFailed(error.to_string()));
        let request = Digest::of_json(&question).map_err(broken)?;
        self.embed_calls += 1;
        let asked = host.embed(&question).await;
        self.host_tick = true;
        let name = |embedder: Option<&str>| format!("embed:{}", embedder.unwrap_or("default"));
        match asked {
            Ok(answer) => {
                // Each number as the shortest text that is read as the same number: the record has what was compared.
                let shown = serde_json::to_string(&answer.vectors).map_err(broken)?;
                let (to, usage, cost_usd_micro) = (name(Some(&answer.embedder)), answer.usage, answer.cost_usd_micro);
                let numbers: usize = answer.vectors.iter().map(Vec::len).sum();
                self.calls.push(HostCall { to, request, reply: shown, usage, cost_usd_micro, failed: false });
                self.hand_over(numbers * size_of::<f32>())?;
                Ok(Ok(answer.vectors))
            }
            Err(failure) => {
                let why = failure.to_string();
                let cost = matches!(failure, EmbedFailure::Unknown(_)).then_some(0);
                self.calls.push(failed_call(name(question.embedder.as_deref()), request, &why, cost));
                self.failed = Some(GuestError::EmbedFailed(why.clone()));
                Ok(Err(match failure {
                    EmbedFailure::Unknown(_) => embed::EmbedError::Unknown(why),
                    EmbedFailure::Failed(_) => embed::EmbedError::Failed(why),
                }))
            }
        }
    }
}

/// A call without an answer.
fn failed_call(to: String, request: Digest, why: &str, cost_usd_micro: Option<u64>) -> HostCall {
    HostCall { to, request, reply: why.to_owned(), usage: Usage::default(), cost_usd_micro, failed: true }
}

fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}

fn tool_call(call: &ToolCall, answer: Option<&Message>, turn: u32, message: u32) -> types::ToolCall {
    types::ToolCall {
        id: call.id.clone(),
        name: call.name.clone(),
        arguments: call.arguments.to_string(),
        turn,
        message,
        outcome: answer.map(|answer| answer.content.text().into_owned()),
        failed: answer.is_some_and(|answer| answer.finish.as_deref() == Some("error")),
    }
}

fn to_guest(message: &Message, turn: u32) -> types::Message {
    let parts = match &message.content {
        Content::Text(_) => Vec::new(),
        Content::Parts(parts) => parts
            .iter()
            .map(|part| types::Part {
                kind: part.kind.clone(),
                text: part.text.clone(),
                mime_type: part.media.as_ref().and_then(|media| Some(media.get("mime_type")?.as_str()?.to_owned())),
                info: part.media.as_ref().map_or_else(|| "{}".to_owned(), without_bytes),
            })
            .collect(),
    };
    types::Message {
        role: match message.role {
            Role::System => types::Role::System,
            Role::User => types::Role::User,
            Role::Assistant => types::Role::Assistant,
            Role::Tool => types::Role::Tool,
        },
        by: match message.by {
            Author::Script => types::Author::Script,
            Author::Persona => types::Author::Persona,
            Author::Model => types::Author::Model,
            Author::Tool => types::Author::Tool,
            Author::Guardrail => types::Author::Guardrail,
        },
        turn,
        text: message.content.text().into_owned(),
        parts,
        tool_call_id: message.tool_call_id.clone(),
        usage: message.usage.map(|usage| types::Usage {
            input: usage.input,
            output: usage.output,
            cached: usage.cached,
        }),
        cost_usd_micro: message.cost_usd_micro,
        finish: message.finish.clone(),
    }
}

/// A media part's description; the bytes themselves stay with the host.
fn without_bytes(media: &serde_json::Value) -> String {
    match media {
        serde_json::Value::Object(fields) => {
            let fields: serde_json::Map<_, _> = fields
                .iter()
                .filter(|(key, _)| *key != "data")
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            serde_json::Value::Object(fields).to_string()
        }
        _ => "{}".to_owned(),
    }
}
