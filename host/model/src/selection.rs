//! Which cases of a bundle are run where a command line names some.

use serde::{Deserialize, Serialize};

use crate::Digest;

/// What a run leaves in of its bundle; each part narrows what the ones before it left. The default leaves everything in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Selection {
    /// Names or globs of scenarios; empty for all.
    pub scenarios: Vec<String>,
    /// `KEY` or `KEY=VALUE`, the value a name or a glob; of one key any must hold, of several keys each.
    pub labels: Vec<String>,
    /// Names or globs of providers under test; empty for all.
    pub providers: Vec<String>,
    /// Regions every scenario runs in, in their order; empty for the default region alone.
    pub regions: Vec<String>,
    /// Repetitions, counted from 1; empty for all.
    pub trials: Vec<u32>,
    /// Digest of the list of cases that alone may run; none for all.
    pub cases: Option<Digest>,
    /// So many cases, drawn by the seed.
    pub sample: Option<u64>,
    /// So many cases from the start of the plan.
    pub first: Option<u64>,
}
