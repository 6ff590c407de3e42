//! What the operator writes into the settings of a run's manifest, and needs again when it was restarted.

use std::collections::BTreeMap;

use arena_crd::{EvaluationSettings, GateSpec, SourceStatus};
use arena_model::{DatasetPin, Digest, Manifest, QueueShape, RunSpec};
use k8s_openapi::jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Frozen, Lane, OperatorError};

/// `origin.settings` of a manifest. None of it changes a verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunRecord {
    /// The bundle's archive, an artifact.
    pub(crate) archive: Digest,
    pub(crate) source: SourceStatus,
    /// The table and where it comes from, if the config names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dataset: Option<RunDataset>,
    pub(crate) gates: Vec<GateSpec>,
    pub(crate) workers: u32,
    pub(crate) evaluation: EvaluationSettings,
    /// Provider id and number of cases.
    pub(crate) lanes: Vec<(String, u64)>,
    pub(crate) queue: QueueShape,
    /// Name of the Provider object of each bound id: address and key are read there when credentials are made.
    pub(crate) providers: BTreeMap<String, String>,
    /// How the bundle is run.
    pub(crate) run: RunSpec,
}

/// The table of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunDataset {
    pub(crate) source: SourceStatus,
    /// Artifacts.
    pub(crate) pin: DatasetPin,
}

/// A frozen run as it was read back.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Run {
    pub(crate) frozen: Frozen,
    pub(crate) record: RunRecord,
}

impl Run {
    /// Reads a manifest.
    pub(crate) fn parse(digest: &Digest, bytes: &[u8]) -> Result<Self, OperatorError> {
        let invalid = |why: String| OperatorError::ManifestInvalid { digest: digest.as_str().to_owned(), why };
        let manifest: Manifest = serde_json::from_slice(bytes).map_err(|error| invalid(error.to_string()))?;
        let record: RunRecord =
            serde_json::from_value(manifest.origin.settings).map_err(|error| invalid(error.to_string()))?;
        let at: Timestamp = manifest.origin.created.parse().map_err(|_| invalid("its time is none".to_owned()))?;
        let frozen = Frozen {
            manifest: digest.clone(),
            work: manifest.work_digest,
            source: record.source.clone(),
            gates: record.gates.clone(),
            workers: record.workers,
            at,
        };
        Ok(Self { frozen, record })
    }

    /// All that a worker reads: the manifest first.
    pub(crate) fn artifacts(&self) -> Vec<Digest> {
        let pin = self.record.dataset.iter().map(|dataset| &dataset.pin);
        let tables = pin.flat_map(|pin| [&pin.index, &pin.rows].into_iter().chain(&pin.selections).cloned());
        [self.frozen.manifest.clone(), self.record.archive.clone()].into_iter().chain(tables).collect()
    }

    pub(crate) fn lanes(&self) -> Vec<Lane> {
        self.record.lanes.iter().map(|(provider, cases)| Lane { provider: provider.clone(), cases: *cases }).collect()
    }
}
