//! What every vendor's embeddings do alike.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arena_harness::{Behaviour, Failing, Failure};
use arena_model::{Class, Fault as _, Usage};
use arena_provider::{
    EMBED_DIMENSIONS, EMBED_TEXT_BYTES, EMBED_TEXTS, EmbedReply, Embedder, Pricing, ProviderError, ProviderSettings,
    Role, connect_embedder, destination,
};
use serde_json::{Value, json};

use crate::stand::{Stand, Way, status};

/// Each vendor with the model that it is asked for, and how many texts it takes at once.
const EMBEDDING: [(Way, &str, usize); 9] = [
    (Way::Chat, "e-1", EMBED_TEXTS),
    (Way::Responses, "e-1", EMBED_TEXTS),
    (Way::Vllm, "e-1", EMBED_TEXTS),
    (Way::Azure, "e 1", EMBED_TEXTS),
    (Way::Gemini, "models/e-1", EMBED_TEXTS),
    (Way::VertexGemini, "gemini-embedding-001", 1),
    (Way::Ollama, "e-1", EMBED_TEXTS),
    (Way::Bedrock, "amazon.titan-embed-text-v2:0", 1),
    (Way::Bedrock, "cohere.embed-english-v3", EMBED_TEXTS),
];

fn stand(way: Way, model: &str, failing: impl IntoIterator<Item = Failing>) -> Stand {
    let mut stand = Stand::new(way, Behaviour::default().failing(failing));
    model.clone_into(&mut stand.settings.model);
    stand
}

fn embedder(stand: &Stand) -> Arc<dyn Embedder> {
    connect_embedder(&stand.settings, &stand.client(), &|_| unreachable!(), &|_| None).unwrap()
}

async fn embed(stand: &Stand, texts: &[&str]) -> Result<EmbedReply, ProviderError> {
    embedder(stand).embed(texts, Instant::now() + Duration::from_secs(3600)).await
}

#[tokio::test]
async fn texts_become_vectors_in_their_order_with_tokens_and_price() {
    let mut all = Vec::new();
    for (way, model, most) in EMBEDDING {
        let mut stand = stand(way, model, []);
        stand.settings.pricing = Some(Pricing::new(1.0, 2.0));
        let reply = embed(&stand, &["one text", "another"]).await.unwrap_or_else(|error| panic!("{way:?}: {error}"));
        let twice = embed(&stand, &["another"]).await.unwrap();
        assert_eq!(reply.vectors[1], twice.vectors[0], "{way:?}");
        assert_ne!(reply.vectors[0], reply.vectors[1], "{way:?}");
        let calls = if most == 1 { 2 } else { 1 };
        assert_eq!((reply.attempts, stand.vendor.calls()), (calls, u64::from(calls) + 1), "{way:?}");
        // Cohere's tokens stand in a header of Amazon's only.
        let counted = !model.starts_with("cohere");
        assert_eq!(reply.usage.is_some_and(|usage| usage.input > 0 && usage.output == 0), counted, "{way:?}");
        let cost = |usage: Usage| Pricing::new(1.0, 2.0).cost_usd_micro(usage);
        assert_eq!(reply.cost_usd_micro, reply.usage.map(cost), "{way:?}");
        all.push(reply.vectors);
    }
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "the fakes all give the same vectors");
}

#[tokio::test]
async fn many_texts_go_in_as_many_requests_as_the_vendor_wants() {
    for (way, model, most) in EMBEDDING {
        let stand = stand(way, model, []);
        let texts = vec!["a"; EMBED_TEXTS];
        assert_eq!(embed(&stand, &texts).await.unwrap().vectors.len(), EMBED_TEXTS, "{way:?}");
        assert_eq!(stand.vendor.calls() as usize, EMBED_TEXTS.div_ceil(most), "{way:?}");
    }
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_every_failure_has_its_name() {
    for (way, model, _) in EMBEDDING {
        for (how, reason, class, calls) in [
            (status(429), "RateLimited", Class::Retryable, 8),
            (status(503), "ProviderUnavailable", Class::Retryable, 6),
            (status(400), "RequestRefused", Class::Input, 1),
            (status(401), "CredentialRefused", Class::Input, 1),
            (status(404), "ModelNotFound", Class::Input, 1),
            (Failure::Cut, "StreamBroken", Class::Retryable, 6),
            (Failure::Malformed, "BadReply", Class::Retryable, 1),
        ] {
            let first = stand(way, model, [Failing::first(2, how.clone())]);
            let passed = embed(&first, &["a"]).await;
            assert_eq!(passed.is_ok_and(|reply| reply.attempts == 3), calls > 1, "{way:?} {how:?}");
            let always = stand(way, model, [Failing::always(how.clone())]);
            let error = embed(&always, &["a"]).await.unwrap_err();
            assert_eq!((error.reason(), error.class()), (reason, class), "{way:?} {how:?}: {error}");
            assert_eq!((u64::from(error.attempts), always.vendor.calls()), (calls, calls), "{way:?} {how:?}");
            assert!(error.to_string().contains(&always.vendor.address()), "{error}");
        }
    }
}

#[tokio::test]
async fn vectors_have_a_limit_and_a_size_that_can_be_chosen() {
    for (way, model, _) in EMBEDDING {
        let mut stand = stand(way, model, []);
        let mut sized = |size: usize| {
            stand.settings.additional_config = json!({"dimensions": size});
            embedder(&stand)
        };
        let far = Instant::now() + Duration::from_secs(3600);
        let reply = sized(EMBED_DIMENSIONS).embed(&["a"], far).await.unwrap();
        assert_eq!(reply.vectors[0].len(), EMBED_DIMENSIONS, "{way:?}");
        let error = sized(EMBED_DIMENSIONS + 1).embed(&["a"], far).await.unwrap_err();
        assert_eq!(error.reason(), "BadReply", "{way:?}: {error}");
    }
}

#[tokio::test]
async fn wrong_texts_are_refused_before_any_call() {
    let long = "a".repeat(EMBED_TEXT_BYTES + 1);
    let many = vec!["a"; EMBED_TEXTS + 1];
    for texts in [&["a", ""][..], &[&long], &many] {
        let stand = stand(Way::Chat, "e-1", []);
        let error = embed(&stand, texts).await.unwrap_err();
        assert_eq!((error.reason(), error.class(), stand.vendor.calls()), ("TextsRefused", Class::Input, 0));
    }
}

#[tokio::test]
async fn keys_go_the_vendors_way_and_do_not_show_up() {
    const CANARY: &str = "canary-0123456789abcdef0123456789abcdef";
    for (way, model, _) in EMBEDDING {
        let how = Failure::Status { status: 400, retry_after: None, body: Some(format!("I was sent {CANARY}.")) };
        let mut stand = stand(way, model, [Failing::first(1, how)]);
        stand.key(&way.credential(CANARY));
        let shown = format!("{:?}", embed(&stand, &["a"]).await);
        assert!(shown.contains("***") && !shown.contains("canary"), "{way:?}: {shown}");
        let sent = stand.vendor.last_headers();
        let with_key = |name: &str| sent.get(name).is_some_and(|value| !value.is_empty());
        assert!(["authorization", "api-key", "x-goog-api-key"].into_iter().any(with_key), "{way:?}: {sent:?}");
    }
}

#[test]
fn who_has_no_embeddings_says_so_and_where_they_are_asked_for_is_told() {
    let settings = |kind: &str, model: &str, config: Value| {
        let mut settings = ProviderSettings::new("e", kind, model);
        (settings.role, settings.additional_config) = (Role::Embedding, config);
        settings
    };
    let stand = Stand::new(Way::Chat, Behaviour::default());
    for (kind, model, config) in [
        ("anthropic", "claude-1", Value::Null),
        ("claude", "claude-1", Value::Null),
        ("replay", "m", Value::Null),
        ("bedrock", "anthropic.claude-v1:0", json!({"region": "eu-west-1"})),
        ("vertex", "claude-1", json!({"region": "eu-west-1", "project": "p"})),
    ] {
        let connected = connect_embedder(&settings(kind, model, config), &stand.client(), &|_| unreachable!(), &|_| {
            Some("key".to_owned())
        });
        assert_eq!(connected.err().map(|error| error.reason()), Some("EmbeddingsUnsupported"), "{kind}");
    }
    for (kind, model, config, url) in [
        ("openai", "e", Value::Null, "https://api.openai.com/v1/embeddings"),
        ("gemini", "e", Value::Null, "https://generativelanguage.googleapis.com/v1beta/models/e:batchEmbedContents"),
        ("ollama", "e", Value::Null, "http://localhost:11434/api/embed"),
        (
            "bedrock",
            "amazon.titan-embed-text-v2:0",
            json!({"region": "eu-west-1"}),
            "https://bedrock-runtime.eu-west-1.amazonaws.com/model/amazon.titan-embed-text-v2%3A0/invoke",
        ),
    ] {
        assert_eq!(destination(&settings(kind, model, config)).unwrap().unwrap().url, url);
    }
}

#[tokio::test]
async fn a_mock_needs_nobody() {
    let stand = Stand::new(Way::Chat, Behaviour::default());
    let settings = ProviderSettings::new("e", "mock", "words");
    let mock = connect_embedder(&settings, &stand.client(), &|_| unreachable!(), &|_| None).unwrap();
    let reply = mock.embed(&["my order", "My order!"], Instant::now()).await.unwrap();
    assert_eq!(reply.vectors[0], reply.vectors[1]);
    assert_eq!((reply.usage.map(|usage| usage.input), reply.cost_usd_micro), (Some(4), Some(40)));
    assert_eq!(mock.embed(&[""], Instant::now()).await.unwrap_err().reason(), "TextsRefused");
}
