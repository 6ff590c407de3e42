//! Which vendor a `type` and a `platform` mean: its format, its place, and how a key is shown to it.

mod embeddings;
mod known;

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;
use serde_json::Value;

use known::Known;

use crate::error::Cause;
use crate::settings::{Platform, ProviderSettings, Role};
use crate::wire::chat::Chat;
use crate::wire::converse::Converse;
use crate::wire::generate::Generate;
use crate::wire::messages::Messages;
use crate::wire::ollama::Ollama;
use crate::wire::responses::Responses;
use crate::wire::{Parameters, Wire};

/// Everything but unreserved characters, as Amazon's own tools encode what stands in a path.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Version of Azure's interface where nobody names one.
const AZURE_VERSION: &str = "2024-10-21";

/// A vendor's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Chat,
    Responses,
    Messages,
    /// The same on Vertex AI, which names its version in the body.
    VertexMessages,
    Generate,
    Ollama,
    Converse,
}

/// How a key is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyForm {
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// In this header.
    Header(&'static str),
    /// A signature, or a bearer token.
    Aws { region: String },
    /// A token that is exchanged for the key of a service account, or is the key.
    Google,
    /// In `api-key`, or a token that is exchanged for the secret of an application.
    Azure,
}

/// A vendor, ready to be called.
#[derive(Debug)]
pub(crate) struct Vendor {
    pub(crate) format: Format,
    /// Where plain answers are asked for.
    pub(crate) plain: Url,
    /// Where streamed ones are.
    pub(crate) streamed: Url,
    /// `host[:port]`.
    pub(crate) endpoint: String,
    pub(crate) key: KeyForm,
    /// Variables that the vendor's own tools look for, if this is one of its own hosts and nobody on the way can read
    /// along: no other host gets a key that nobody named for it.
    pub(crate) usual: &'static [&'static str],
}

/// Finds the vendor of these settings.
pub(crate) fn vendor(settings: &ProviderSettings) -> Result<Vendor, Cause> {
    match settings.role {
        Role::Chat => talker(settings),
        Role::Embedding => talker(settings)?.for_embeddings(settings),
    }
}

fn talker(settings: &ProviderSettings) -> Result<Vendor, Cause> {
    let platform = settings.platform.as_ref();
    let on = platform.map(|platform| platform.kind.as_str());
    match (settings.kind.as_str(), on) {
        ("openai", None) => openai(settings),
        ("vllm" | "lmstudio", None) => compatible(settings),
        ("claude" | "anthropic", None) => anthropic(settings),
        ("gemini", None) => gemini(settings),
        ("ollama", None) => ollama(settings),
        ("azure", None) | ("openai" | "azure", Some("azure")) => azure(settings, platform),
        ("bedrock", None) | ("claude" | "anthropic" | "bedrock", Some("bedrock")) => bedrock(settings, platform),
        ("vertex", None) | ("gemini" | "claude" | "anthropic" | "vertex", Some("vertex")) => vertex(settings, platform),
        (kind, None) => Err(crate::connect::unknown(kind)),
        (kind, Some(on)) => Err(Cause::ProviderTypeUnsupported { kind: format!("{kind} on {on}") }),
    }
}

impl Vendor {
    /// The format for the model of these settings.
    pub(crate) fn wire(&self, settings: &ProviderSettings) -> Box<dyn Wire> {
        let extra = match &settings.additional_config {
            Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
            _ => BTreeMap::new(),
        };
        let parameters = Parameters::new(&settings.model, settings.defaults, &settings.unsupported_params, extra);
        match self.format {
            Format::Chat => Box::new(Chat(parameters)),
            Format::Responses => Box::new(Responses(parameters)),
            Format::Messages => Box::new(Messages { parameters, vertex: false }),
            Format::VertexMessages => Box::new(Messages { parameters, vertex: true }),
            Format::Generate => Box::new(Generate(parameters)),
            Format::Ollama => Box::new(Ollama(parameters)),
            Format::Converse => Box::new(Converse(parameters)),
        }
    }
}

const OPENAI: Known = Known {
    base: "https://api.openai.com/v1",
    key: KeyForm::Bearer,
    domains: &["openai.com"],
    usual: &["OPENAI_API_KEY", "OPENAI_TOKEN"],
};

fn openai(settings: &ProviderSettings) -> Result<Vendor, Cause> {
    let mode = settings.additional_config.get("api_mode").and_then(Value::as_str);
    let vendor = OPENAI.vendor(settings, None, Format::Chat, "chat/completions", None)?;
    // The vendor's own models of this kind answer in no other way; what a gateway calls so may.
    let pro = settings.model.ends_with("-pro") && !vendor.usual.is_empty();
    match mode.map_or(pro, |mode| mode == "responses") {
        true => OPENAI.vendor(settings, None, Format::Responses, "responses", None),
        false => Ok(vendor),
    }
}

fn compatible(settings: &ProviderSettings) -> Result<Vendor, Cause> {
    let known = Known { base: "", key: KeyForm::Bearer, domains: &[], usual: &[] };
    known.vendor(settings, None, Format::Chat, "chat/completions", None)
}

fn anthropic(settings: &ProviderSettings) -> Result<Vendor, Cause> {
    let known = Known {
        base: "https://api.anthropic.com/v1",
        key: KeyForm::Header("x-api-key"),
        domains: &["anthropic.com"],
        usual: &["ANTHROPIC_API_KEY", "CLAUDE_API_KEY"],
    };
    // The vendor's own tools are given the address without its version.
    let base = settings.base_url.as_deref().map(|base| versioned(base, "v1"));
    known.vendor(settings, base, Format::Messages, "messages", None)
}

fn gemini(settings: &ProviderSettings) -> Result<Vendor, Cause> {
    let known = Known {
        base: "https://generativelanguage.googleapis.com/v1beta",
        key: KeyForm::Header("x-goog-api-key"),
        domains: &["generativelanguage.googleapis.com"],
        usual: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
    };
    let model = encoded(settings.model.trim_start_matches("models/"));
    let plain = format!("models/{model}:generateContent");
    let streamed = format!("models/{model}:streamGenerateContent");
    let base = settings.base_url.as_deref().map(|base| versioned(base, "v1beta"));
    known.vendor(settings, base, Format::Generate, &plain, Some(&streamed)).map(with_sse)
}

fn ollama(settings: &ProviderSettings) -> Result<Vendor, Cause> {
    let known = Known { base: "http://localhost:11434", key: KeyForm::Bearer, domains: &[], usual: &[] };
    // Its place for compatible clients ends in this.
    let base = settings.base_url.as_deref().map(|base| base.trim_end_matches('/').trim_end_matches("/v1").to_owned());
    known.vendor(settings, base, Format::Ollama, "api/chat", None)
}

fn azure(settings: &ProviderSettings, platform: Option<&Platform>) -> Result<Vendor, Cause> {
    let known = Known {
        base: "",
        key: KeyForm::Azure,
        domains: &["openai.azure.com", "cognitiveservices.azure.com", "services.ai.azure.com"],
        usual: &["AZURE_OPENAI_API_KEY"],
    };
    let base = settings.base_url.clone().or_else(|| platform?.endpoint.clone());
    let path = format!("openai/deployments/{}/chat/completions", encoded(&settings.model));
    let mut vendor = known.vendor(settings, base, Format::Chat, &path, None)?;
    let named = |key: &str| settings.additional_config.get(key).or_else(|| platform?.additional_config.get(key));
    let version = named("api_version").and_then(Value::as_str).unwrap_or(AZURE_VERSION);
    for url in [&mut vendor.plain, &mut vendor.streamed] {
        if !url.query_pairs().any(|(name, _)| name == "api-version") {
            url.query_pairs_mut().append_pair("api-version", version);
        }
    }
    Ok(vendor)
}

fn bedrock(settings: &ProviderSettings, platform: Option<&Platform>) -> Result<Vendor, Cause> {
    let region = region(settings, platform)?;
    let own = format!("https://bedrock-runtime.{region}.amazonaws.com");
    let known = Known {
        base: "",
        key: KeyForm::Aws { region },
        // Strangers have hosts in the other domains of the cloud.
        domains: &["bedrock-runtime.*.amazonaws.com", "bedrock-runtime-fips.*.amazonaws.com"],
        usual: &["AWS_BEARER_TOKEN_BEDROCK", "AWS_ACCESS_KEY_ID"],
    };
    let base = settings.base_url.clone().or_else(|| platform?.endpoint.clone()).unwrap_or(own);
    let model = encoded(&settings.model);
    let (plain, streamed) = (format!("model/{model}/converse"), format!("model/{model}/converse-stream"));
    known.vendor(settings, Some(base), Format::Converse, &plain, Some(&streamed))
}

fn vertex(settings: &ProviderSettings, platform: Option<&Platform>) -> Result<Vendor, Cause> {
    let region = region(settings, platform)?;
    let project = platform.and_then(|platform| platform.project.clone());
    let project = project.or_else(|| Some(settings.additional_config.get("project")?.as_str()?.to_owned()));
    let project = project.ok_or(Cause::PlatformIncomplete { key: "project" })?;
    let own = match region.as_str() {
        "global" => "https://aiplatform.googleapis.com/v1".to_owned(),
        region => format!("https://{region}-aiplatform.googleapis.com/v1"),
    };
    let known = Known {
        base: "",
        key: KeyForm::Google,
        domains: &["aiplatform.googleapis.com", "*-aiplatform.googleapis.com"],
        usual: &["GOOGLE_OAUTH_ACCESS_TOKEN", "GOOGLE_APPLICATION_CREDENTIALS"],
    };
    let base = settings.base_url.clone().or_else(|| platform?.endpoint.clone()).unwrap_or(own);
    let claude = match settings.kind.as_str() {
        "gemini" => false,
        "vertex" => settings.model.starts_with("claude"),
        _ => true,
    };
    let publisher = if claude { "anthropic" } else { "google" };
    let place = format!(
        "projects/{}/locations/{}/publishers/{publisher}/models/{}",
        encoded(&project),
        encoded(&region),
        encoded(&settings.model)
    );
    if claude {
        let (plain, streamed) = (format!("{place}:rawPredict"), format!("{place}:streamRawPredict"));
        return known.vendor(settings, Some(base), Format::VertexMessages, &plain, Some(&streamed));
    }
    let (plain, streamed) = (format!("{place}:generateContent"), format!("{place}:streamGenerateContent"));
    known.vendor(settings, Some(base), Format::Generate, &plain, Some(&streamed)).map(with_sse)
}

/// The region of a platform; the settings must name it, since a wrong guess answers from another place.
fn region(settings: &ProviderSettings, platform: Option<&Platform>) -> Result<String, Cause> {
    let region = platform.and_then(|platform| platform.region.clone());
    let region = region.or_else(|| Some(settings.additional_config.get("region")?.as_str()?.to_owned()));
    let region = region.ok_or(Cause::PlatformIncomplete { key: "region" })?;
    // It becomes part of a host's name.
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if region.is_empty() || !region.chars().all(plain) {
        Err(Cause::PlatformIncomplete { key: "region" })
    } else {
        Ok(region)
    }
}

/// Google streams lists of JSON unless it is asked for events.
fn with_sse(mut vendor: Vendor) -> Vendor {
    vendor.streamed.query_pairs_mut().append_pair("alt", "sse");
    vendor
}

fn encoded(segment: &str) -> String {
    utf8_percent_encode(segment, RESERVED).to_string()
}

/// The base with its version, whether it was given with it or not.
fn versioned(base: &str, version: &str) -> String {
    let (path, query) = base.split_once('?').map_or((base, None), |(path, query)| (path, Some(query)));
    let path = path.trim_end_matches('/');
    let ends = path
        .rsplit('/')
        .next()
        .is_some_and(|last| last.starts_with('v') && last[1..].starts_with(|c: char| c.is_ascii_digit()));
    let path = if ends { path.to_owned() } else { format!("{path}/{version}") };
    query.map_or(path.clone(), |query| format!("{path}?{query}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(
        kind: &str,
        model: &str,
        base: Option<&str>,
        platform: Option<(&str, Option<&str>)>,
    ) -> Result<Vendor, Cause> {
        let mut settings = ProviderSettings::new("p", kind, model);
        settings.base_url = base.map(str::to_owned);
        settings.platform = platform.map(|(kind, endpoint)| Platform {
            kind: kind.to_owned(),
            region: Some("eu-west-1".to_owned()),
            project: Some("my-project".to_owned()),
            endpoint: endpoint.map(str::to_owned),
            additional_config: Value::Null,
        });
        vendor(&settings)
    }

    #[test]
    fn every_vendor_has_its_places() {
        let vertex =
            "https://eu-west-1-aiplatform.googleapis.com/v1/projects/my-project/locations/eu-west-1/publishers";
        for (kind, model, base, platform, plain, streamed) in [
            ("openai", "gpt", None, None, "https://api.openai.com/v1/chat/completions", None),
            ("openai", "o3-pro", None, None, "https://api.openai.com/v1/responses", None),
            ("openai", "m", Some("http://127.0.0.1:8080/v1/"), None, "http://127.0.0.1:8080/v1/chat/completions", None),
            ("openai", "gemini-2.5-pro", Some("https://gate/v1"), None, "https://gate/v1/chat/completions", None),
            ("openai", "m", Some("https://gate/x?v=1"), None, "https://gate/x/chat/completions?v=1", None),
            ("vllm", "m", Some("http://h:1/v1"), None, "http://h:1/v1/chat/completions", None),
            ("claude", "c", None, None, "https://api.anthropic.com/v1/messages", None),
            ("anthropic", "c", Some("http://h:1"), None, "http://h:1/v1/messages", None),
            (
                "gemini",
                "models/g-2.5",
                None,
                None,
                "https://generativelanguage.googleapis.com/v1beta/models/g-2.5:generateContent",
                Some("https://generativelanguage.googleapis.com/v1beta/models/g-2.5:streamGenerateContent?alt=sse"),
            ),
            ("ollama", "q", None, None, "http://localhost:11434/api/chat", None),
            ("ollama", "q", Some("http://h:1/v1"), None, "http://h:1/api/chat", None),
            (
                "openai",
                "dep 1",
                None,
                Some(("azure", Some("https://x.openai.azure.com"))),
                "https://x.openai.azure.com/openai/deployments/dep%201/chat/completions?api-version=2024-10-21",
                None,
            ),
            (
                "claude",
                "anthropic.claude-v1:0",
                None,
                Some(("bedrock", None)),
                "https://bedrock-runtime.eu-west-1.amazonaws.com/model/anthropic.claude-v1%3A0/converse",
                Some("https://bedrock-runtime.eu-west-1.amazonaws.com/model/anthropic.claude-v1%3A0/converse-stream"),
            ),
            ("gemini", "g", None, Some(("vertex", None)), &format!("{vertex}/google/models/g:generateContent"), None),
            (
                "claude",
                "c@1",
                None,
                Some(("vertex", None)),
                &format!("{vertex}/anthropic/models/c%401:rawPredict"),
                None,
            ),
        ] {
            let vendor = of(kind, model, base, platform).unwrap();
            assert_eq!(vendor.plain.as_str(), plain);
            if let Some(streamed) = streamed {
                assert_eq!(vendor.streamed.as_str(), streamed);
            }
        }
    }

    #[test]
    fn the_usual_key_is_for_the_vendors_own_hosts_over_tls() {
        let azure = Some(("azure", None));
        for (kind, base, platform, own) in [
            ("openai", None, None, true),
            ("openai", Some("https://eu.api.openai.com:8443/v1"), None, true),
            ("openai", Some("http://api.openai.com/v1"), None, false),
            ("openai", Some("https://openai.com.example/v1"), None, false),
            ("openai", Some("https://notopenai.com/v1"), None, false),
            ("claude", Some("https://api.anthropic.com"), None, true),
            ("claude", Some("https://anthropic.com.example"), None, false),
            ("openai", Some("https://x.openai.azure.com"), azure, true),
            ("openai", Some("https://x.azure.com"), azure, false),
            ("gemini", None, Some(("vertex", None)), true),
            ("gemini", Some("https://evil.com-aiplatform.googleapis.com"), Some(("vertex", None)), false),
            ("gemini", Some("https://storage.googleapis.com"), Some(("vertex", None)), false),
            ("claude", None, Some(("bedrock", None)), true),
            ("claude", Some("https://amazonaws.com.example"), Some(("bedrock", None)), false),
            ("claude", Some("https://evil.execute-api.eu-west-1.amazonaws.com"), Some(("bedrock", None)), false),
            ("claude", Some("https://bedrock-runtime.evil.execute-api.amazonaws.com"), Some(("bedrock", None)), false),
        ] {
            assert_eq!(!of(kind, "m", base, platform).unwrap().usual.is_empty(), own, "{kind} {base:?}");
        }
    }

    #[test]
    fn a_base_that_has_its_path_already_is_refused_with_what_to_write() {
        let azure = Some(("azure", None));
        for (kind, base, platform, advice) in [
            ("openai", "https://gate/v1/chat/completions?k=secret", None, "https://gate/v1"),
            ("vllm", "http://h:1/v1/chat/completions/", None, "http://h:1/v1"),
            ("openai", "https://gate/v1/v1", None, "https://gate/v1"),
            ("claude", "https://api.anthropic.com/v1/v1/", None, "https://api.anthropic.com/v1"),
            ("claude", "https://gate/v1/messages", None, "https://gate/v1"),
            ("gemini", "https://gate/v1beta/models/m:generateContent", None, "https://gate/v1beta"),
            ("ollama", "http://h:1/api/chat", None, "http://h:1/"),
            ("openai", "https://x.openai.azure.com/openai/deployments/m", azure, "https://x.openai.azure.com/"),
        ] {
            let cause = of(kind, "m", Some(base), platform).unwrap_err();
            let Cause::BaseUrlDoubled { advice: told, .. } = &cause else { panic!("{base}: {cause}") };
            assert_eq!(told, advice);
            assert!(!cause.to_string().contains("secret"), "{cause}");
        }
        for base in ["https://gate/chat", "https://gate/v1/v2", "https://gate/completions", "https://gate/x/x"] {
            of("openai", "m", Some(base), None).unwrap();
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_told_without_secrets() {
        for wrong in ["api.openai.com", "ftp://x/", "https://me:hunter2@x/", "https://x y/?k=hunter2"] {
            let cause = of("openai", "m", Some(wrong), None).unwrap_err();
            assert!(matches!(cause, Cause::BaseUrlInvalid { .. }) && !cause.to_string().contains("hunter2"), "{cause}");
        }
        assert!(matches!(of("vllm", "m", None, None), Err(Cause::BaseUrlMissing { .. })));
        let mut settings = ProviderSettings::new("p", "bedrock", "m");
        assert!(matches!(vendor(&settings), Err(Cause::PlatformIncomplete { key: "region" })));
        settings.additional_config = json!({"region": "evil.example/"});
        assert!(matches!(vendor(&settings), Err(Cause::PlatformIncomplete { key: "region" })));
        assert!(matches!(of("openai", "m", None, Some(("bedrock", None))), Err(Cause::ProviderTypeUnsupported { .. })));
    }
}
