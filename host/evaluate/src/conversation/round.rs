//! One exchange: the user's message, then the model's answers until one calls no tool.

use std::borrow::Cow;

use arena_bundle::{Parameters, Persona, Play, ToolChoice, Turn};
use arena_model::{Author, MeasuredTurn, Message, Role, ToolCall, Usage};
use arena_provider::{ChatReply, ChatRequest, MockContext, Provider, ProviderError, ToolSpec, Watch};
use serde_json::json;

use super::{Direction, Moment, Run, tools};
use crate::case::{Trouble, millis, unsaid};
use crate::mcp::Session;

impl Run<'_> {
    pub(super) async fn exchange(
        &mut self,
        mut said: Message,
        at: u32,
        turn: &Turn,
        provider: &dyn Provider,
    ) -> Result<(), Trouble> {
        self.turns.push(MeasuredTurn::default());
        self.calls.begin();
        if std::mem::take(&mut self.handed_over) {
            self.enter(at).await?;
        }
        self.note_prompt();
        self.guards = self.prompt().map_or(&[], |prompt| &prompt.validators);
        self.know_guards()?;
        if let Some(composition) = self.composition() {
            self.push(said, at);
            return self.compose(composition, at, provider).await;
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
        let (mut called, rounds) = (false, self.rounds());
        for _ in 0..rounds {
            let mut reply = self.answer(at, turn, provider, called).await?;
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
            self.check_cost()?;
            if calls.is_empty() {
                return unsaid.map_or(Ok(()), Err);
            }
            self.make_calls(&calls, turn, at).await?;
            called = true;
            self.move_on(at, message).await?;
            if self.handed_over {
                return Ok(());
            }
        }
        Err(Trouble::new("ToolRoundsExhausted", format!("turn {at}: the model called tools {rounds} times in a row")))
    }

    /// The result of a call, in the conversation and for the checks.
    pub(super) fn answered(&mut self, call: &ToolCall, answer: tools::Answer, at: u32) {
        if let Err(failure) = &answer {
            self.event("tool_failure", at, json!({"call": call.id, "kind": failure.kind}));
        }
        self.push(tools::message(call, answer), at);
    }

    /// Asks the model under the prompt in force. `called` tells whether it has called tools in this turn.
    async fn answer(
        &mut self,
        at: u32,
        turn: &Turn,
        provider: &dyn Provider,
        called: bool,
    ) -> Result<Message, Trouble> {
        let cut = self.cut(at, provider).await?;
        let scenario = self.case.scenario.clone();
        let policy = self.policy();
        let choice = policy.choice.unwrap_or_default();
        let told = if choice == ToolChoice::Forbidden { Vec::new() } else { self.tools(&policy.blocklist)? };
        let all = &self.conversation.messages;
        let bundle = &self.evaluator.parts.bundle;
        let tools = choice != ToolChoice::Forbidden
            && (!bundle.tools.is_empty()
                || !bundle.skills.is_empty()
                || bundle.memory
                || self.machine.is_some()
                || !self.servers.is_empty());
        // One system prompt, the newest, before all that was said; without a workflow there is only one.
        let messages: Cow<'_, [Message]> = if self.machine.is_some() || cut.is_some() {
            let cut = cut.unwrap_or_default();
            let said = all.iter().enumerate().filter(|(at, message)| cut.holds(*at) && message.role != Role::System);
            self.system_prompts().chain(cut.told()).chain(said.map(|(_, message)| message.clone())).collect()
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
        let must_call = choice == ToolChoice::Required && !called;
        let watcher = if stream { self.watcher() } else { None };
        let watch = watcher.as_ref().map(|watcher| watcher as &dyn Watch);
        let messages = self.with_media(messages, provider)?;
        let request = self.request(&messages, &told, context, self.parameters(self.task()));
        let (temperature, seed) = (turn.assistant_temp.or(request.temperature), turn.seed.or(request.seed));
        let request = ChatRequest { stream, must_call, watch, temperature, seed, ..request };
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
    fn tools(&self, blocked: &[String]) -> Result<Vec<ToolSpec>, Trouble> {
        let bundle = &self.evaluator.parts.bundle;
        let allowed: &[String] = self.prompt().map_or(&[], |prompt| &prompt.allowed_tools);
        let mut told = tools::told(&bundle.tools, allowed);
        if let Some(machine) = &self.machine {
            told.extend(machine.tools());
        }
        told.extend(self.skills.tools(self.skill_filter()));
        told.extend(self.memories.tools());
        told.extend(self.servers.iter().flat_map(Session::told));
        told.retain(|tool| !blocked.contains(&tool.name));
        Ok(told)
    }

    pub(super) fn skill_filter(&self) -> Option<&str> {
        self.machine.as_ref()?.state()?.skills.as_deref()
    }

    /// Carries out the transition that the round asked for: the next answer is under the new state's prompt. A state
    /// whose prompt is missing is not entered.
    async fn move_on(&mut self, at: u32, message: usize) -> Result<(), Trouble> {
        let next = self.machine.as_ref().and_then(|machine| machine.next());
        let missing = next.filter(|state| state.composition.is_none()).map(|state| self.prompt_of(&state.prompt_task));
        if let Some(Err(missing)) = missing.filter(|_| self.can_do_without_prompt()) {
            self.lacking.get_or_insert(missing);
            if let Some(machine) = &mut self.machine {
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
        self.observe(Moment::Step, Some(at)).await?;
        if self.handed_over { Ok(()) } else { self.enter(at).await }
    }

    /// Puts the prompt of the state in force.
    async fn enter(&mut self, at: u32) -> Result<(), Trouble> {
        self.note_entered();
        self.system = self.rendered(self.task()).await?;
        self.push(Message::text(Role::System, Author::Script, self.system.clone()), at);
        Ok(())
    }

    pub(super) fn request<'r>(
        &'r self,
        messages: &'r [Message],
        tools: &'r [ToolSpec],
        context: MockContext<'r>,
        parameters: Parameters,
    ) -> ChatRequest<'r> {
        ChatRequest {
            messages,
            tools,
            must_call: false,
            temperature: parameters.temperature,
            top_p: parameters.top_p,
            max_tokens: parameters.max_tokens,
            seed: self.evaluator.parts.bundle.defaults.seed,
            stream: false,
            context,
            output_schema: None,
            watch: None,
            reuse: Some(&self.reuse),
            deadline: self.deadline,
        }
    }

    /// Adds a call's times to its turn's.
    pub(super) fn measured(&mut self, answered: Result<ChatReply, ProviderError>) -> Result<Message, Trouble> {
        let made = answered.as_ref().map_or_else(|error| error.attempts, |reply| reply.attempts);
        self.asked += u64::from(made);
        let mut none = MeasuredTurn::default();
        let measured = self.turns.last_mut().unwrap_or(&mut none);
        match answered {
            Ok(reply) => {
                if measured.attempts == 0 {
                    measured.ttft_ms = reply.ttft.map(millis);
                }
                measured.latency_ms += millis(reply.latency);
                self.cached |= reply.cached;
                measured.attempts += reply.attempts;
                if reply.retried.iter().copied().any(may_cost) {
                    self.played_cost = None;
                }
                measured.retried.extend(reply.retried.into_iter().map(str::to_owned));
                Ok(reply.message)
            }
            Err(error) => {
                measured.attempts += error.attempts;
                measured.retried.extend(error.retried.iter().map(|reason| (*reason).to_owned()));
                if error.retried.iter().copied().chain([error.cause.reason()]).any(may_cost) {
                    self.played_cost = None;
                }
                Err(error.into())
            }
        }
    }

    /// One call of the model under the prompt of `task`, measured.
    pub(super) async fn ask(
        &mut self,
        task: &str,
        messages: &[Message],
        tools: &[ToolSpec],
        context: MockContext<'_>,
        provider: &dyn Provider,
    ) -> Result<Message, Trouble> {
        let answered = provider.chat(self.request(messages, tools, context, self.parameters(task))).await;
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
        let parameters = Parameters { temperature: play.temperature.or(persona.temperature), ..Parameters::default() };
        let seed = play.seed.or(persona.seed);
        let request = ChatRequest { seed, ..self.request(messages, &[], context, parameters) };
        let answered = provider.chat(request).await;
        let made = answered.as_ref().map_or_else(|error| error.attempts, |reply| reply.attempts);
        self.asked += u64::from(made);
        Ok(answered?.message)
    }
}

/// Whether an attempt that failed so may have to be paid for: the model had begun to answer, and nobody said how much.
fn may_cost(reason: &str) -> bool {
    matches!(reason, "BadReply" | "ErrorReply" | "ReplyTooLarge" | "StreamBroken" | "StreamIdle")
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
