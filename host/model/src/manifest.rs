//! The run manifest: what a run is, frozen before its first case.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Digest;

/// `manifest.json`. Same `work_digest`, same work, bit for bit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Always 1.
    pub v: u32,
    /// Digest of the normal form of `work`.
    pub work_digest: Digest,
    /// All that can change a verdict.
    pub work: Work,
    /// Where it came from; changes no verdict.
    pub origin: Origin,
}

/// All that can change a verdict, and nothing else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Work {
    /// Digest of the bundle's normal form.
    pub bundle: Digest,
    /// The arena file within the bundle.
    pub entry: String,
    /// Components by their name, standard library included.
    pub evaluators: BTreeMap<String, EvaluatorPin>,
    /// Effective config without workers, concurrency, order, outputs.
    pub config: Value,
    /// Model of each provider id.
    pub models: BTreeMap<String, String>,
    /// The plan.
    pub plan: PlanPin,
    /// Seed of everything random.
    pub seed: u64,
    /// The fixed clock guests see, RFC 3339.
    pub epoch: String,
}

/// One component of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EvaluatorPin {
    /// Digest of the component's bytes.
    pub digest: Digest,
    /// Capabilities it was given.
    pub grants: Vec<String>,
    /// Its limits, as JSON.
    pub limits: Value,
}

/// The plan of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanPin {
    /// Digest of the plan's blocks.
    pub digest: Digest,
    /// Number of cases.
    pub cases: u64,
}

/// Where a run came from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// Version of the engine.
    pub engine: String,
    /// Bundle as the user named it.
    pub source: String,
    /// RFC 3339.
    pub created: String,
    /// Settings that change no verdict: concurrency, outputs.
    pub settings: Value,
    /// Host each provider id is called at; no paths, no credentials.
    pub endpoints: BTreeMap<String, String>,
    /// The run or file that records were taken from; none if all are the run's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Lineage>,
}

/// What was done with the records of another run, or with outputs made elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Taken {
    /// They were judged again; nobody was called.
    Rescored,
    /// Some cases were run again, the others taken over.
    Rerun,
    /// Outputs made elsewhere were judged; nobody was called.
    Scored,
}

/// Where records were taken from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lineage {
    /// What was done.
    pub how: Taken,
    /// Folder or file, as the user named it.
    pub source: String,
    /// Digest of the other run's work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_digest: Option<Digest>,
    /// Merkle root of its records, which tells them from those of another run of the same work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merkle_root: Option<Digest>,
    /// Digest of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<Digest>,
    /// Cases whose records were taken over.
    pub cases: u64,
    /// What the other run has paid for them, millionths of a US dollar; an unknown price counts nothing.
    #[serde(default)]
    pub cost_usd_micro: u64,
    /// Calls of models that it has made for them.
    #[serde(default)]
    pub calls: u64,
}
