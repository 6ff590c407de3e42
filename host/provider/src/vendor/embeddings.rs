//! Where a vendor makes embeddings, and in which form.

use super::{Format, Vendor};
use crate::error::Cause;
use crate::settings::ProviderSettings;
use crate::wire::embeddings::EmbedForm;

impl Vendor {
    /// The form for the model of these settings; the error if the vendor has no embeddings.
    pub(crate) fn embeddings(&self, settings: &ProviderSettings) -> Result<EmbedForm, Cause> {
        let none = |what: String| Err(Cause::EmbeddingsUnsupported { what });
        match self.format {
            Format::Chat | Format::Responses => Ok(EmbedForm::OpenAi),
            Format::Generate if self.plain.path().contains("/publishers/") => Ok(EmbedForm::Predict),
            Format::Generate => Ok(EmbedForm::Gemini),
            Format::Ollama => Ok(EmbedForm::Ollama),
            Format::Converse if settings.model.contains("titan-embed") => Ok(EmbedForm::Titan),
            Format::Converse if settings.model.contains("cohere.embed") => Ok(EmbedForm::Cohere),
            Format::Converse => none(format!("model `{}` of Bedrock", settings.model)),
            Format::Messages | Format::VertexMessages => none(format!("type `{}`", settings.kind)),
        }
    }

    /// The same vendor, to be asked for embeddings: only the end of the path is another.
    pub(super) fn for_embeddings(mut self, settings: &ProviderSettings) -> Result<Self, Cause> {
        let end = match self.embeddings(settings)? {
            EmbedForm::OpenAi => "/embeddings",
            EmbedForm::Gemini => ":batchEmbedContents",
            EmbedForm::Predict => ":predict",
            EmbedForm::Ollama => "/api/embed",
            EmbedForm::Titan | EmbedForm::Cohere => "/invoke",
        };
        let talk = match self.format {
            Format::Chat => "/chat/completions",
            Format::Responses => "/responses",
            Format::Ollama => "/api/chat",
            Format::Converse => "/converse",
            _ => ":generateContent",
        };
        let path = self.plain.path();
        let path = format!("{}{end}", path.strip_suffix(talk).unwrap_or(path));
        self.plain.set_path(&path);
        self.streamed = self.plain.clone();
        Ok(self)
    }
}
