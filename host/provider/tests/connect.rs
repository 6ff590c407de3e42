//! Setting providers up: what is found, what is refused, and the mock from a file.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io;
use std::sync::{Arc, Once};
use std::time::Instant;

use arena_model::{Author, Class, Fault as _, Message, Role, Usage};
use arena_provider::{
    ChatRequest, Credential, HttpClient, HttpSettings, MockContext, Provider, ProviderError, ProviderSettings, Secret,
    connect,
};
use serde_json::json;

fn http() -> HttpClient {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap());
    HttpClient::new(&HttpSettings::default()).unwrap()
}

fn read(path: &str) -> io::Result<Vec<u8>> {
    match path {
        "mock.yaml" => Ok(b"defaultResponse: judged\nscenarios: {s: {turns: {1: one, 2: two}}}".to_vec()),
        "broken.yaml" => Ok(b"scenarios: [".to_vec()),
        "key" => Ok(b"  sk-file\n".to_vec()),
        "blank" => Ok(b" \n".to_vec()),
        "bytes" => Ok(vec![0xff; 40]),
        "pipe" => Err(io::Error::other("it is no regular file")),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    }
}

fn env(name: &str) -> Option<String> {
    match name {
        "OPENAI_API_KEY" => Some("sk-usual".into()),
        "MY_KEY" => Some("sk-mine".into()),
        _ => None,
    }
}

fn set_up(settings: &ProviderSettings) -> Result<Arc<dyn Provider>, ProviderError> {
    connect(settings, &http(), &read, &env)
}

fn mock(config: serde_json::Value) -> ProviderSettings {
    let mut settings = ProviderSettings::new("p", "mock", "m");
    settings.additional_config = config;
    settings
}

async fn reply(provider: &dyn Provider, context: MockContext<'_>, texts: &[(Role, &str)]) -> Message {
    let messages: Vec<_> = texts.iter().map(|(role, text)| Message::text(*role, Author::Script, *text)).collect();
    let request = ChatRequest { context, ..ChatRequest::new(&messages, Instant::now()) };
    provider.chat(request).await.unwrap().message
}

#[tokio::test]
async fn the_mock_answers_from_its_file() {
    let provider = set_up(&mock(json!({"mock_config": "mock.yaml"}))).unwrap();
    assert_eq!((provider.model(), provider.endpoint()), ("m", None));
    let context = MockContext { scenario: "s", turn: 1, ..MockContext::default() };
    let first = reply(&*provider, context, &[(Role::System, "x"), (Role::User, "12345678")]).await;
    assert_eq!(first.content.text(), "one");
    assert_eq!(first.usage, Some(Usage { input: 2, output: 20, cached: 0, ..Usage::default() }));
    assert_eq!(first.cost_usd_micro, Some(220));
    let history = [(Role::User, "a"), (Role::Assistant, "b"), (Role::Tool, "c")];
    assert_eq!(reply(&*provider, context, &history).await.content.text(), "two");
    let judge = MockContext { judge: true, ..context };
    assert_eq!(reply(&*provider, judge, &[(Role::User, "a")]).await.content.text(), "judged");
}

#[tokio::test]
async fn the_mock_without_a_file_names_itself() {
    let provider = set_up(&mock(json!(null))).unwrap();
    let message = reply(&*provider, MockContext::default(), &[]).await;
    assert_eq!(message.content.text(), "Mock response for provider p model m");
}

#[test]
fn bad_settings_are_refused_by_name() {
    let mut cases: Vec<(ProviderSettings, &str, &str)> = vec![
        (ProviderSettings::new("p", "clay", "m"), "ProviderTypeUnknown", "known types: anthropic, azure"),
        (mock(json!({"mock_config": "gone.yaml"})), "MockFileMissing", "`gone.yaml`"),
        (mock(json!({"mock_config": "broken.yaml"})), "MockFileInvalid", "`broken.yaml`: line"),
        (mock(json!({"mock_config": 7})), "MockFileInvalid", "must be the path"),
    ];
    let openai = |base_url: Option<&str>, credential: Credential| {
        let mut settings = ProviderSettings::new("p", "openai", "m");
        (settings.base_url, settings.credential) = (base_url.map(str::to_owned), credential);
        settings
    };
    let file = |path: &str| Credential { credential_file: Some(path.into()), ..Credential::default() };
    let variable = |name: &str| Credential { credential_env: Some(name.into()), ..Credential::default() };
    cases.push((openai(None, file("gone")), "CredentialMissing", "`gone`"));
    cases.push((openai(None, file("blank")), "CredentialMissing", "`blank` is empty"));
    cases.push((openai(None, file("bytes")), "CredentialInvalid", "`bytes`: it is not UTF-8 text"));
    cases.push((openai(None, file("pipe")), "CredentialInvalid", "`pipe`: it is no regular file"));
    cases.push((openai(None, variable("NO_KEY")), "CredentialMissing", "NO_KEY"));
    cases.push((openai(Some("http://x"), variable("NO_KEY")), "CredentialMissing", "NO_KEY"));
    cases.push((openai(Some("nonsense"), Credential::default()), "BaseUrlInvalid", "\"nonsense\""));
    let mut header = openai(Some("http://x"), Credential::default());
    header.headers.insert("X-Key".into(), Secret::new("a\nb-secret"));
    cases.push((header, "HeaderInvalid", "\"X-Key\""));
    for (settings, reason, part) in cases {
        let error = set_up(&settings).err().unwrap();
        assert_eq!((error.reason(), error.class(), error.attempts), (reason, Class::Input, 0), "{error}");
        assert!(error.to_string().contains(part) && !error.to_string().contains("secret"), "{error}");
    }
}

#[test]
fn a_key_is_needed_for_the_vendor_itself_only() {
    let mut settings = ProviderSettings::new("p", "openai", "m");
    let without = |settings: &ProviderSettings| connect(settings, &http(), &read, &|_| None);
    assert_eq!(without(&settings).err().unwrap().reason(), "CredentialMissing");
    assert_eq!(set_up(&settings).unwrap().endpoint(), Some("api.openai.com"));
    settings.base_url = Some("http://localhost:9".into());
    assert_eq!(without(&settings).unwrap().endpoint(), Some("localhost:9"));
}

/// Which key reaches a vendor that is not OpenAI's own.
#[tokio::test]
async fn keys_go_where_they_were_named_for() {
    let vendor = arena_harness::FakeVendor::start(arena_harness::Behaviour::default()).unwrap();
    let given = Credential { api_key: Some(Secret::new("sk-given")), ..Credential::default() };
    let file = Credential { credential_file: Some("key".into()), ..Credential::default() };
    let variable = Credential { credential_env: Some("MY_KEY".into()), ..Credential::default() };
    for (credential, expected) in [
        (Credential::default(), None),
        (given, Some("Bearer sk-given")),
        (file, Some("Bearer sk-file")),
        (variable, Some("Bearer sk-mine")),
    ] {
        let mut settings = ProviderSettings::new("p", "openai", "m");
        (settings.base_url, settings.credential) = (Some(vendor.url()), credential);
        let request = ChatRequest::new(&[], Instant::now() + std::time::Duration::from_secs(60));
        set_up(&settings).unwrap().chat(request).await.unwrap();
        assert_eq!(vendor.last_authorization().as_deref(), expected);
    }
}
