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
    /// How it behaves, by what templates call it: `verbosity`, `challenge_level`, `friction_tags`.
    pub style: BTreeMap<String, String>,
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
            style: style(spec),
            variables: spec.text_map("optional_vars"),
            fragments,
            required: spec.texts("required_vars"),
            temperature: defaults.and_then(|it| it.number_in("temperature", 0.0, f64::MAX, report)),
            seed: defaults.and_then(|it| it.whole("seed", 0, report)),
            file: spec.file.clone(),
        }
    }
}

/// Its style, with the words of the original runner for what it does not say.
fn style(spec: &Cursor<'_>) -> BTreeMap<String, String> {
    let style = spec.get("style");
    let style = style.as_ref();
    let word = |key: &str| {
        let given = style.and_then(|style| style.text(key)).filter(|word| !word.is_empty());
        (key.to_owned(), given.unwrap_or_else(|| "medium".to_owned()))
    };
    let tags = style.map(|style| style.texts("friction_tags")).filter(|tags| !tags.is_empty());
    let tags = tags.map_or_else(|| "none".to_owned(), |tags| tags.join(", "));
    BTreeMap::from([word("verbosity"), word("challenge_level"), ("friction_tags".to_owned(), tags)])
}
