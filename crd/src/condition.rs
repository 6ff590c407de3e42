//! Conditions as kstatus, `kubectl wait` and GitOps tools read them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds;

/// One condition of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What the condition is about, such as Ready.
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = 64))]
    pub type_: String,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// Generation of the spec that this was decided for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// When the status last changed, RFC 3339.
    #[schemars(schema_with = "bounds::timestamp")]
    pub last_transition_time: String,
    /// Stable CamelCase name of why; scripts may rely on it.
    #[schemars(length(min = 1, max = 64), regex(pattern = "^[A-Z][A-Za-z0-9]*$"))]
    pub reason: String,
    /// What happened and what to do, for people.
    #[serde(default)]
    #[schemars(schema_with = "bounds::message")]
    pub message: String,
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub enum ConditionStatus {
    True,
    False,
    Unknown,
}

impl Condition {
    /// Most bytes of [`Condition::message`].
    pub const MESSAGE_BYTES: usize = bounds::MESSAGE_BYTES;

    /// The condition of this type, none if it is not set.
    pub fn find<'a>(conditions: &'a [Self], type_: &str) -> Option<&'a Self> {
        conditions.iter().find(|condition| condition.type_ == type_)
    }

    /// Whether the condition of this type is set and True.
    pub fn is_true(conditions: &[Self], type_: &str) -> bool {
        Self::find(conditions, type_).is_some_and(|condition| condition.status == ConditionStatus::True)
    }
}
