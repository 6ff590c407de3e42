//! `index.json`: which segments make up a sealed run. Its appearance is the moment a run is sealed.

use std::fs::File;
use std::io::{Read as _, Write as _};

use arena_model::Digest;
use serde::{Deserialize, Serialize};

use crate::run_view::{INDEX, SEGMENTS};
use crate::segment;
use crate::{Result, ResultsError, RunDir, RunView, atomic};

/// Limit of `index.json`, bytes; a local run has one segment, a merged one a few hundred bytes for each.
const MAX_INDEX_BYTES: u64 = 64 << 20;

/// The index of a sealed run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Always 1.
    pub v: u32,
    /// Of the manifest.
    pub work_digest: Digest,
    /// Number of cases of the plan, each of which has a record in one segment.
    pub cases: u64,
    /// Segments in plan order.
    pub segments: Vec<SegmentRef>,
}

/// One segment as the index names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SegmentRef {
    /// File name of the records, below `segments/`.
    pub records_file: String,
    /// BLAKE3 of that file, hex.
    pub blake3: String,
    /// Number of records.
    pub records: u64,
    /// File name of the strips, which end with a BLAKE3 of their own.
    pub strips: String,
}

impl Index {
    /// Reads the index of `run`.
    ///
    /// Errors: `SegmentCorrupt` if it is no index or another run's, `ResultsIo` if there is none.
    pub fn read(run: &RunView) -> Result<Self> {
        let path = run.file(INDEX);
        let corrupt = |detail: String| ResultsError::SegmentCorrupt { path: path.clone(), detail };
        let mut bytes = Vec::new();
        let file = atomic::open_plain(&path, File::options().read(true)).map_err(ResultsError::io("open", &path))?;
        file.take(MAX_INDEX_BYTES).read_to_end(&mut bytes).map_err(ResultsError::io("read", &path))?;
        let index: Self = serde_json::from_slice(&bytes).map_err(|error| corrupt(error.to_string()))?;
        let manifest = run.manifest();
        if index.v != 1 || index.work_digest != manifest.work_digest || index.cases != manifest.work.plan.cases {
            return Err(corrupt("it is not of version 1 or not of this run".to_owned()));
        }
        for segment in &index.segments {
            if [&segment.records_file, &segment.strips].iter().any(|name| name.contains(['/', '\\']) || *name == "..") {
                return Err(corrupt(format!("segment name {:?} leads out of the folder", segment.records_file)));
            }
        }
        Ok(index)
    }

    /// Makes this the index of `run`, which seals it.
    pub(crate) fn write(&self, run: &RunDir) -> Result<()> {
        let path = run.file(INDEX);
        atomic::replace(&path, |out| {
            serde_json::to_writer_pretty(&mut *out, self).map_err(ResultsError::encode(&path))?;
            out.write_all(b"\n").map_err(ResultsError::io("write", &path))
        })
    }

    /// Reads all segments back, as proof that the journal is no longer needed: each must have its BLAKE3 and as many
    /// lines as records.
    pub(crate) fn verify(&self, run: &RunView) -> Result<()> {
        self.segments.iter().try_for_each(|reference| segment::verify(&run.file(SEGMENTS), reference))
    }
}

impl SegmentRef {
    pub(crate) fn check(&self, path: &std::path::Path, found: blake3::Hash) -> Result<()> {
        if found.to_hex().as_str() == self.blake3 {
            return Ok(());
        }
        let detail = format!("its BLAKE3 is {}, the index says {}", found.to_hex(), self.blake3);
        Err(ResultsError::SegmentCorrupt { path: path.to_owned(), detail })
    }
}
