//! Versions of the pack format and what they have of their own.

use std::fmt;

use crate::Problem;
use crate::report::Report;
use crate::shape;
use crate::yaml::Cursor;

/// A version of the pack format, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Version {
    V1_0,
    V1_1,
    V1_2,
    V1_3,
    V1_3_1,
    V1_4,
    /// The one that only PromptKit itself has; it is no superset of 1.4.
    V1_5,
}

/// When an eval may run before 1.4, which leaves that open.
const TRIGGERS: [&str; 4] = ["every_turn", "on_session_complete", "sample_turns", "sample_sessions"];

impl Version {
    /// All of them.
    pub const ALL: [Self; 7] = [Self::V1_0, Self::V1_1, Self::V1_2, Self::V1_3, Self::V1_3_1, Self::V1_4, Self::V1_5];

    /// As in `1.3.1`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1_0 => "1.0",
            Self::V1_1 => "1.1",
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3.0",
            Self::V1_3_1 => "1.3.1",
            Self::V1_4 => "1.4",
            Self::V1_5 => "1.5",
        }
    }

    /// The version that the pack names by `$schema` or `compilation.schema`; none if it names none (`latest`, `v1`).
    pub(super) fn declared(pack: &Cursor<'_>) -> Result<Option<Self>, Problem> {
        let compilation = pack.get("compilation");
        let named = [pack.get_text("$schema"), compilation.as_ref().and_then(|it| it.get_text("schema"))];
        for cursor in named.into_iter().flatten() {
            let text = cursor.node.as_text().unwrap_or_default();
            let Some(number) = number(text) else { continue };
            if number == "1" {
                continue;
            }
            let parts: Vec<&str> = number.split('.').collect();
            let known = match parts.as_slice() {
                ["1", "0", ..] => Self::V1_0,
                ["1", "1", ..] => Self::V1_1,
                ["1", "2", ..] => Self::V1_2,
                ["1", "3"] | ["1", "3", "0"] => Self::V1_3,
                ["1", "3", ..] => Self::V1_3_1,
                ["1", "4", ..] => Self::V1_4,
                ["1", "5"] | ["1", "5", "0"] => Self::V1_5,
                _ => {
                    let known: Vec<_> = Self::ALL.iter().map(|version| version.as_str()).collect();
                    let problem =
                        cursor.error_with_value("PackVersionUnknown", "this version of the format is not known");
                    return Err(problem.hint(format!("known are {}", known.join(", "))));
                }
            };
            return Ok(Some(known));
        }
        Ok(None)
    }

    /// What in the pack this version does not have.
    pub(super) fn check(self, pack: &Cursor<'_>, report: &mut Report) {
        shape::check(pack, super::shape::of(self), report);
        if self < Self::V1_4 {
            each_eval(pack, |eval| {
                let Some(trigger) = eval.get_text("trigger") else { return };
                if !TRIGGERS.contains(&trigger.node.as_text().unwrap_or_default()) {
                    let problem =
                        trigger.error_with_value("UnknownValue", format!("version {self} has no such trigger"));
                    report.push(problem.hint(format!("it has {}", TRIGGERS.join(", "))));
                }
            });
        }
        if self == Self::V1_5 {
            check_states(pack, report);
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The digits of `v1.3.1` or of an address with a part like it.
fn number(text: &str) -> Option<&str> {
    let mut versions =
        text.split('/').filter_map(|part| part.strip_prefix('v').or_else(|| (part == text).then_some(part)));
    let digits = |part: &&str| part.starts_with(|c: char| c.is_ascii_digit());
    versions.rfind(digits)
}

/// The evals of the pack and of its prompts.
pub(super) fn each_eval(pack: &Cursor<'_>, mut take: impl FnMut(&Cursor<'_>)) {
    let prompts = pack.get("prompts");
    let lists = prompts.iter().flat_map(Cursor::entries).map(|(_, prompt)| prompt);
    if let Some(list) = pack.get("evals") {
        list.items().for_each(|eval| take(&eval));
    }
    for prompt in lists {
        if let Some(list) = prompt.get("evals") {
            list.items().for_each(|eval| take(&eval));
        }
    }
}

/// What a state must have depends there on what else it has.
fn check_states(pack: &Cursor<'_>, report: &mut Report) {
    let Some(workflow) = pack.get("workflow") else { return };
    let states = workflow.get("states");
    for (_, state) in states.iter().flat_map(Cursor::entries) {
        let composed = state.text("orchestration").as_deref() == Some("composition");
        let needed = if composed { "composition" } else { "prompt_task" };
        let terminal = state.boolean("terminal") == Some(true);
        for key in [Some(needed), (!terminal).then_some("on_event")].into_iter().flatten() {
            if state.node.get(key).is_none() {
                report.push(state.error("MissingKey", format!("required key `{key}` is missing")));
            }
        }
    }
}
