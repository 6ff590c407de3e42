//! Skills, which a model activates by calling a tool.

use arena_guest::prelude::*;

use crate::names;
use crate::scope::{Scope, arguments, calls_of};

/// The tool that activates a skill, and its argument that names the skill.
const ACTIVATE: (&str, &str) = ("skill__activate", "name");

/// The activated skills, in order. A call that failed activated nothing.
fn activated(subject: &Subject<'_>, scope: Option<Scope>) -> Vec<String> {
    let (tool, argument) = ACTIVATE;
    let calls = calls_of(subject, scope, Some(tool));
    let name = |call| Some(arguments(call).get(argument)?.as_str()?.to_owned());
    calls.iter().filter(|call| !call.failed).filter_map(name).collect()
}

fn texts(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

/// Params of `skill_activated`.
#[derive(Deserialize, Params)]
#[params(validate = SkillActivated::sensible)]
pub struct SkillActivated {
    /// Skills that must all be activated.
    skill_names: Vec<String>,
    /// Fewest activations of each; default 1.
    min_calls: Option<u32>,
    /// `transcript` (default) or `turn`.
    scope: Option<Scope>,
}

impl SkillActivated {
    fn sensible(&self) -> Result<(), String> {
        if self.min_calls == Some(0) {
            return Err("parameter `min_calls`: must be above zero".to_owned());
        }
        names::some("skill_names", &self.skill_names)
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Verdict {
        let (skills, min) = (activated(subject, self.scope), self.min_calls.unwrap_or(1));
        names::required("skills activated", &self.skill_names, &texts(&skills), min, None)
    }
}

/// Params of `skill_not_activated`.
#[derive(Deserialize, Params)]
#[params(validate = SkillNotActivated::sensible)]
pub struct SkillNotActivated {
    /// Skills that must not be activated.
    skill_names: Vec<String>,
    /// `transcript` (default) or `turn`.
    scope: Option<Scope>,
}

impl SkillNotActivated {
    fn sensible(&self) -> Result<(), String> {
        names::some("skill_names", &self.skill_names)
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Verdict {
        names::forbidden("skills activated", &self.skill_names, &texts(&activated(subject, self.scope)))
    }
}

/// Params of `skill_activation_order`.
#[derive(Deserialize, Params)]
#[params(validate = SkillOrder::sensible)]
pub struct SkillOrder {
    /// Skills in the order in which they must be activated; others may lie between.
    sequence: Vec<String>,
    /// `transcript` (default) or `turn`.
    scope: Option<Scope>,
}

impl SkillOrder {
    fn sensible(&self) -> Result<(), String> {
        names::some("sequence", &self.sequence)
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Verdict {
        names::in_order(&self.sequence, &texts(&activated(subject, self.scope)))
    }
}
