//! Which wire a path means.

use hyper::Uri;
use percent_encoding::percent_decode_str;

use super::anthropic::Anthropic;
use super::chat::Chat;
use super::converse::Converse;
use super::embeddings::{BedrockEmbeddings, GeminiEmbeddings, OllamaEmbeddings, OpenAiEmbeddings};
use super::gemini::Gemini;
use super::ollama::Ollama;
use super::responses::Responses;
use super::{Unreadable, Wire};

/// Where a request came to, and what the place alone says of it.
pub(crate) struct Place {
    /// What is spoken there.
    pub(crate) wire: &'static dyn Wire,
    /// The model that the path names.
    pub(super) model: Option<String>,
    /// The path or its query asks for a stream.
    pub(super) stream: bool,
}

impl Place {
    /// The place of this address; none if no vendor has one like it.
    pub(crate) fn of(uri: &Uri) -> Option<Self> {
        let path = uri.path();
        let query = |name: &str| {
            let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
            pairs.filter(|(key, _)| key == name).map(|(_, value)| value).next()
        };
        let at = |wire: &'static dyn Wire| Some(Self { wire, model: None, stream: false });
        let about =
            |wire: &'static dyn Wire, model: &str, stream| Some(Self { wire, model: Some(decoded(model)), stream });
        if let Some((_, deployment)) = path.split_once("/deployments/") {
            // Azure: no version, no such place.
            query("api-version")?;
            return match deployment.split_once('/')? {
                (name, "chat/completions") => about(&Chat, name, false),
                (name, "embeddings") => about(&OpenAiEmbeddings, name, false),
                _ => None,
            };
        }
        if let Some((_, rest)) = path.split_once("/model/") {
            return match rest.split_once('/')? {
                (model, "converse") => about(&Converse, model, false),
                (model, "converse-stream") => about(&Converse, model, true),
                (model, "invoke") if model.contains("titan-embed") => about(&BedrockEmbeddings::Titan, model, false),
                (model, "invoke") if model.contains("cohere.embed") => about(&BedrockEmbeddings::Cohere, model, false),
                _ => None,
            };
        }
        let (above, last) = path.rsplit_once('/')?;
        if let (Some((model, verb)), true) = (last.rsplit_once(':'), above.ends_with("/models")) {
            let anthropic = above.ends_with("/publishers/anthropic/models");
            return match verb {
                "rawPredict" if anthropic => about(&Anthropic, model, false),
                "streamRawPredict" if anthropic => about(&Anthropic, model, true),
                "generateContent" => about(&Gemini { framed: true }, model, false),
                "streamGenerateContent" if query("alt").as_deref() == Some("sse") => {
                    about(&Gemini { framed: true }, model, true)
                }
                "streamGenerateContent" => about(&Gemini { framed: false }, model, true),
                "embedContent" => about(&GeminiEmbeddings::One, model, false),
                "batchEmbedContents" => about(&GeminiEmbeddings::Batch, model, false),
                "predict" => about(&GeminiEmbeddings::Predict, model, false),
                _ => None,
            };
        }
        match () {
            () if path.ends_with("/chat/completions") => at(&Chat),
            () if path.ends_with("/api/chat") => at(&Ollama),
            () if path.ends_with("/api/embed") => at(&OllamaEmbeddings),
            () => match last {
                "responses" => at(&Responses),
                "messages" => at(&Anthropic),
                "embeddings" => at(&OpenAiEmbeddings),
                _ => None,
            },
        }
    }

    /// The model that the path names.
    pub(super) fn model(&self) -> Result<&str, Unreadable> {
        self.model.as_deref().ok_or(Unreadable::Missing("missing field `model`"))
    }
}

/// The wire of the vendor whose paths look most like this one.
pub(crate) fn nearest(path: &str) -> &'static dyn Wire {
    match path {
        _ if path.contains("/publishers/anthropic/") || path.contains("/messages") => &Anthropic,
        _ if path.contains("/models/") && path.contains(':') => &Gemini { framed: true },
        _ if path.starts_with("/api/") => &Ollama,
        _ if path.starts_with("/model/") => &Converse,
        _ => &Chat,
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_name_their_models() {
        let place = |path: &str| Place::of(&path.parse().unwrap()).map(|place| (place.model, place.stream));
        let named = |model: &str, stream| Some((Some(model.to_owned()), stream));
        assert_eq!(place("/v1/chat/completions"), Some((None, false)));
        assert_eq!(place("/openai/deployments/d%20e/chat/completions?api-version=1"), named("d e", false));
        assert_eq!(place("/openai/deployments/d/chat/completions"), None);
        assert_eq!(place("/model/a.b-v1%3A0/converse-stream"), named("a.b-v1:0", true));
        assert_eq!(
            place("/model/arn%3Aaws%3Abedrock%3A%3A%3Aprofile%2Fx/converse"),
            named("arn:aws:bedrock:::profile/x", false)
        );
        assert_eq!(place("/v1beta/models/g-2:streamGenerateContent?alt=sse"), named("g-2", true));
        assert_eq!(
            place("/v1/projects/p/locations/l/publishers/anthropic/models/c@1:streamRawPredict"),
            named("c@1", true)
        );
        assert_eq!(place("/v1/projects/p/locations/l/publishers/google/models/c:rawPredict"), None);
        for nothing in ["/", "/v1/models", "/v1/models/m", "/model/m", "/v1/messages/count_tokens", "/api/tags"] {
            assert_eq!(place(nothing), None, "{nothing}");
        }
    }
}
