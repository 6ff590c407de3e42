//! The calls of one answer. What a call may do is decided in the order of the calls, and so is everything that stays in
//! the conversation; only the waits for those who answer pass at once, so that the same answers give the same record.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use arena_bundle::{Tool, Turn};
use arena_model::ToolCall;
use arena_provider::ToolSpec;
use serde_json::{Value, json};

use super::disturb::half;
use super::live::RECEIVED;
use super::policy::IDENTICAL;
use super::tools::{Answer, Failure, Reached, fits, of_json};
use super::{Run, skills, workflow};
use crate::case::Trouble;

/// Most calls of a case at the same time. Their answers wait in memory for each other.
pub(super) const AT_ONCE: usize = 8;

/// A call, as far as it is decided before anybody is asked.
pub(super) struct Pending<'c> {
    pub call: &'c ToolCall,
    /// How it is disturbed.
    pub chaos: Option<&'static str>,
    /// Half of what is answered is lost.
    pub half: bool,
    /// What is known without asking a tool.
    pub answer: Option<Answer>,
}

/// Something that is waited for beside others.
pub(super) type Waiting<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Who answers within the conversation itself, at once and in its turn.
enum Own {
    Workflow(ToolSpec),
    /// The workflow, where nothing leads on.
    NoEvent,
    Skill,
    Memory(ToolSpec),
}

/// Who answers outside of it.
enum Target {
    Server(usize),
    /// A tool of the bundle, and the number of the call among those of the tool.
    Tool(Arc<Tool>, u32),
    Nobody,
}

impl Run<'_> {
    /// Makes the calls of one answer.
    pub(super) async fn make_calls(&mut self, calls: &[ToolCall], turn: &Turn, at: u32) -> Result<(), Trouble> {
        let policy = self.policy();
        let limit = policy.max_identical_calls.unwrap_or(IDENTICAL);
        let repeated = self.calls.repeated(limit, calls);
        if let Some(first) = repeated.first().and_then(|at| calls.get(*at)).filter(|_| self.calls.warned) {
            let text = format!("turn {at}: the model repeated a call of `{}` after it was told not to", first.name);
            return Err(Trouble::new("ToolCallRepeated", text));
        }
        self.calls.warned |= !repeated.is_empty();
        let mut open: Vec<Pending<'_>> = Vec::new();
        for (place, call) in calls.iter().enumerate() {
            let allowed = if repeated.contains(&place) {
                Err(format!(
                    "`{}` was called {limit} times with the same arguments and is not called again: change them, use \
                     another tool, or answer",
                    call.name
                ))
            } else {
                self.calls.admit(&policy, &call.name)
            };
            let mut next = match allowed {
                Ok(()) => self.disturbed(call, turn, self.calls.all),
                Err(why) => {
                    let answer = Some(Err(Failure { kind: "policy", why }));
                    Pending { call, chaos: None, half: false, answer }
                }
            };
            if let Some(machine) = self.machine.as_mut().filter(|_| next.answer.is_none()) {
                next.answer = machine.count_call().err().map(|why| Err(why.into()));
            }
            let own = if next.answer.is_none() { self.own(&call.name) } else { None };
            // What is the conversation's own may depend on all that was called before it.
            if own.is_some() || open.len() >= AT_ONCE {
                self.settle(std::mem::take(&mut open), at).await?;
            }
            if let Some(own) = own {
                next.answer = Some(self.answer_own(own, call));
            }
            open.push(next);
        }
        self.settle(open, at).await
    }

    /// Asks the tools and takes in the results, in their order.
    async fn settle(&mut self, open: Vec<Pending<'_>>, at: u32) -> Result<(), Trouble> {
        let asked: Vec<_> = open.iter().filter(|it| it.answer.is_none()).map(|it| it.call).collect();
        let asked: Vec<_> = asked.iter().map(|call| (call.name.as_str(), &call.arguments)).collect();
        let mut answers = self.call_tools(&asked).await.into_iter();
        for Pending { call, chaos, half: halved, answer } in open {
            if let Some(mode) = chaos {
                self.event("chaos", at, json!({"call": call.id, "tool": call.name, "mode": mode}));
            }
            let answer = answer.or_else(|| answers.next()).unwrap_or_else(|| Err("nobody has answered".into()));
            self.answered(call, if halved { answer.map(|content| half(&content)) } else { answer }, at);
            let said = self.conversation.messages.last().map_or(0, |message| message.content.text().len());
            self.count_answer(said)?;
        }
        Ok(())
    }

    /// Who within the conversation answers to this name.
    fn own(&self, name: &str) -> Option<Own> {
        let named = |specs: Vec<ToolSpec>| specs.into_iter().find(|spec| spec.name == name);
        if let Some(spec) = self.machine.as_ref().and_then(|machine| named(machine.tools())) {
            return Some(Own::Workflow(spec));
        }
        if [skills::ACTIVATE, skills::DEACTIVATE, skills::READ].contains(&name) {
            return Some(Own::Skill);
        }
        if let Some(spec) = named(self.memories.tools()) {
            return Some(Own::Memory(spec));
        }
        (name == workflow::TRANSITION && self.machine.is_some()).then_some(Own::NoEvent)
    }

    fn answer_own(&mut self, own: Own, call: &ToolCall) -> Answer {
        match own {
            Own::Workflow(spec) => {
                fits(&spec.parameters, &call.arguments, "call")?;
                let machine = self.machine.as_mut().ok_or("there is no workflow")?;
                Ok(of_json(machine.call(&call.name, &call.arguments)?))
            }
            Own::NoEvent => Err("no event leads on from this state".into()),
            Own::Skill => {
                let filter = self.skill_filter().map(str::to_owned);
                let specs = self.skills.tools(filter.as_deref());
                let spec = specs.iter().find(|spec| spec.name == call.name).ok_or("there are no skills here")?;
                fits(&spec.parameters, &call.arguments, "call")?;
                if call.name == skills::READ {
                    let bundle = &self.evaluator.parts.bundle;
                    let read = self.skills.read(bundle, &call.arguments, filter.as_deref()).map_err(|problem| {
                        self.lacking.get_or_insert(Trouble::new(problem.reason, problem.to_string()));
                        problem.message
                    })?;
                    return Ok(of_json(read?));
                }
                Ok(of_json(self.skills.call(&call.name, &call.arguments, filter.as_deref())?))
            }
            Own::Memory(spec) => {
                fits(&spec.parameters, &call.arguments, "call")?;
                Ok(of_json(self.memories.call(&call.name, &call.arguments)?))
            }
        }
    }

    /// Calls the tool of this name, if a server or the bundle has it.
    pub(super) async fn call_tool(&mut self, name: &str, arguments: &Value) -> Answer {
        let answer = self.call_tools(&[(name, arguments)]).await.pop();
        answer.unwrap_or_else(|| Err("nobody has answered".into()))
    }

    /// The answers of tools, in the order of the calls. Whoever is called waits for nobody, but a server of tools knows
    /// its session: it is called once after the other.
    pub(super) async fn call_tools(&mut self, calls: &[(&str, &Value)]) -> Vec<Answer> {
        let targets: Vec<_> = calls.iter().map(|(name, _)| self.target(name)).collect();
        let (caller, turn) = (self.caller(), self.turns.len() as u32);
        let mut asked: Vec<Waiting<'_, Vec<(usize, Reached)>>> = Vec::new();
        let mut of_servers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (place, (target, (name, arguments))) in targets.iter().zip(calls).enumerate() {
            match target {
                Target::Server(server) => of_servers.entry(*server).or_default().push(place),
                Target::Tool(tool, number) => {
                    let reached = caller.reach(tool, arguments, turn, *number);
                    asked.push(Box::pin(async move { vec![(place, reached.await)] }));
                }
                Target::Nobody => {
                    let none = Reached::of(Err(format!("there is no tool `{name}`").into()));
                    asked.push(Box::pin(async move { vec![(place, none)] }));
                }
            }
        }
        for (server, session) in self.servers.iter_mut().enumerate() {
            let Some(places) = of_servers.remove(&server) else { continue };
            asked.push(Box::pin(async move {
                let mut reached = Vec::new();
                for (place, (name, arguments)) in
                    places.into_iter().filter_map(|place| Some((place, calls.get(place)?)))
                {
                    reached.push((place, Reached::of(caller.call_server(session, name, arguments).await)));
                }
                reached
            }));
        }
        let mut reached: Vec<_> = together(asked).await.into_iter().flatten().collect();
        reached.sort_by_key(|(place, _)| *place);
        reached.into_iter().map(|(_, reached)| self.received(reached)).collect()
    }

    fn target(&mut self, name: &str) -> Target {
        if let Some(server) = self.server_of(name) {
            return Target::Server(server);
        }
        match self.evaluator.parts.bundle.tools.get(name) {
            Some(tool) => Target::Tool(tool.clone(), self.calls.reach(name)),
            None => Target::Nobody,
        }
    }

    /// Counts what a server has answered for the case.
    fn received(&mut self, reached: Reached) -> Answer {
        let Some(bytes) = reached.received else { return reached.answer };
        self.calls.received = self.calls.received.saturating_add(bytes);
        if self.calls.received > RECEIVED {
            return Err(format!("the tools of this case have answered more than {RECEIVED} bytes").into());
        }
        reached.answer
    }
}

/// The outputs of all of them, in their order, once the last one is there.
pub(super) async fn together<T>(futures: Vec<Waiting<'_, T>>) -> Vec<T> {
    let mut all: Vec<_> = futures.into_iter().map(|future| (future, None)).collect();
    poll_fn(move |context| {
        for (future, output) in all.iter_mut().filter(|(_, output)| output.is_none()) {
            if let Poll::Ready(value) = future.as_mut().poll(context) {
                *output = Some(value);
            }
        }
        match all.iter().all(|(_, output)| output.is_some()) {
            true => Poll::Ready(all.iter_mut().filter_map(|(_, output)| output.take()).collect()),
            false => Poll::Pending,
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use tokio::sync::Barrier;

    use super::*;

    #[test]
    fn what_is_asked_together_waits_together_and_is_told_in_order() {
        let (barrier, ended) = (Barrier::new(3), std::sync::Mutex::new(Vec::new()));
        let one = |number: u32| -> Waiting<'_, u32> {
            let (barrier, ended) = (&barrier, &ended);
            Box::pin(async move {
                // Nobody gets past here until all have come.
                barrier.wait().await;
                for _ in number..3 {
                    tokio::task::yield_now().await;
                }
                ended.lock().unwrap().push(number);
                number
            })
        };
        let all = [0, 1, 2].map(one).into_iter().collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert_eq!(runtime.block_on(together(all)), [0, 1, 2]);
        assert_eq!(ended.into_inner().unwrap(), [2, 1, 0]);
        assert_eq!(runtime.block_on(together::<u32>(Vec::new())), [0; 0]);
    }
}
