//! One exchange: the user's message, then the model's answers until one calls no tool.

use std::borrow::Cow;

use arena_bundle::{Persona, Play, Turn};
use arena_model::{Author, MeasuredTurn, Message, Role, ToolCall, Usage};
use arena_provider::{ChatReply, ChatRequest, MockContext, Provider, ProviderError, ToolSpec, Watch};
use serde_json::json;

use super::{Direction, Run, skills, tools, workflow};
use crate::case::{Trouble, millis, unsaid};

/// Most answers of a model within one exchange.
const ROUNDS: u32 = 50;

impl Run<'_> {
    pub(super) async fn exchange(
        &mut self,
        mut said: Message,
        at: u32,
        turn: &Turn,
        provider: &dyn Provider,
    ) -> Result<(), Trouble> {
        self.turns.push(MeasuredTurn::default());
        if std::mem::take(&mut self.handed_over) {
            self.enter(at).await?;
        }
        self.guards = self.prompt().map_or(&[], |prompt| &prompt.validators);
        let composition = self.machine.as_ref().and_then(|it| it.state()).and_then(|state| state.composition.clone());
        if let Some(composition) = composition {
            self.push(said, at);
            return self.compose(&composition, at, provider).await;
        }
        let asked = said.clone();
        if self.guard(&mut said, Direction::Input, at).await? {
            // What was asked stays as it was asked; the refusal is the answer.
            let refusal = said.content.text().into_owned();
            self.push(asked, at);
            let mut answer = Message::text(Role::Assistant, Author::Guardrail, refusal);
            (answer.usage, answer.cost_usd_micro) = (Some(Usage::default()), Some(0));
            self.push(answer, at);
            return Ok(());
        }
        self.push(said, at);
        for _ in 0..ROUNDS {
            let mut reply = self.answer(at, turn, provider).await?;
            let unsaid = unsaid(&reply, at);
            self.guard(&mut reply, Direction::Output, at).await?;
            let calls = reply.tool_calls.clone();
            let spoke = !reply.content.text().trim().is_empty();
            self.push(reply, at);
            let message = self.conversation.messages.len() - 1;
            if let Some(machine) = self.machine.as_ref().filter(|_| spoke) {
                let detail = json!({"message": message, "state": machine.name()});
                self.event("state", at, detail);
            }
            if calls.is_empty() {
                return unsaid.map_or(Ok(()), Err);
            }
            for call in &calls {
                let answer = self.call(call).await;
                if let Err(failure) = &answer {
                    self.event("tool_failure", at, json!({"call": call.id, "kind": failure.kind}));
                }
                self.push(tools::message(call, answer), at);
            }
            self.move_on(at, message).await?;
            if self.handed_over {
                return Ok(());
            }
        }
        Err(Trouble::new("ToolRoundsExhausted", format!("turn {at}: the model called tools {ROUNDS} times in a row")))
    }

    /// Asks the model under the prompt in force.
    async fn answer(&mut self, at: u32, turn: &Turn, provider: &dyn Provider) -> Result<Message, Trouble> {
        let cut = self.cut(at, provider).await?;
        let scenario = self.case.scenario.clone();
        let told = self.tools()?;
        let all = &self.conversation.messages;
        let bundle = &self.evaluator.parts.bundle;
        let tools = !bundle.tools.is_empty() || !bundle.skills.is_empty() || bundle.memory || self.machine.is_some();
        // One system prompt, the newest, before all that was said; without a workflow there is only one.
        let messages: Cow<'_, [Message]> = if self.machine.is_some() || cut.is_some() {
            let cut = cut.unwrap_or_default();
            let said = all.iter().skip(cut.from).filter(|message| message.role != Role::System).cloned();
            self.system_prompts().chain(cut.told()).chain(said).collect()
        } else {
            all.into()
        };
        let context = MockContext {
            scenario: &scenario.id,
            turn: calls(all, &messages),
            tools,
            duplex: scenario.duplex.is_some(),
            ..MockContext::default()
        };
        let stream = turn.streaming.or(scenario.streaming).unwrap_or(false);
        let watcher = if stream { self.watcher() } else { None };
        let watch = watcher.as_ref().map(|watcher| watcher as &dyn Watch);
        let request = self.request(&messages, &told, context);
        let (temperature, seed) = (turn.assistant_temp.or(request.temperature), turn.seed.or(request.seed));
        let request = ChatRequest { stream, watch, temperature, seed, ..request };
        let answered = provider.chat(request).await;
        let reply = self.measured(answered)?;
        self.ended = match watcher {
            Some(watcher) => watcher.ended()?,
            None => false,
        };
        Ok(reply)
    }

    /// The system prompts that are sent.
    pub(super) fn system_prompts(&self) -> impl Iterator<Item = Message> + use<> {
        let system = [self.skills.preloaded(), self.system.clone()].into_iter().filter(|text| !text.is_empty());
        system.map(|text| Message::text(Role::System, Author::Script, text))
    }

    /// What the model may call here.
    fn tools(&self) -> Result<Vec<ToolSpec>, Trouble> {
        let bundle = &self.evaluator.parts.bundle;
        let allowed: &[String] = self.prompt().map_or(&[], |prompt| &prompt.allowed_tools);
        let mut told = tools::told(&bundle.tools, allowed);
        if let Some(machine) = &self.machine {
            told.extend(machine.tools());
        }
        told.extend(self.skills.tools(self.skill_filter()));
        told.extend(self.memories.tools());
        Ok(told)
    }

    fn skill_filter(&self) -> Option<&str> {
        self.machine.as_ref()?.state()?.skills.as_deref()
    }

    async fn call(&mut self, call: &ToolCall) -> tools::Answer {
        if let Some(machine) = &mut self.machine {
            machine.count_call()?;
        }
        let own = self.machine.as_ref().map(|machine| machine.tools()).unwrap_or_default();
        if let Some(spec) = own.iter().find(|spec| spec.name == call.name) {
            tools::fits(&spec.parameters, &call.arguments, "call")?;
            let machine = self.machine.as_mut().ok_or("there is no workflow")?;
            return Ok(tools::of_json(machine.call(&call.name, &call.arguments)?));
        }
        if [skills::ACTIVATE, skills::DEACTIVATE, skills::READ].contains(&call.name.as_str()) {
            let filter = self.skill_filter().map(str::to_owned);
            let specs = self.skills.tools(filter.as_deref());
            let spec = specs.iter().find(|spec| spec.name == call.name).ok_or("there are no skills here")?;
            tools::fits(&spec.parameters, &call.arguments, "call")?;
            if call.name == skills::READ {
                let bundle = &self.evaluator.parts.bundle;
                let read = self.skills.read(bundle, &call.arguments, filter.as_deref()).map_err(|problem| {
                    self.lacking.get_or_insert(Trouble::new(problem.reason, problem.to_string()));
                    problem.message
                })?;
                return Ok(tools::of_json(read?));
            }
            return Ok(tools::of_json(self.skills.call(&call.name, &call.arguments, filter.as_deref())?));
        }
        if let Some(spec) = self.memories.tools().iter().find(|spec| spec.name == call.name) {
            tools::fits(&spec.parameters, &call.arguments, "call")?;
            return Ok(tools::of_json(self.memories.call(&call.name, &call.arguments)?));
        }
        if call.name == workflow::TRANSITION && self.machine.is_some() {
            return Err("no event leads on from this state".into());
        }
        tools::call(self.evaluator, &call.name, &call.arguments).await
    }

    /// Carries out the transition that the round asked for: the next answer is under the new state's prompt. A state
    /// whose prompt is missing is not entered.
    async fn move_on(&mut self, at: u32, message: usize) -> Result<(), Trouble> {
        let next = self.machine.as_ref().and_then(|machine| machine.next());
        let missing = next.filter(|state| state.composition.is_none()).map(|state| self.prompt_of(&state.prompt_task));
        if let Some(Err(missing)) = missing {
            self.lacking.get_or_insert(missing);
            if let Some(machine) = self.machine.as_mut() {
                machine.stay();
            }
            return Ok(());
        }
        let Some(moved) = self.machine.as_mut().and_then(|machine| machine.commit()) else { return Ok(()) };
        let detail = json!({"from": moved.from, "to": moved.to, "event": moved.event, "message": message});
        self.event("transition", at, detail);
        if self.machine.as_ref().is_some_and(|machine| machine.state().is_none()) {
            let text = format!("`{}` leads to the state `{}`, which the workflow does not have", moved.event, moved.to);
            return Err(Trouble::new("WorkflowInvalid", text));
        }
        self.handed_over = self.machine.as_ref().and_then(|machine| machine.state()).is_some_and(|it| it.external);
        if self.handed_over { Ok(()) } else { self.enter(at).await }
    }

    /// Puts the prompt of the state in force.
    async fn enter(&mut self, at: u32) -> Result<(), Trouble> {
        self.system = self.rendered(self.task()).await?;
        self.push(Message::text(Role::System, Author::Script, self.system.clone()), at);
        Ok(())
    }

    pub(super) fn request<'r>(
        &self,
        messages: &'r [Message],
        tools: &'r [ToolSpec],
        context: MockContext<'r>,
    ) -> ChatRequest<'r> {
        let defaults = &self.evaluator.parts.bundle.defaults;
        ChatRequest {
            messages,
            tools,
            temperature: defaults.temperature,
            top_p: None,
            max_tokens: defaults.max_tokens,
            seed: defaults.seed,
            stream: false,
            context,
            watch: None,
            deadline: self.deadline,
        }
    }

    /// Adds a call's times to its turn's.
    pub(super) fn measured(&mut self, answered: Result<ChatReply, ProviderError>) -> Result<Message, Trouble> {
        let mut none = MeasuredTurn::default();
        let measured = self.turns.last_mut().unwrap_or(&mut none);
        match answered {
            Ok(reply) => {
                if measured.attempts == 0 {
                    measured.ttft_ms = reply.ttft.map(millis);
                }
                measured.latency_ms += millis(reply.latency);
                measured.attempts += reply.attempts;
                Ok(reply.message)
            }
            Err(error) => {
                measured.attempts += error.attempts;
                Err(error.into())
            }
        }
    }

    /// One call of the model, measured.
    pub(super) async fn ask(
        &mut self,
        messages: &[Message],
        tools: &[ToolSpec],
        context: MockContext<'_>,
        provider: &dyn Provider,
    ) -> Result<Message, Trouble> {
        let answered = provider.chat(self.request(messages, tools, context)).await;
        self.measured(answered)
    }

    /// One call of the model that plays a user; no part of the agent's times.
    pub(super) async fn ask_as(
        &mut self,
        messages: &[Message],
        context: MockContext<'_>,
        provider: &dyn Provider,
        persona: &Persona,
        play: &Play,
    ) -> Result<Message, Trouble> {
        let (temperature, seed) = (play.temperature.or(persona.temperature), play.seed.or(persona.seed));
        let request = ChatRequest { temperature, seed, max_tokens: None, ..self.request(messages, &[], context) };
        Ok(provider.chat(request).await?.message)
    }
}

/// Which call of the conversation this is, as a mock counts them: of a request that leaves something out it would count too
/// few.
fn calls(all: &[Message], sent: &[Message]) -> u32 {
    let count = |role| all.iter().filter(|message| message.role == role).count();
    let answered = |messages: &[Message]| messages.iter().any(|message| message.role == Role::Tool);
    let calls = match all.len() > sent.len() {
        true => count(Role::User).max(count(Role::Assistant)) + usize::from(answered(all) && !answered(sent)),
        false => count(Role::User),
    };
    calls as u32
}
