//! What results are of, so that a summary that travels alone still says it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Digest, PlanPin, Work};

/// Longest config that is copied, bytes; a longer one stands in the manifest alone.
const CONFIG_BYTES: usize = 64 << 10;

/// The work of a manifest, shortened to what tells it from other work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Provenance {
    /// Digest of the bundle's normal form.
    pub bundle: Digest,
    /// The arena file within the bundle.
    pub entry: String,
    /// Digest of the rows of a table that was given to the run; those of tables in the bundle are part of its digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// Digest of each component by its name, standard library included.
    pub evaluators: BTreeMap<String, Digest>,
    /// Model of each provider id.
    pub models: BTreeMap<String, String>,
    /// The plan.
    pub plan: PlanPin,
    /// Seed of everything random.
    pub seed: u64,
    /// The fixed clock guests see, RFC 3339.
    pub epoch: String,
    /// The effective config; none if it has more than 64 KiB, then the manifest has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Value>,
}

impl Provenance {
    /// That of `work`.
    pub fn of(work: &Work) -> Self {
        let short = work.config.to_string().len() <= CONFIG_BYTES;
        Self {
            bundle: work.bundle.clone(),
            entry: work.entry.clone(),
            dataset: work.config["dataset"].as_str().map(str::to_owned),
            evaluators: work.evaluators.iter().map(|(name, pin)| (name.clone(), pin.digest.clone())).collect(),
            models: work.models.clone(),
            plan: work.plan.clone(),
            seed: work.seed,
            epoch: work.epoch.clone(),
            config: short.then(|| work.config.clone()),
        }
    }
}
