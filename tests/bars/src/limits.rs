//! `limits.toml`: the one place where limits stand.

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::{conformance, throughput};

/// All limits, a table a bar.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Agreement with the original runner.
    #[serde(rename = "02.2")]
    pub conformance: conformance::Limits,
    /// Cost of a case.
    #[serde(rename = "02.3")]
    pub throughput: throughput::Limits,
}

/// The limits as they stand in the file.
pub fn read() -> Result<Limits> {
    toml::from_str(include_str!("../limits.toml")).context("limits.toml")
}
