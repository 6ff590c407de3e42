//! The contract of the `openai` kind, against a fake vendor over real HTTP.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, Instant};

use arena_harness::{Behaviour, Failing, Failure, FakeVendor, Reply, ScriptLine};
use arena_model::{Author, Class, Fault as _, Message, Role, Usage};
use arena_provider::{
    ChatReply, ChatRequest, HttpClient, HttpSettings, MockContext, Pricing, Provider, ProviderError, ProviderSettings,
    RetryPolicy, Secret, Sleep, connect,
};
use async_trait::async_trait;

/// Takes a note instead of a nap.
#[derive(Debug, Default)]
struct Notes(Mutex<Vec<Duration>>);

#[async_trait]
impl Sleep for Notes {
    async fn sleep(&self, duration: Duration) {
        self.0.lock().unwrap().push(duration);
    }
}

struct Bench {
    vendor: FakeVendor,
    notes: Arc<Notes>,
    settings: ProviderSettings,
    http: HttpSettings,
}

impl Bench {
    fn new(behaviour: Behaviour) -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap());
        let vendor = FakeVendor::start(behaviour).unwrap();
        let mut settings = ProviderSettings::new("gpt", "openai", "m-1");
        settings.base_url = Some(vendor.url());
        Self { vendor, notes: Arc::default(), settings, http: HttpSettings::default() }
    }

    fn failing(how: Failure) -> Self {
        Self::new(Behaviour::text("hello, world").failing([Failing::always(how)]))
    }

    fn provider(&self) -> Arc<dyn Provider> {
        let http = HttpClient::new(&self.http).unwrap().with_sleep(self.notes.clone());
        connect(&self.settings, &http, &|_| unreachable!(), &|_| None).unwrap()
    }

    async fn ask(&self, stream: bool) -> Result<ChatReply, ProviderError> {
        let messages = [Message::text(Role::User, Author::Script, "how are you, case-7?")];
        self.provider().chat(request(&messages, stream)).await
    }

    fn waits(&self) -> Vec<Duration> {
        self.notes.0.lock().unwrap().clone()
    }
}

fn request(messages: &[Message], stream: bool) -> ChatRequest<'_> {
    ChatRequest {
        messages,
        tools: &[],
        must_call: false,
        temperature: None,
        top_p: None,
        max_tokens: None,
        seed: None,
        stream,
        context: MockContext::default(),
        watch: None,
        deadline: Instant::now() + Duration::from_secs(3600),
    }
}

fn status(status: u16) -> Failure {
    Failure::Status { status, retry_after: None, body: None }
}

#[tokio::test]
async fn plain_and_streamed_answers_are_equal() {
    let mut bench = Bench::new(Behaviour::text("hello, world"));
    bench.settings.pricing = Some(Pricing { input_per_1k: 1.0, output_per_1k: 2.0 });
    let plain = bench.ask(false).await.unwrap();
    assert_eq!(bench.vendor.last_request().get("stream"), None);
    let streamed = bench.ask(true).await.unwrap();
    assert_eq!(bench.vendor.last_request()["stream_options"]["include_usage"], true);
    assert_eq!(plain.message, streamed.message);
    assert_eq!(plain.message.content.text(), "hello, world");
    assert_eq!((plain.message.role, plain.message.by), (Role::Assistant, Author::Model));
    assert_eq!(plain.message.usage, Some(Usage { input: 5, output: 3, cached: 0 }));
    assert_eq!(plain.message.cost_usd_micro, Some(11_000));
    assert_eq!(plain.message.finish.as_deref(), Some("stop"));
    assert!(plain.ttft.is_none() && streamed.ttft.is_some_and(|ttft| ttft <= streamed.latency));
    assert_eq!((plain.attempts, streamed.attempts, bench.vendor.calls()), (1, 1, 2));
}

#[tokio::test]
async fn tool_calls_come_both_ways() {
    let line = ScriptLine {
        pattern: "how".parse().unwrap(),
        text: String::new(),
        tool_calls: vec![("find".into(), r#"{"q":"x"}"#.into()), ("bad".into(), "{oops".into())],
    };
    let bench = Bench::new(Behaviour { reply: Reply::Script(vec![line]), ..Behaviour::default() });
    let plain = bench.ask(false).await.unwrap().message;
    assert_eq!(plain, bench.ask(true).await.unwrap().message);
    assert_eq!(plain.finish.as_deref(), Some("tool-calls"));
    assert_eq!((plain.tool_calls[0].name.as_str(), &plain.tool_calls[0].arguments["q"]), ("find", &"x".into()));
    assert_eq!(plain.tool_calls[1].arguments, "{oops");
}

#[tokio::test]
async fn the_answers_form_is_the_vendors_choice() {
    let bench = Bench::new(Behaviour { swap_form: true, ..Behaviour::text("hi") });
    let asked_for_stream = bench.ask(true).await.unwrap();
    assert_eq!((asked_for_stream.message.content.text().as_ref(), asked_for_stream.ttft), ("hi", None));
    assert_eq!(bench.ask(false).await.unwrap().message.content.text(), "hi");
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_counted() {
    for (how, stream) in [
        (status(429), false),
        (status(500), false),
        (status(503), true),
        (status(529), false),
        (status(408), false),
        (Failure::Cut, false),
        (Failure::Cut, true),
        (Failure::NoFinish, true),
        (Failure::ErrorEvent, true),
    ] {
        let bench = Bench::new(Behaviour::text("fine").failing([Failing::first(2, how.clone())]));
        let reply = bench.ask(stream).await.unwrap_or_else(|error| panic!("{how:?}: {error}"));
        assert_eq!((reply.attempts, bench.vendor.calls(), bench.waits().len()), (3, 3, 2), "{how:?}");
        assert_eq!(reply.message.content.text(), "fine");
        let [first, second] = bench.waits()[..] else { panic!() };
        assert!((250..=750).contains(&first.as_millis()) && (500..=1500).contains(&second.as_millis()), "{first:?}");
    }
}

#[tokio::test]
async fn every_failure_has_its_name() {
    for (how, stream, reason, class, calls) in [
        (status(429), false, "RateLimited", Class::Retryable, 4),
        (status(502), false, "ProviderUnavailable", Class::Retryable, 4),
        (status(400), false, "RequestRefused", Class::Input, 1),
        (status(401), true, "CredentialRefused", Class::Input, 1),
        (status(403), false, "CredentialRefused", Class::Input, 1),
        (status(404), false, "ModelNotFound", Class::Input, 1),
        (status(422), false, "RequestRefused", Class::Input, 1),
        (Failure::Cut, false, "StreamBroken", Class::Retryable, 4),
        (Failure::Cut, true, "StreamBroken", Class::Retryable, 4),
        (Failure::NoFinish, true, "StreamBroken", Class::Retryable, 4),
        (Failure::ErrorEvent, true, "ErrorReply", Class::Retryable, 4),
        (Failure::Malformed, false, "BadReply", Class::Retryable, 1),
        (Failure::Malformed, true, "BadReply", Class::Retryable, 1),
        (Failure::Redirect("http://127.0.0.1:9/".into()), false, "RedirectRefused", Class::Input, 1),
    ] {
        let bench = Bench::failing(how.clone());
        let error = bench.ask(stream).await.unwrap_err();
        assert_eq!((error.reason(), error.class()), (reason, class), "{how:?}: {error}");
        assert_eq!((u64::from(error.attempts), bench.vendor.calls()), (calls, calls), "{how:?}");
        let text = error.to_string();
        assert!(text.contains("`gpt`") && text.contains(&bench.vendor.address()), "{text}");
    }
}

#[tokio::test]
async fn a_used_up_quota_is_final() {
    let body = r#"{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}"#;
    let bench = Bench::failing(Failure::Status { status: 429, retry_after: None, body: Some(body.into()) });
    let error = bench.ask(false).await.unwrap_err();
    assert_eq!((error.reason(), error.class(), error.attempts), ("QuotaExhausted", Class::Input, 1));
}

#[tokio::test]
async fn silence_ends_the_attempt() {
    for (how, stream, reason) in [
        (Failure::Hang, false, "ProviderTimeout"),
        (Failure::Hang, true, "ProviderTimeout"),
        (Failure::Stall, true, "StreamIdle"),
    ] {
        let mut bench = Bench::failing(how);
        bench.settings.request_timeout = Duration::from_millis(50);
        bench.settings.stream_idle_timeout = Duration::from_millis(50);
        if reason == "StreamIdle" {
            bench.settings.request_timeout = Duration::from_secs(60);
        }
        let error = bench.ask(stream).await.unwrap_err();
        assert_eq!((error.reason(), error.attempts, bench.vendor.calls()), (reason, 4, 4));
    }
}

#[tokio::test]
async fn the_deadline_ends_everything() {
    for (how, stream) in [(Failure::Hang, false), (Failure::Stall, true)] {
        let bench = Bench::failing(how);
        let mut request = request(&[], stream);
        request.deadline = Instant::now() + Duration::from_millis(50);
        let error = bench.provider().chat(request).await.unwrap_err();
        assert_eq!((error.reason(), error.attempts), ("ProviderTimeout", 1));
    }
}

#[tokio::test]
async fn retry_after_is_honoured_but_not_past_the_deadline() {
    let limited = |after: &str| Failure::Status { status: 429, retry_after: Some(after.into()), body: None };
    let behaviour = Behaviour::text("fine").failing([Failing::first(1, limited("7"))]);
    let bench = Bench::new(behaviour);
    assert_eq!(bench.ask(false).await.unwrap().attempts, 2);
    assert_eq!(bench.waits(), [Duration::from_secs(7)]);

    let bench = Bench::failing(limited("999"));
    assert_eq!(bench.ask(false).await.unwrap_err().reason(), "RateLimited");
    assert_eq!(bench.waits(), [Duration::from_secs(60); 3]);

    let bench = Bench::failing(limited("Wed, 21 Oct 2065 07:28:00 GMT"));
    let mut request = request(&[], false);
    request.deadline = Instant::now() + Duration::from_secs(30);
    let error = bench.provider().chat(request).await.unwrap_err();
    assert_eq!((error.reason(), error.attempts, bench.waits().len()), ("RateLimited", 1, 0));
}

#[tokio::test]
async fn one_attempt_means_one() {
    let mut bench = Bench::failing(status(429));
    bench.settings.retry = RetryPolicy { max_attempts: 1, ..RetryPolicy::default() };
    assert_eq!(bench.ask(false).await.unwrap_err().attempts, 1);
    assert_eq!(bench.vendor.calls(), 1);
}

#[tokio::test]
async fn answers_have_a_limit() {
    for stream in [false, true] {
        let mut bench = Bench::failing(Failure::Oversize(100_000));
        bench.http.reply_limit = 100_000;
        let error = bench.ask(stream).await.unwrap_err();
        assert_eq!((error.reason(), error.class(), error.attempts), ("ReplyTooLarge", Class::Infra, 1));
        bench.http.reply_limit = 110_000;
        assert_eq!(bench.ask(stream).await.unwrap().message.content.text().len(), 100_000);
    }
}

#[tokio::test]
async fn a_closed_port_is_unavailable() {
    let mut bench = Bench::new(Behaviour::default());
    let gone = FakeVendor::start(Behaviour::default()).unwrap();
    let address = gone.address();
    bench.settings.base_url = Some(gone.url());
    drop(gone);
    let error = bench.ask(false).await.unwrap_err();
    assert_eq!((error.reason(), error.attempts), ("ProviderUnavailable", 4));
    assert!(error.to_string().contains(&address), "{error}");
}

#[tokio::test]
async fn no_secret_is_ever_shown() {
    const KEY: &str = "sk-live-0123456789abcdef";
    const HEADER: &str = "tenant-secret-42";
    let echo = format!(r#"{{"error":{{"message":"Incorrect API key provided: {KEY} for {HEADER}"}}}}"#);
    let plain = format!("{} {KEY}", "x".repeat(485));
    for (code, body) in [(401, echo.as_str()), (400, &echo), (500, &echo), (400, &plain)] {
        let how = Failure::Status { status: code, retry_after: None, body: Some(body.into()) };
        let mut bench = Bench::failing(how);
        bench.settings.credential.api_key = Some(Secret::new(KEY));
        bench.settings.headers = BTreeMap::from([("X-Tenant".into(), Secret::new(HEADER))]);
        let error = bench.ask(false).await.unwrap_err();
        assert_eq!(bench.vendor.last_authorization(), Some(format!("Bearer {KEY}")));
        let shown = format!("{error} {error:?} {:?}", bench.settings);
        assert!(!shown.contains("sk-live") && !shown.contains(HEADER), "{shown}");
        assert!(shown.contains("***"), "{shown}");
    }
}

#[tokio::test]
async fn redirects_get_no_request() {
    let other = FakeVendor::start(Behaviour::default()).unwrap();
    let mut bench = Bench::failing(Failure::Redirect(format!("{}/chat/completions", other.url())));
    bench.settings.credential.api_key = Some(Secret::new("sk-live-0123456789abcdef"));
    assert_eq!(bench.ask(false).await.unwrap_err().reason(), "RedirectRefused");
    assert_eq!((bench.vendor.calls(), other.calls()), (1, 0));
}

#[tokio::test]
async fn connections_are_used_again() {
    let bench = Bench::new(Behaviour::text("hi"));
    let provider = bench.provider();
    for stream in [true, false, true, true] {
        provider.chat(request(&[], stream)).await.unwrap();
    }
    assert_eq!((bench.vendor.calls(), bench.vendor.connections()), (4, 1));
}

#[tokio::test]
async fn a_key_that_comes_back_is_kept_nowhere() {
    let line = ScriptLine {
        pattern: "how".parse().unwrap(),
        text: "you sent Bearer sk-0123456789 and trace-0123456789".into(),
        tool_calls: vec![("sk-0123456789".into(), r#"{"q":["\u0073k-0123456789"]}"#.into())],
    };
    let mut bench = Bench::new(Behaviour { reply: Reply::Script(vec![line]), ..Behaviour::default() });
    bench.settings.credential.api_key = Some(Secret::new("sk-0123456789"));
    bench.settings.headers.insert("X-Gate-Token".into(), Secret::new("gate-0123456789"));
    bench.settings.headers.insert("X-Trace".into(), Secret::new("trace-0123456789"));
    for stream in [false, true] {
        let message = bench.ask(stream).await.unwrap().message;
        assert_eq!(message.content.text(), "you sent Bearer *** and trace-0123456789", "what is no key stays");
        let call = &message.tool_calls[0];
        assert_eq!((call.name.as_str(), &call.arguments["q"][0]), ("***", &"***".into()));
    }
    let mut gate = Bench::new(Behaviour::text("gate-0123456789"));
    gate.settings.headers = bench.settings.headers;
    assert_eq!(gate.ask(false).await.unwrap().message.content.text(), "***");
}

#[tokio::test]
async fn an_answer_is_well_below_what_a_record_holds() {
    for stream in [false, true] {
        let error = Bench::failing(Failure::Oversize(5 << 20)).ask(stream).await.unwrap_err();
        assert_eq!(error.reason(), "ReplyTooLarge");
        assert!(error.to_string().contains(&(4_u32 << 20).to_string()), "{error}");
        Bench::failing(Failure::Oversize(3 << 20)).ask(stream).await.unwrap();
    }
}
