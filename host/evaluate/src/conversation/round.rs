//! One exchange: the user's message, then the model's answers until one calls no tool.

use std::borrow::Cow;

use arena_bundle::{Parameters, Persona, Turn};
use arena_model::{Author, MeasuredTurn, Message, Role, ToolCall, Usage};
use arena_provider::{ChatReply, ChatRequest, MockContext, Provider, ProviderError, ToolSpec};
use serde_json::json;

use super::{Direction, Moment, Run, skills, tools, workflow};
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
        self.note_prompt();
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
            let mut reply = self.answer(turn, provider).await?;
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
    async fn answer(&mut self, turn: &Turn, provider: &dyn Provider) -> Result<Message, Trouble> {
        let scenario = self.case.scenario.clone();
        let told = self.tools()?;
        let all = &self.conversation.messages;
        let users = all.iter().filter(|message| message.role == Role::User).count();
        let bundle = &self.evaluator.parts.bundle;
        let tools = !bundle.tools.is_empty() || !bundle.skills.is_empty() || self.machine.is_some();
        let context = MockContext { scenario: &scenario.id, turn: users as u32, tools, ..MockContext::default() };
        // One system prompt, the newest, before all that was said; without a workflow there is only one.
        let messages: Cow<'_, [Message]> = if self.machine.is_some() {
            let system = [self.skills.preloaded(), self.system.clone()].into_iter().filter(|text| !text.is_empty());
            let system = system.map(|text| Message::text(Role::System, Author::Script, text));
            let said = all.iter().filter(|message| message.role != Role::System).cloned();
            system.chain(said).collect()
        } else {
            all.into()
        };
        let stream = turn.streaming.or(scenario.streaming).unwrap_or(false);
        let request = self.request(&messages, &told, context, self.parameters(self.task()));
        let answered = provider.chat(ChatRequest { stream, ..request }).await;
        self.measured(answered)
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
        if [skills::ACTIVATE, skills::DEACTIVATE].contains(&call.name.as_str()) {
            let filter = self.skill_filter().map(str::to_owned);
            let specs = self.skills.tools(filter.as_deref());
            let spec = specs.iter().find(|spec| spec.name == call.name).ok_or("there are no skills here")?;
            tools::fits(&spec.parameters, &call.arguments, "call")?;
            return Ok(tools::of_json(self.skills.call(&call.name, &call.arguments, filter.as_deref())?));
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
            self.machine.as_mut().map(|machine| machine.stay());
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

    fn request<'r>(
        &self,
        messages: &'r [Message],
        tools: &'r [ToolSpec],
        context: MockContext<'r>,
        parameters: Parameters,
    ) -> ChatRequest<'r> {
        ChatRequest {
            messages,
            tools,
            temperature: parameters.temperature,
            top_p: parameters.top_p,
            max_tokens: parameters.max_tokens,
            seed: self.evaluator.parts.bundle.defaults.seed,
            stream: false,
            context,
            deadline: self.deadline,
        }
    }

    /// Adds a call's times to its turn's.
    fn measured(&mut self, answered: Result<ChatReply, ProviderError>) -> Result<Message, Trouble> {
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
    ) -> Result<Message, Trouble> {
        let parameters = Parameters { temperature: persona.temperature, ..Parameters::default() };
        let request = ChatRequest { seed: persona.seed, ..self.request(messages, &[], context, parameters) };
        Ok(provider.chat(request).await?.message)
    }
}
