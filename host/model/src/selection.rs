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
    /// Names or globs of recordings that are judged in place of scenarios; empty for scenarios.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evals: Vec<String>,
    /// No evals of the pack or of prompts.
    #[serde(skip_serializing_if = "is_false")]
    pub skip_pack_evals: bool,
    /// Only evals of these check types; empty for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub eval_types: Vec<String>,
    /// Only evals of these groups; empty for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub eval_groups: Vec<String>,
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

fn is_false(value: &bool) -> bool {
    !value
}
