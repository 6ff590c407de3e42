//! What a component says of itself, read without running it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Name of the custom section that holds the metadata document.
pub const METADATA_SECTION: &str = "arena:metadata";

/// The metadata document of a component, the same bytes that its `describe` returns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComponentMetadata {
    /// Name of the component, lower case with dashes.
    pub name: String,
    /// SemVer.
    pub version: String,
    /// `evaluator`, `guardrail` or `template`.
    pub world: String,
    /// One line on what it is for.
    #[serde(default)]
    pub description: String,
    /// Check types it offers; empty for a template engine.
    #[serde(default)]
    pub checks: Vec<CheckMetadata>,
}

/// One check type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckMetadata {
    /// The type's name in bundles.
    pub name: String,
    /// Other accepted names.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// One line on when it passes.
    #[serde(default)]
    pub description: String,
    /// What it reads: `reply`, `turn` or `conversation`.
    #[serde(default)]
    pub input: String,
    /// JSON Schema of the params.
    #[serde(default)]
    pub params: Value,
    /// Wanted capabilities: `judge`, ...
    #[serde(default)]
    pub capabilities: Vec<String>,
}
