//! `limits.toml`: the one place where limits stand.

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::{conformance, demo, hostile, kill, newcomer, order, throughput};

/// All limits, a table a bar.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Time of the demo.
    #[serde(rename = "02.1")]
    pub demo: demo::Limits,
    /// Agreement with the original runner.
    #[serde(rename = "02.2")]
    pub conformance: conformance::Limits,
    /// Cost of a case.
    #[serde(rename = "02.3")]
    pub throughput: throughput::Limits,
    /// Guests that attack.
    #[serde(rename = "02.4")]
    pub hostile: hostile::Limits,
    /// Kills.
    #[serde(rename = "02.5")]
    pub kill: kill::Limits,
    /// Order of cases.
    #[serde(rename = "02.6")]
    pub order: order::Limits,
    /// A first evaluator.
    #[serde(rename = "02.7")]
    pub newcomer: newcomer::Limits,
}

/// The limits as they stand in the file.
pub fn read() -> Result<Limits> {
    toml::from_str(include_str!("../limits.toml")).context("limits.toml")
}
