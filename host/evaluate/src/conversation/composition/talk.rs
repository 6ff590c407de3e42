//! What steps say to the model. Those that do not depend on each other ask at the same time; what comes of it, tools and
//! all, is taken in their order, so that the same answers give the same record.

use arena_bundle::{Step, StepKind};
use arena_model::{Author, Message, Role};
use arena_provider::{MockContext, Provider, ToolSpec};
use serde_json::Value;

use super::Ran;
use super::reference::filled;
use crate::case::{Trouble, millis, unsaid};
use crate::conversation::calls::{self, together};
use crate::conversation::{Run, tools};
use crate::mcp::Session;

/// Most questions of a case at the same time.
const AT_ONCE: usize = 16;

/// A conversation of a step's own under a prompt.
struct Talk<'s> {
    step: &'s Step,
    task: &'s str,
    /// What the model may call; none if it is asked once and for all.
    tools: Option<Vec<ToolSpec>>,
    /// It ends once this tool was called.
    until: Option<&'s str>,
    messages: Vec<Message>,
    /// How often the model may be asked yet.
    rounds: u32,
    /// What the model said last.
    last: String,
}

impl Talk<'_> {
    fn output(self) -> Value {
        let parsed = if self.step.structured { serde_json::from_str(&self.last).ok() } else { None };
        parsed.unwrap_or(Value::String(self.last))
    }

    fn context<'c>(&'c self, scenario: &'c str) -> MockContext<'c> {
        MockContext { scenario, turn: 1, step: Some(&self.step.id), ..MockContext::default() }
    }

    fn tools(&self) -> &[ToolSpec] {
        self.tools.as_deref().unwrap_or_default()
    }
}

impl Run<'_> {
    /// Runs steps that do not depend on each other, branches and parallel ones aside. None sees another's output.
    pub(super) async fn at_once(
        &mut self,
        steps: &[Step],
        ran: &mut Ran,
        at: u32,
        provider: &dyn Provider,
    ) -> Result<(), Trouble> {
        let (mut given, mut outputs, mut talks) = (Vec::new(), Vec::new(), Vec::new());
        for step in steps {
            if !ran.leaves_out(step) {
                given.push((step, filled(&step.input, &ran.outputs).map_err(|why| failed(step, why))?));
            }
        }
        for (step, given) in given {
            if let StepKind::Tool { tool } = &step.kind {
                let answer = self.call_tool(tool, &given).await;
                let text = answer.map_err(|failure| failed(step, failure.why))?.text().into_owned();
                self.count_answer(text.len())?;
                outputs.push((step.id.clone(), serde_json::from_str(&text).unwrap_or(Value::String(text))));
            } else {
                talks.extend(self.talk(step, &given).await?);
            }
        }
        let mut open: Vec<_> = talks.iter_mut().collect();
        while !open.is_empty() {
            for some in open.chunks_mut(AT_ONCE) {
                self.check_time(self.timeout)?;
                // A mock never waits, and others must have their turn.
                tokio::task::yield_now().await;
                let replies = self.ask_all(some, provider).await;
                // What was asked is paid, whatever comes of it.
                for reply in replies.iter().flatten() {
                    ran.usage += reply.usage.unwrap_or_default();
                    ran.cost = ran.cost.zip(reply.cost_usd_micro).map(|(sum, one)| sum.saturating_add(one));
                }
                for (talk, reply) in some.iter_mut().zip(replies) {
                    let reply = reply?;
                    self.check_spent(ran.cost.unwrap_or_default())?;
                    self.hear(talk, reply, at).await?;
                }
            }
            open.retain(|talk| talk.rounds > 0);
        }
        outputs.extend(talks.into_iter().map(|talk| (talk.step.id.clone(), talk.output())));
        ran.outputs.extend(outputs);
        Ok(())
    }

    /// What a step begins with, if it asks a model.
    async fn talk<'s>(&self, step: &'s Step, given: &Value) -> Result<Option<Talk<'s>>, Trouble> {
        let (task, agent) = match &step.kind {
            StepKind::Prompt { task } => (task, None),
            StepKind::Agent { task, tools, max_steps, until_tool } => (task, Some((tools, *max_steps, until_tool))),
            StepKind::Tool { .. } | StepKind::Branch { .. } | StepKind::Parallel { .. } => return Ok(None),
        };
        let input = match given {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        let system = self.rendered(task).await?;
        let allowed = &self.prompt_of(task)?.allowed_tools;
        let mut messages = vec![Message::text(Role::System, Author::Script, system)];
        messages.push(Message::text(Role::User, Author::Script, input));
        let (tools, rounds, until) = match agent {
            None => (None, 1, None),
            Some((own, rounds, until)) => (Some(self.told(own.as_deref(), allowed)), rounds, until.as_deref()),
        };
        Ok(Some(Talk { step, task, tools, until, messages, rounds, last: String::new() }))
    }

    /// The tools that an agent is told of: those that its step names, of these those that its prompt allows. A list that
    /// is not there leaves out nothing.
    fn told(&self, own: Option<&[String]>, allowed: &[String]) -> Vec<ToolSpec> {
        let named = match own {
            Some(own) => own.iter().filter(|name| allowed.is_empty() || allowed.contains(name)).cloned().collect(),
            None => allowed.to_vec(),
        };
        let mut told = tools::told(&self.evaluator.parts.bundle.tools, &named);
        told.extend(self.servers.iter().flat_map(Session::told).filter(|tool| named.contains(&tool.name)));
        told
    }

    /// The next answer of each. Of the times of several the longest counts: they pass at once.
    async fn ask_all(&mut self, talks: &[&mut Talk<'_>], provider: &dyn Provider) -> Vec<Result<Message, Trouble>> {
        let scenario = self.case.scenario.clone();
        if let [talk] = talks {
            let context = talk.context(&scenario.id);
            return vec![self.ask(talk.task, &talk.messages, talk.tools(), context, provider).await];
        }
        let before = self.turns.last().map_or(0.0, |turn| turn.latency_ms);
        let asked = talks.iter().map(|talk| {
            let (context, parameters) = (talk.context(&scenario.id), self.parameters(talk.task));
            provider.chat(self.request(&talk.messages, talk.tools(), context, parameters))
        });
        let answered = together(asked.collect()).await;
        let longest = answered.iter().flatten().map(|reply| millis(reply.latency)).fold(0.0, f64::max);
        let replies = answered.into_iter().map(|answered| self.measured(answered)).collect();
        if let Some(turn) = self.turns.last_mut() {
            turn.latency_ms = before + longest;
        }
        replies
    }

    /// Takes in an answer and makes the calls that an agent asks for.
    async fn hear(&mut self, talk: &mut Talk<'_>, reply: Message, at: u32) -> Result<(), Trouble> {
        if let Some(unsaid) = unsaid(&reply, at) {
            return Err(unsaid);
        }
        let calls = reply.tool_calls.clone();
        talk.last = reply.content.text().into_owned();
        talk.messages.push(reply);
        talk.rounds -= 1;
        let called = calls.iter().any(|call| Some(call.name.as_str()) == talk.until);
        if calls.is_empty() || talk.tools.is_none() || called {
            talk.rounds = 0;
            return Ok(());
        }
        for some in calls.chunks(calls::AT_ONCE) {
            let asked: Vec<_> = some.iter().map(|call| (call.name.as_str(), &call.arguments)).collect();
            for (call, answer) in some.iter().zip(self.call_tools(&asked).await) {
                let message = tools::message(call, answer);
                self.count_answer(message.content.text().len())?;
                talk.messages.push(message);
            }
        }
        Ok(())
    }
}

/// Why a step has no output.
pub(super) fn failed(step: &Step, why: String) -> Trouble {
    Trouble::new("CompositionFailed", format!("step `{}`: {why}", step.id))
}
