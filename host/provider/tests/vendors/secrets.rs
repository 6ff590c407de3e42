//! Keys go where they are meant to and show up nowhere else.

use std::collections::BTreeMap;

use arena_harness::{Behaviour, Failure, FakeVendor, Reply, ScriptLine};
use arena_model::Fault as _;
use arena_provider::Secret;

use crate::stand::{ALL, Stand, Way};

const CANARY: &str = "canary-0123456789abcdef0123456789abcdef";

#[tokio::test]
async fn every_vendor_gets_its_key_in_its_own_way_and_in_no_other() {
    for way in ALL {
        let mut stand = Stand::new(way, Behaviour::text("hi"));
        stand.key(&way.credential(CANARY));
        stand.ask(false).await.unwrap_or_else(|error| panic!("{way:?}: {error}"));
        let headers = stand.vendor.last_headers();
        let holding: Vec<_> =
            headers.iter().filter(|(_, value)| value.contains(CANARY)).map(|(name, _)| name.as_str()).collect();
        let expected: &[&str] = match way {
            Way::Azure => &["api-key"],
            Way::Anthropic => &["x-api-key"],
            Way::Gemini => &["x-goog-api-key"],
            // A signature shows that the key is known, not the key.
            Way::Bedrock => &[],
            _ => &["authorization"],
        };
        assert_eq!(holding, expected, "{way:?}");
        assert!(!stand.vendor.last_path().contains(CANARY), "a key in an address ends up in logs");
        if way == Way::Bedrock {
            assert!(headers["authorization"].starts_with("AWS4-HMAC-SHA256 Credential=AKIAFAKE/"), "{headers:?}");
        }
    }
}

#[tokio::test]
async fn no_vendor_can_make_a_key_show_up() {
    for way in ALL {
        let said = format!("I was sent {CANARY}.");
        for how in [None, Some(Failure::Status { status: 400, retry_after: None, body: Some(said.clone()) })] {
            let mut stand = match how {
                None => Stand::new(way, Behaviour::text(said.as_str())),
                Some(how) => Stand::failing(way, how),
            };
            stand.key(&way.credential(CANARY));
            for stream in [false, true] {
                let shown = format!("{:?}", stand.ask(stream).await);
                assert!(shown.contains("***") && !shown.contains("canary"), "{way:?}: {shown}");
            }
        }
    }
}

#[tokio::test]
async fn no_secret_is_ever_shown() {
    const KEY: &str = "sk-live-0123456789abcdef";
    const HEADER: &str = "tenant-secret-42";
    let echo = format!(r#"{{"error":{{"message":"Incorrect API key provided: {KEY} for {HEADER}"}}}}"#);
    let plain = format!("{} {KEY}", "x".repeat(485));
    for (code, body) in [(401, echo.as_str()), (400, &echo), (500, &echo), (400, &plain)] {
        let how = Failure::Status { status: code, retry_after: None, body: Some(body.into()) };
        let mut stand = Stand::failing(Way::Chat, how);
        stand.settings.credential.api_key = Some(Secret::new(KEY));
        stand.settings.headers = BTreeMap::from([("X-Tenant".into(), Secret::new(HEADER))]);
        let error = stand.ask(false).await.unwrap_err();
        assert_eq!(stand.vendor.last_authorization(), Some(format!("Bearer {KEY}")));
        let shown = format!("{error} {error:?} {:?}", stand.settings);
        assert!(!shown.contains("sk-live") && !shown.contains(HEADER), "{shown}");
        assert!(shown.contains("***"), "{shown}");
    }
}

#[tokio::test]
async fn redirects_get_no_request() {
    let other = FakeVendor::start(Behaviour::default()).unwrap();
    let mut stand = Stand::failing(Way::Chat, Failure::Redirect(format!("{}/chat/completions", other.url())));
    stand.settings.credential.api_key = Some(Secret::new("sk-live-0123456789abcdef"));
    assert_eq!(stand.ask(false).await.unwrap_err().reason(), "RedirectRefused");
    assert_eq!((stand.vendor.calls(), other.calls()), (1, 0));
}

#[tokio::test]
async fn a_key_that_comes_back_is_kept_nowhere() {
    let line = ScriptLine {
        pattern: "how".parse().unwrap(),
        text: "you sent Bearer sk-0123456789 and trace-0123456789".into(),
        tool_calls: vec![("sk-0123456789".into(), r#"{"q":["\u0073k-0123456789"]}"#.into())],
        after_tool: None,
    };
    let mut stand = Stand::new(Way::Chat, Behaviour { reply: Reply::Script(vec![line]), ..Behaviour::default() });
    stand.settings.credential.api_key = Some(Secret::new("sk-0123456789"));
    stand.settings.headers.insert("X-Gate-Token".into(), Secret::new("gate-0123456789"));
    stand.settings.headers.insert("X-Trace".into(), Secret::new("trace-0123456789"));
    for stream in [false, true] {
        let message = stand.ask(stream).await.unwrap().message;
        assert_eq!(message.content.text(), "you sent Bearer *** and trace-0123456789", "what is no key stays");
        let call = &message.tool_calls[0];
        assert_eq!((call.name.as_str(), &call.arguments["q"][0]), ("***", &"***".into()));
    }
    let mut gate = Stand::new(Way::Chat, Behaviour::text("gate-0123456789"));
    gate.settings.headers = stand.settings.headers;
    assert_eq!(gate.ask(false).await.unwrap().message.content.text(), "***");
}
