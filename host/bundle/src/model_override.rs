//! `model_overrides` of a prompt: another template or other parameters for one model.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::feature::{Without, unsupported};
use crate::report::Report;
use crate::yaml::Cursor;
use crate::{Parameters, Prompt};

/// What a prompt says otherwise to one model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelOverride {
    /// In place of the prompt's template.
    pub system_template: Option<String>,
    /// Before the template.
    pub prefix: String,
    /// After the template.
    pub suffix: String,
    /// Each in place of the prompt's own.
    pub parameters: Parameters,
}

impl ModelOverride {
    /// Reads `spec.model_overrides`, by the model's name.
    pub(crate) fn decode_all(spec: &Cursor<'_>, report: &mut Report) -> BTreeMap<String, Self> {
        let list = spec.get("model_overrides");
        let decode = |(model, it): (&str, Cursor<'_>)| {
            let text = |key| it.text(key).unwrap_or_default();
            let it = Self {
                system_template: it.text("system_template").filter(|template| !template.is_empty()),
                prefix: text("system_template_prefix"),
                suffix: text("system_template_suffix"),
                parameters: Parameters::decode(&it, report),
            };
            (model.to_owned(), it)
        };
        list.iter().flat_map(Cursor::entries).map(decode).collect()
    }
}

impl Parameters {
    /// Reads `parameters` of a prompt or of an override.
    pub(crate) fn decode(parent: &Cursor<'_>, report: &mut Report) -> Self {
        let Some(cursor) = parent.get("parameters") else { return Self::default() };
        unsupported(&cursor, &["top_k", "frequency_penalty", "presence_penalty"], Without::Works, report);
        Self {
            temperature: cursor.number_in("temperature", 0.0, f64::MAX, report),
            top_p: cursor.number_in("top_p", 0.0, 1.0, report),
            max_tokens: cursor.whole("max_tokens", 0, report),
        }
    }

    /// Each of these, else the other's.
    pub fn or(self, other: Self) -> Self {
        Self {
            temperature: self.temperature.or(other.temperature),
            top_p: self.top_p.or(other.top_p),
            max_tokens: self.max_tokens.or(other.max_tokens),
        }
    }
}

impl Prompt {
    /// The template for a model, by its name as the provider has it.
    pub fn template_for(&self, model: &str) -> Cow<'_, str> {
        let Some(it) = self.model_overrides.get(model) else { return Cow::Borrowed(&self.system_template) };
        let template = it.system_template.as_ref().unwrap_or(&self.system_template);
        Cow::Owned([it.prefix.as_str(), template, &it.suffix].concat())
    }

    /// The parameters for a model.
    pub fn parameters_for(&self, model: &str) -> Parameters {
        let own = self.model_overrides.get(model).map(|it| it.parameters).unwrap_or_default();
        own.or(self.parameters)
    }
}
