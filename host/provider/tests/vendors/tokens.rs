//! Tokens that are exchanged for a key.

use arena_harness::{Behaviour, Failing, Failure, FakeVendor};
use arena_model::Fault as _;
use serde_json::json;

use crate::stand::{Stand, Way, status};

/// Made for this test; it opens nothing.
const PRIVATE_KEY: &str = include_str!("service-account.pem");

fn service_account(tokens: &FakeVendor) -> String {
    let url = format!("{}/token", tokens.base());
    json!({"type": "service_account", "client_email": "a@b.example", "private_key": PRIVATE_KEY, "token_uri": url})
        .to_string()
}

fn application(tokens: &FakeVendor) -> String {
    let secret = "entra-secret-0123456789";
    json!({"tenant_id": "t", "client_id": "c", "client_secret": secret, "authority": tokens.base()}).to_string()
}

#[tokio::test]
async fn one_token_serves_many_calls_and_the_key_stays_at_home() {
    for (way, key) in [
        (Way::VertexGemini, service_account as fn(&FakeVendor) -> String),
        (Way::VertexClaude, service_account),
        (Way::Azure, application),
    ] {
        let tokens = FakeVendor::start(Behaviour::default()).unwrap();
        let mut stand = Stand::new(way, Behaviour::text("I saw ya29.fake-1"));
        stand.key(&key(&tokens));
        let provider = stand.provider();
        let messages = [arena_model::Message::text(arena_model::Role::User, arena_model::Author::Script, "hi")];
        for stream in [false, true, false] {
            let reply = provider.chat(crate::stand::request(&messages, stream)).await.unwrap();
            assert_eq!(reply.message.content.text(), "I saw ***", "a token is a secret like any other");
        }
        assert_eq!((tokens.token_calls(), stand.vendor.token_calls(), stand.vendor.calls()), (1, 0, 3));
        assert_eq!(stand.vendor.last_authorization().as_deref(), Some("Bearer ya29.fake-1"));
    }
}

#[tokio::test]
async fn a_refused_token_is_not_shown_again() {
    let tokens = FakeVendor::start(Behaviour::default()).unwrap();
    let mut stand = Stand::new(Way::VertexGemini, Behaviour::text("hi").failing([Failing::first(1, status(401))]));
    stand.key(&service_account(&tokens));
    let provider = stand.provider();
    let first = provider.chat(crate::stand::request(&[], false)).await.unwrap_err();
    assert_eq!(first.reason(), "CredentialRefused");
    provider.chat(crate::stand::request(&[], false)).await.unwrap();
    assert_eq!(stand.vendor.last_authorization().as_deref(), Some("Bearer ya29.fake-2"));
}

#[tokio::test]
async fn keys_that_cannot_be_used_are_refused_before_any_call() {
    let http = "http://tokens.example/token";
    let keys = [
        (Way::VertexGemini, json!({"client_email": "a"}).to_string(), "no key file of a service account"),
        (
            Way::VertexGemini,
            json!({"client_email": "a", "private_key": "no", "token_uri": "https://x/"}).to_string(),
            "no RSA key",
        ),
        (
            Way::VertexGemini,
            json!({"client_email": "a", "private_key": PRIVATE_KEY, "token_uri": http}).to_string(),
            "no https URL",
        ),
        (Way::Azure, json!({"tenant_id": "t"}).to_string(), "without tenant_id"),
        (Way::Bedrock, json!({"AccessKeyId": "a"}).to_string(), "without AccessKeyId and SecretAccessKey"),
        (Way::Bedrock, "aws_access_key_id = a\n".to_owned(), "without aws_secret_access_key"),
    ];
    for (way, key, part) in keys {
        let mut stand = Stand::new(way, Behaviour::default());
        stand.key(&key);
        let error =
            arena_provider::connect(&stand.settings, &stand.client(), &|_| unreachable!(), &|_| None).err().unwrap();
        assert_eq!(error.reason(), "CredentialInvalid", "{way:?}");
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[tokio::test]
async fn a_dead_token_endpoint_is_no_mystery() {
    let mut stand = Stand::failing(Way::VertexGemini, Failure::Hang);
    let gone = FakeVendor::start(Behaviour::default()).unwrap();
    let key = service_account(&gone);
    drop(gone);
    stand.key(&key);
    let error = stand.ask(false).await.unwrap_err();
    assert_eq!((error.reason(), stand.vendor.calls()), ("ProviderUnavailable", 0));
}
