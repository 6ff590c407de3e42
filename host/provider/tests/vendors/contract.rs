//! What every vendor's provider does alike.

use std::time::{Duration, Instant};

use arena_harness::{Behaviour, Failing, Failure, FakeVendor, RawServer, Reply, ScriptLine, TokenDetails};
use arena_model::{Author, Class, Fault as _, Message, Role, Usage};
use arena_provider::{ChatRequest, Pricing, RetryPolicy, ToolSpec};
use serde_json::json;

use crate::stand::{ALL, Stand, Way, request, status};

#[tokio::test]
async fn plain_and_streamed_answers_are_equal() {
    for way in ALL {
        let details = TokenDetails { cached: 2, cache_written: 0, reasoning: 1 };
        let mut stand = Stand::new(way, Behaviour { token_details: details, ..Behaviour::text("hello, world") });
        stand.settings.pricing = Some(Pricing::new(1.0, 2.0));
        let plain = stand.ask(false).await.unwrap_or_else(|error| panic!("{way:?}: {error}"));
        let streamed = stand.ask(true).await.unwrap_or_else(|error| panic!("{way:?}: {error}"));
        assert_eq!(plain.message, streamed.message, "{way:?}");
        assert_eq!(plain.message.content.text(), "hello, world", "{way:?}");
        assert_eq!((plain.message.role, plain.message.by), (Role::Assistant, Author::Model));
        // Not every vendor tells all of them.
        let cached = if matches!(way, Way::Ollama) { 0 } else { 2 };
        let reasoning = u64::from(!matches!(way, Way::Ollama | Way::Anthropic | Way::VertexClaude | Way::Bedrock));
        let usage = Usage { input: 7, output: 4, cached, reasoning, cache_write: 0 };
        assert_eq!(plain.message.usage, Some(usage), "{way:?}");
        assert_eq!(plain.message.cost_usd_micro, Some(15_000));
        assert_eq!(plain.message.finish.as_deref(), Some("stop"), "{way:?}");
        assert!(plain.ttft.is_none() && streamed.ttft.is_some_and(|ttft| ttft <= streamed.latency));
        assert_eq!((plain.attempts, streamed.attempts, stand.vendor.calls()), (1, 1, 2));
    }
}

#[tokio::test]
async fn a_tool_loop_goes_both_ways() {
    for way in ALL {
        let line = ScriptLine {
            pattern: "how".parse().unwrap(),
            text: "let me see".into(),
            tool_calls: vec![("find".into(), r#"{"q":"x"}"#.into()), ("look".into(), "{}".into())],
            after_tool: Some("done".into()),
        };
        let stand = Stand::new(way, Behaviour { reply: Reply::Script(vec![line]), ..Behaviour::default() });
        let mut stand = stand;
        if matches!(way, Way::Gemini | Way::VertexGemini) {
            // It refuses results without the signatures of its calls.
            stand.settings.model = "gemini-3-pro".to_owned();
        }
        let schema = json!({"type": "object", "properties": {"q": {"type": "string"}}});
        let tool = |name: &str| ToolSpec { name: name.into(), description: "d".into(), parameters: schema.clone() };
        let tools = [tool("find"), tool("look")];
        let mut messages = vec![
            Message::text(Role::System, Author::Script, "be brief"),
            Message::text(Role::User, Author::Script, "how are you?"),
        ];
        let provider = stand.provider();
        for stream in [false, true] {
            let asked = ChatRequest { tools: &tools, must_call: true, ..request(&messages[..2], stream) };
            let said = provider.chat(asked).await.unwrap_or_else(|error| panic!("{way:?}: {error}")).message;
            assert_eq!(
                (said.content.text().as_ref(), said.finish.as_deref()),
                ("let me see", Some("tool-calls")),
                "{way:?}"
            );
            let calls: Vec<_> = said.tool_calls.iter().map(|call| (call.name.as_str(), &call.arguments)).collect();
            assert_eq!(calls, [("find", &json!({"q": "x"})), ("look", &json!({}))], "{way:?}");
            assert_ne!(said.tool_calls[0].id, said.tool_calls[1].id);
            messages.truncate(2);
            let ids: Vec<_> = said.tool_calls.iter().map(|call| call.id.clone()).collect();
            messages.push(said);
            messages.extend(
                ids.into_iter()
                    .map(|id| Message { tool_call_id: Some(id), ..Message::text(Role::Tool, Author::Tool, "found") }),
            );
            let asked = ChatRequest { tools: &tools, ..request(&messages, stream) };
            let said = provider.chat(asked).await.unwrap_or_else(|error| panic!("{way:?}: {error}")).message;
            assert_eq!((said.content.text().as_ref(), said.finish.as_deref()), ("done", Some("stop")), "{way:?}");
        }
    }
}

#[tokio::test]
async fn arguments_that_are_no_json_stay_a_text() {
    let line = ScriptLine {
        pattern: "how".parse().unwrap(),
        text: String::new(),
        tool_calls: vec![("bad".into(), "{oops".into())],
        after_tool: None,
    };
    for (way, stream) in [(Way::Chat, false), (Way::Chat, true), (Way::Responses, false), (Way::Responses, true)] {
        let stand = Stand::new(way, Behaviour { reply: Reply::Script(vec![line.clone()]), ..Behaviour::default() });
        assert_eq!(stand.ask(stream).await.unwrap().message.tool_calls[0].arguments, "{oops", "{way:?}");
    }
}

#[tokio::test]
async fn the_answers_form_is_the_vendors_choice() {
    for way in ALL {
        let stand = Stand::new(way, Behaviour { swap_form: true, ..Behaviour::text("hi") });
        let asked_for_stream = stand.ask(true).await.unwrap_or_else(|error| panic!("{way:?}: {error}"));
        assert_eq!((asked_for_stream.message.content.text().as_ref(), asked_for_stream.ttft), ("hi", None));
        assert_eq!(stand.ask(false).await.unwrap().message.content.text(), "hi", "{way:?}");
    }
}

#[tokio::test]
async fn pieces_of_any_size_make_the_same_answer() {
    for way in ALL {
        for pieces in [1, 7, 100] {
            let text = "ein Grüß Gott, 😀, and a \"quote\" \\ \n of many pieces";
            let stand = Stand::new(way, Behaviour { pieces, ..Behaviour::text(text) });
            let reply = stand.ask(true).await.unwrap_or_else(|error| panic!("{way:?}: {error}"));
            assert_eq!(reply.message.content.text(), text, "{way:?}");
        }
    }
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_counted() {
    for way in ALL {
        for (how, stream, reason) in [
            (status(429), false, "RateLimited"),
            (status(500), false, "ProviderUnavailable"),
            (status(503), true, "ProviderUnavailable"),
            (status(529), false, "ProviderUnavailable"),
            (status(408), false, "ProviderUnavailable"),
            (Failure::Cut, false, "StreamBroken"),
            (Failure::Cut, true, "StreamBroken"),
            (Failure::NoFinish, true, "StreamBroken"),
            (Failure::ErrorEvent, true, "ErrorReply"),
        ] {
            let stand = Stand::new(way, Behaviour::text("fine").failing([Failing::first(2, how.clone())]));
            let reply = stand.ask(stream).await.unwrap_or_else(|error| panic!("{way:?} {how:?}: {error}"));
            assert_eq!((reply.attempts, stand.vendor.calls(), stand.waits().len()), (3, 3, 2), "{way:?} {how:?}");
            assert_eq!((reply.message.content.text().as_ref(), reply.retried), ("fine", vec![reason; 2]));
            let [first, second] = stand.waits()[..] else { panic!() };
            assert!(
                (250..=750).contains(&first.as_millis()) && (500..=1500).contains(&second.as_millis()),
                "{first:?}"
            );
        }
    }
}

#[tokio::test]
async fn every_failure_has_its_name() {
    for way in ALL {
        for (how, stream, reason, class, calls) in [
            (status(429), false, "RateLimited", Class::Retryable, 8),
            (status(502), false, "ProviderUnavailable", Class::Retryable, 6),
            (status(400), false, "RequestRefused", Class::Input, 1),
            (status(401), true, "CredentialRefused", Class::Input, 1),
            (status(403), false, "CredentialRefused", Class::Input, 1),
            (status(404), false, "ModelNotFound", Class::Input, 1),
            (status(422), false, "RequestRefused", Class::Input, 1),
            (Failure::Cut, false, "StreamBroken", Class::Retryable, 6),
            (Failure::Cut, true, "StreamBroken", Class::Retryable, 6),
            (Failure::NoFinish, true, "StreamBroken", Class::Retryable, 6),
            (Failure::ErrorEvent, true, "ErrorReply", Class::Retryable, 6),
            (Failure::Malformed, false, "BadReply", Class::Retryable, 1),
            (Failure::Malformed, true, "BadReply", Class::Retryable, 1),
            (Failure::Redirect("http://127.0.0.1:9/".into()), false, "RedirectRefused", Class::Input, 1),
        ] {
            let stand = Stand::failing(way, how.clone());
            let Err(error) = stand.ask(stream).await else { panic!("{way:?} {how:?} passed") };
            assert_eq!((error.reason(), error.class()), (reason, class), "{way:?} {how:?}: {error}");
            assert_eq!((u64::from(error.attempts), stand.vendor.calls()), (calls, calls), "{way:?} {how:?}");
            let text = error.to_string();
            assert!(text.contains("`gpt`") && text.contains(&stand.vendor.address()), "{text}");
        }
    }
}

#[tokio::test]
async fn a_used_up_quota_is_final() {
    let body = r#"{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}"#;
    let stand = Stand::failing(Way::Chat, Failure::Status { status: 429, retry_after: None, body: Some(body.into()) });
    let error = stand.ask(false).await.unwrap_err();
    assert_eq!((error.reason(), error.class(), error.attempts), ("QuotaExhausted", Class::Input, 1));
}

#[tokio::test]
async fn silence_ends_the_attempt() {
    for way in ALL {
        for (how, stream, reason) in [
            (Failure::Hang, false, "ProviderTimeout"),
            (Failure::Hang, true, "ProviderTimeout"),
            (Failure::Stall, true, "StreamIdle"),
        ] {
            let mut stand = Stand::failing(way, how);
            stand.settings.request_timeout = Duration::from_millis(50);
            stand.settings.stream_idle_timeout = Duration::from_millis(50);
            if reason == "StreamIdle" {
                stand.settings.request_timeout = Duration::from_secs(60);
            }
            let error = stand.ask(stream).await.unwrap_err();
            assert_eq!((error.reason(), error.attempts, stand.vendor.calls()), (reason, 2, 2), "{way:?}");
        }
    }
}

#[tokio::test]
async fn a_stream_that_is_done_without_a_reason_was_cut() {
    let body = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"half of\"}}]}\n\ndata: [DONE]\n\n";
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close";
    let server = RawServer::start(move |_| format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())).unwrap();
    let mut stand = Stand::new(Way::Chat, Behaviour::default());
    stand.settings.base_url = Some(server.url("/v1"));
    let error = stand.ask(true).await.unwrap_err();
    assert_eq!((error.reason(), error.attempts, server.seen().len()), ("StreamBroken", 6, 6));
}

#[tokio::test]
async fn slow_pieces_are_no_silence() {
    for way in ALL {
        let mut stand = Stand::failing(way, Failure::SlowChunks(Duration::from_millis(5)));
        stand.settings.stream_idle_timeout = Duration::from_secs(5);
        let reply = stand.ask(true).await.unwrap_or_else(|error| panic!("{way:?}: {error}"));
        assert_eq!((reply.message.content.text().as_ref(), reply.attempts), ("hello, world", 1), "{way:?}");
    }
}

#[tokio::test]
async fn the_deadline_ends_everything() {
    for (how, stream) in [(Failure::Hang, false), (Failure::Stall, true)] {
        let stand = Stand::failing(Way::Chat, how);
        let mut request = request(&[], stream);
        request.deadline = Instant::now() + Duration::from_millis(50);
        let error = stand.provider().chat(request).await.unwrap_err();
        assert_eq!((error.reason(), error.attempts), ("ProviderTimeout", 1));
    }
}

#[tokio::test]
async fn retry_after_is_honoured_but_not_past_the_deadline() {
    let limited = |after: &str| Failure::Status { status: 429, retry_after: Some(after.into()), body: None };
    let behaviour = Behaviour::text("fine").failing([Failing::first(1, limited("7"))]);
    let stand = Stand::new(Way::Chat, behaviour);
    assert_eq!(stand.ask(false).await.unwrap().attempts, 2);
    assert_eq!(stand.waits(), [Duration::from_secs(7)]);

    let stand = Stand::failing(Way::Chat, limited("300"));
    assert_eq!(stand.ask(false).await.unwrap_err().reason(), "RateLimited");
    assert_eq!(stand.waits(), [Duration::from_secs(300); 7]);

    // Nobody is asked sooner than they want to be.
    let mut stand = Stand::failing(Way::Chat, limited("301"));
    let error = stand.ask(false).await.unwrap_err();
    assert_eq!((error.reason(), error.class(), error.attempts), ("RetryAfterTooLong", Class::Retryable, 1));
    assert!(error.to_string().contains("not to be asked again for 301 s"), "{error}");
    assert!(stand.waits().is_empty());
    stand.settings.retry.max_retry_after = Duration::from_secs(301);
    assert_eq!(stand.ask(false).await.unwrap_err().reason(), "RateLimited");
    assert_eq!(stand.waits(), [Duration::from_secs(301); 7]);

    let stand = Stand::failing(Way::Chat, limited("Wed, 21 Oct 2065 07:28:00 GMT"));
    let mut request = request(&[], false);
    request.deadline = Instant::now() + Duration::from_secs(30);
    let error = stand.provider().chat(request).await.unwrap_err();
    assert_eq!((error.reason(), error.attempts, stand.waits().len()), ("RetryAfterTooLong", 1, 0));

    // What is asked for may be waited for, but not by this case.
    let stand = Stand::failing(Way::Chat, limited("40"));
    let mut request = self::request(&[], false);
    request.deadline = Instant::now() + Duration::from_secs(30);
    let error = stand.provider().chat(request).await.unwrap_err();
    assert_eq!((error.reason(), error.attempts, stand.waits().len()), ("RateLimited", 1, 0));
    assert!(error.to_string().contains("the next attempt would be in 40.0 s"), "{error}");
}

#[tokio::test]
async fn one_attempt_means_one() {
    let mut stand = Stand::failing(Way::Chat, status(429));
    stand.settings.retry = RetryPolicy::off();
    assert_eq!(stand.ask(false).await.unwrap_err().attempts, 1);
    assert_eq!(stand.vendor.calls(), 1);
}

#[tokio::test]
async fn answers_have_a_limit() {
    for stream in [false, true] {
        let mut stand = Stand::failing(Way::Chat, Failure::Oversize(100_000));
        stand.http.reply_limit = 100_000;
        let error = stand.ask(stream).await.unwrap_err();
        assert_eq!((error.reason(), error.class(), error.attempts), ("ReplyTooLarge", Class::Infra, 1));
        stand.http.reply_limit = 110_000;
        assert_eq!(stand.ask(stream).await.unwrap().message.content.text().len(), 100_000);
    }
}

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    let mut stand = Stand::new(Way::Chat, Behaviour::default());
    let gone = FakeVendor::start(Behaviour::default()).unwrap();
    let address = gone.address();
    stand.settings.base_url = Some(gone.url());
    drop(gone);
    let error = stand.ask(false).await.unwrap_err();
    assert_eq!((error.reason(), error.attempts), ("ProviderUnreachable", 4));
    assert!(error.to_string().contains(&address), "{error}");
}

#[tokio::test]
async fn connections_are_used_again() {
    let stand = Stand::new(Way::Chat, Behaviour::text("hi"));
    let provider = stand.provider();
    for stream in [true, false, true, true] {
        provider.chat(request(&[], stream)).await.unwrap();
    }
    assert_eq!((stand.vendor.calls(), stand.vendor.connections()), (4, 1));
}

#[tokio::test]
async fn an_answer_is_well_below_what_a_record_holds() {
    for stream in [false, true] {
        let error = Stand::failing(Way::Chat, Failure::Oversize(5 << 20)).ask(stream).await.unwrap_err();
        assert_eq!(error.reason(), "ReplyTooLarge");
        assert!(error.to_string().contains(&(4_u32 << 20).to_string()), "{error}");
        Stand::failing(Way::Chat, Failure::Oversize(3 << 20)).ask(stream).await.unwrap();
    }
}
