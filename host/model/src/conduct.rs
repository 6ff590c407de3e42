//! How conversations go on and what is looked at, where a run may choose.

use serde::{Deserialize, Serialize};

/// What a run says of it. The default is ours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Conduct {
    /// After a turn with a check that did not pass.
    pub on_failed_turn: OnFailedTurn,
    /// In what the run does as PromptArena does, although we would not; sorted, each once.
    pub compat: Vec<Compat>,
}

/// What becomes of the turns after one that failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailedTurn {
    /// They are not run.
    #[default]
    Stop,
    /// They are run and judged. The case has failed all the same.
    Continue,
}

/// A way of PromptArena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compat {
    /// Each turn of a recording is judged on the last reply of all.
    LastReply,
    /// Values of variables are looked through for tokens, too, up to ten times. Only with the usual template engine.
    ExpandedValues,
}

impl Conduct {
    /// Whether nothing is said.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the run does as PromptArena does in this.
    pub fn follows(&self, compat: Compat) -> bool {
        self.compat.contains(&compat)
    }
}
