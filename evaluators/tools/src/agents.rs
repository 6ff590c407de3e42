//! Other agents, which are called as tools: `a2a__billing__refund`.

use arena_guest::prelude::*;

use crate::called::tools;
use crate::scope::{Scope, calls, calls_of};
use crate::{SHOWN, names};

/// Params of `agent_invoked` and `agent_not_invoked`.
#[derive(Deserialize, Params)]
#[params(validate = Agents::sensible)]
pub struct Agents {
    /// Names of the agents' tools.
    #[serde(alias = "agent_names")]
    agents: Vec<String>,
    /// `transcript` (default) or `turn`.
    scope: Option<Scope>,
}

impl Agents {
    fn sensible(&self) -> Result<(), String> {
        names::some("agents", &self.agents)
    }

    pub fn invoked(&self, subject: &Subject<'_>) -> Verdict {
        let calls = calls(subject, self.scope);
        names::required("agents invoked", &self.agents, &tools(&calls), 1, None)
    }

    pub fn not_invoked(&self, subject: &Subject<'_>) -> Verdict {
        names::forbidden("agents invoked", &self.agents, &tools(&calls(subject, self.scope)))
    }
}

/// Params of `agent_response_contains`.
#[derive(Deserialize, Params)]
#[params(validate = AgentResponse::sensible)]
pub struct AgentResponse {
    /// Name of the agent's tool.
    #[serde(alias = "agent_name")]
    agent: String,
    /// Text that one of its answers must contain; case counts.
    contains: String,
    /// `transcript` (default) or `turn`.
    scope: Option<Scope>,
}

impl AgentResponse {
    fn sensible(&self) -> Result<(), String> {
        names::not_empty("agent", Some(&self.agent))?;
        names::not_empty("contains", Some(&self.contains))
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Verdict {
        let calls = calls_of(subject, self.scope, Some(&self.agent));
        let (agent, wanted) = (excerpt(&self.agent, SHOWN), excerpt(&self.contains, SHOWN));
        let answers = |text: &String| text.contains(&self.contains);
        match calls.iter().find(|call| call.outcome.as_ref().is_some_and(answers)) {
            Some(call) => Verdict::pass(format!("the answer of {agent} to message {} contains {wanted}", call.message)),
            None => Verdict::fail(format!("none of {} answers of {agent} contains {wanted}", calls.len())),
        }
    }
}
