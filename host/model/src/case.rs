//! Identity of a case: what stays the same between two revisions of a bundle.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Hasher;

/// The ids that name one case. Hashing them gives the [`CaseKey`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct CaseId {
    /// Scenario id.
    pub scenario: String,
    /// Provider id, the lane of the case.
    pub provider: String,
    /// Region label; none is the default region.
    pub region: Option<String>,
    /// Zero-based repetition.
    pub trial: u32,
    /// Row of a dataset.
    pub row: Option<String>,
    /// Perturbation variant.
    pub variant: Option<String>,
}

/// 32 hex digits: the first half of the digest over the ids alone. Two revisions' results pair up by it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct CaseKey(pub String);

impl CaseId {
    /// The key of these ids.
    pub fn key(&self) -> CaseKey {
        let mut hasher = Hasher::default();
        hasher.field(b"arena case 1").field(self.scenario.as_bytes()).field(self.provider.as_bytes());
        for optional in [&self.region, &self.row, &self.variant] {
            match optional {
                Some(text) => hasher.field(b"1").field(text.as_bytes()),
                None => hasher.field(b"0"),
            };
        }
        hasher.field(&self.trial.to_be_bytes());
        CaseKey(hasher.finish().hex()[..32].to_owned())
    }
}
