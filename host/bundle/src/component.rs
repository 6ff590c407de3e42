//! WebAssembly components that a bundle brings along.

use std::sync::Arc;

use arena_model::Digest;
use serde_json::Value;

use crate::document::resolve;
use crate::report::Report;
use crate::tree::BundleFile;
use crate::yaml::Cursor;

/// One component file with what the bundle asks for it.
#[derive(Clone, Debug, PartialEq)]
pub struct ComponentSpec {
    /// `evaluators[].name`; `template` for the template engine.
    pub name: String,
    /// Path in the bundle.
    pub component: String,
    /// Of the file.
    pub digest: Digest,
    /// Names of the capabilities asked for.
    pub grants: Vec<String>,
    /// JSON object: fuel, memory and so on, as written.
    pub limits: Value,
    /// The arena file.
    pub file: Arc<str>,
    /// Of the entry in it.
    pub line: u32,
}

impl ComponentSpec {
    /// None if the component is not in the bundle, which is reported.
    pub(crate) fn decode(entry: &Cursor<'_>, files: &[BundleFile], report: &mut Report) -> Option<Self> {
        let found = resolve(&entry.get_text("component")?, files);
        let file = report.keep(found)?;
        Some(Self {
            name: entry.text("name").unwrap_or_else(|| "template".into()),
            component: file.path.clone(),
            digest: file.digest.clone(),
            grants: entry.texts("grants"),
            limits: entry.json("limits").unwrap_or_else(|| Value::Object(serde_json::Map::new())),
            file: entry.file.clone(),
            line: entry.node.line,
        })
    }
}
