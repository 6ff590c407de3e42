//! Every vendor set up against a fake.

use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, Instant};

use arena_harness::{Behaviour, Failing, Failure, FakeVendor};
use arena_model::{Author, Message, Role};
use arena_provider::{
    ChatReply, ChatRequest, HttpClient, HttpSettings, Platform, Provider, ProviderError, ProviderSettings, Secret,
    Sleep, connect,
};
use async_trait::async_trait;
use serde_json::json;

/// A vendor's way: its `type`, what platform it runs on, and other settings of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Chat,
    Responses,
    Vllm,
    Azure,
    Anthropic,
    VertexClaude,
    Gemini,
    VertexGemini,
    Ollama,
    Bedrock,
}

pub(crate) const ALL: [Way; 10] = [
    Way::Chat,
    Way::Responses,
    Way::Vllm,
    Way::Azure,
    Way::Anthropic,
    Way::VertexClaude,
    Way::Gemini,
    Way::VertexGemini,
    Way::Ollama,
    Way::Bedrock,
];

/// Takes a note instead of a nap.
#[derive(Debug, Default)]
pub(crate) struct Notes(Mutex<Vec<Duration>>);

#[async_trait]
impl Sleep for Notes {
    async fn sleep(&self, duration: Duration) {
        self.0.lock().unwrap().push(duration);
    }
}

pub(crate) struct Stand {
    pub(crate) vendor: FakeVendor,
    notes: Arc<Notes>,
    pub(crate) settings: ProviderSettings,
    pub(crate) http: HttpSettings,
}

impl Way {
    /// Settings that lead to `vendor`.
    pub(crate) fn settings(self, vendor: &FakeVendor) -> ProviderSettings {
        let (kind, platform, model, base) = match self {
            Self::Chat | Self::Responses => ("openai", None, "m-1", vendor.url()),
            Self::Vllm => ("vllm", None, "m-1", vendor.url()),
            Self::Azure => ("openai", Some("azure"), "m-1", vendor.base()),
            Self::Anthropic => ("claude", None, "m-1", vendor.base()),
            Self::VertexClaude => ("claude", Some("vertex"), "claude-1", vendor.url()),
            Self::Gemini => ("gemini", None, "m-1", vendor.base()),
            Self::VertexGemini => ("gemini", Some("vertex"), "m-1", vendor.url()),
            Self::Ollama => ("ollama", None, "m-1", vendor.base()),
            Self::Bedrock => ("claude", Some("bedrock"), "anthropic.m:1", vendor.base()),
        };
        let mut settings = ProviderSettings::new("gpt", kind, model);
        settings.base_url = Some(base);
        settings.platform = platform.map(|kind| Platform {
            kind: kind.to_owned(),
            region: Some("eu-west-1".to_owned()),
            project: Some("my-project".to_owned()),
            ..Platform::default()
        });
        if self == Self::Responses {
            settings.additional_config = json!({"api_mode": "responses"});
        }
        settings
    }

    /// A credential that holds `key`, as this vendor's come.
    pub(crate) fn credential(self, key: &str) -> String {
        match self {
            Self::Bedrock => format!("aws_access_key_id = AKIAFAKE\naws_secret_access_key = {key}\n"),
            _ => key.to_owned(),
        }
    }
}

impl Stand {
    pub(crate) fn new(way: Way, behaviour: Behaviour) -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap());
        let vendor = FakeVendor::start(behaviour).unwrap();
        let settings = way.settings(&vendor);
        Self { vendor, notes: Arc::default(), settings, http: HttpSettings::default() }
    }

    pub(crate) fn failing(way: Way, how: Failure) -> Self {
        Self::new(way, Behaviour::text("hello, world").failing([Failing::always(how)]))
    }

    pub(crate) fn client(&self) -> HttpClient {
        HttpClient::new(&self.http).unwrap().with_sleep(self.notes.clone())
    }

    pub(crate) fn provider(&self) -> Arc<dyn Provider> {
        connect(&self.settings, &self.client(), &|_| unreachable!(), &|_| None).unwrap()
    }

    pub(crate) async fn ask(&self, stream: bool) -> Result<ChatReply, ProviderError> {
        let messages = [Message::text(Role::User, Author::Script, "how are you, case-7?")];
        self.provider().chat(request(&messages, stream)).await
    }

    pub(crate) fn waits(&self) -> Vec<Duration> {
        self.notes.0.lock().unwrap().clone()
    }

    pub(crate) fn key(&mut self, key: &str) {
        self.settings.credential.api_key = Some(Secret::new(key));
    }
}

pub(crate) fn request(messages: &[Message], stream: bool) -> ChatRequest<'_> {
    ChatRequest { stream, ..ChatRequest::new(messages, Instant::now() + Duration::from_secs(3600)) }
}

pub(crate) fn status(status: u16) -> Failure {
    Failure::Status { status, retry_after: None, body: None }
}
