//! `kind: Persona` and `spec.self_play`: users that a model plays.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::report::Report;
use crate::yaml::Cursor;

/// One persona.
#[derive(Clone, Debug, PartialEq)]
pub struct Persona {
    /// `metadata.name`, or the key of an inline persona.
    pub id: String,
    /// The system prompt of the model that plays it.
    pub system_template: String,
    /// What it wants; part of the prompt.
    pub goals: Vec<String>,
    /// What it keeps to; part of the prompt.
    pub constraints: Vec<String>,
    /// Values of the prompt's variables.
    pub variables: BTreeMap<String, String>,
    /// Texts that stand for their names in the template.
    pub fragments: BTreeMap<String, String>,
    /// Variables that must have a value.
    pub required: Vec<String>,
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Passed to the provider.
    pub seed: Option<u64>,
    /// The document it stands in.
    pub file: Arc<str>,
}

impl Persona {
    /// Reads `spec`.
    pub(crate) fn decode(
        id: String,
        spec: &Cursor<'_>,
        fragments: BTreeMap<String, String>,
        report: &mut Report,
    ) -> Self {
        let defaults = spec.get("defaults");
        let defaults = defaults.as_ref();
        Self {
            id,
            system_template: spec.text("system_template").or_else(|| spec.text("system_prompt")).unwrap_or_default(),
            goals: spec.texts("goals"),
            constraints: spec.texts("constraints"),
            variables: spec.text_map("optional_vars"),
            fragments,
            required: spec.texts("required_vars"),
            temperature: defaults.and_then(|it| it.number_in("temperature", 0.0, f64::MAX, report)),
            seed: defaults.and_then(|it| it.whole("seed", 0, report)),
            file: spec.file.clone(),
        }
    }
}
