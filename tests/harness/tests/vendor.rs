//! One fake, every vendor: the same orders obeyed at every place, errors in each vendor's own form.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use arena_harness::{Behaviour, Failing, Failure, FakeVendor, Reply, ScriptLine};
use serde_json::{Value, json};

/// An answer: its status, its headers in small letters, its body without the framing of HTTP.
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
    /// The body came to its end.
    whole: bool,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn post(vendor: &FakeVendor, path: &str, headers: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(vendor.address()).unwrap();
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}");
    stream.write_all(format!("{head}\r\n{body}").as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut rest = &bytes[end + 4..];
    if !head.contains("transfer-encoding: chunked") {
        return Answer { status, head, body: rest.to_vec(), whole: true };
    }
    let (mut body, mut whole) = (Vec::new(), false);
    while let Some(line) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
        whole = size == 0;
        body.extend_from_slice(&rest[line + 2..line + 2 + size]);
        rest = &rest[line + 2 + size + 2..];
    }
    Answer { status, head, body, whole }
}

/// A vendor's place, its request for a plain answer or a stream, and where its error says why.
struct Vendor {
    plain: &'static str,
    streamed: &'static str,
    body: fn(&str, bool) -> Value,
    message: &'static str,
    /// The mark of an answer that has come to its end.
    finish: &'static str,
}

fn messages(text: &str, stream: bool) -> Value {
    json!({"model": "m", "max_tokens": 9, "stream": stream, "messages": [{"role": "user", "content": text}]})
}

fn contents(text: &str, _: bool) -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": text}]}]})
}

const CHAT: Vendor = Vendor {
    plain: "/v1/chat/completions",
    streamed: "/v1/chat/completions",
    body: messages,
    message: "/error/message",
    finish: "[DONE]",
};
const GEMINI: Vendor = Vendor {
    plain: "/v1beta/models/m:generateContent",
    streamed: "/v1beta/models/m:streamGenerateContent?alt=sse",
    body: contents,
    message: "/error/message",
    finish: "finishReason",
};
const VENDORS: [Vendor; 6] = [
    CHAT,
    Vendor {
        plain: "/v1/responses",
        streamed: "/v1/responses",
        body: |text, stream| json!({"model": "m", "stream": stream, "input": text}),
        message: "/error/message",
        finish: "response.completed",
    },
    Vendor {
        plain: "/v1/messages",
        streamed: "/v1/messages",
        body: messages,
        message: "/error/message",
        finish: "message_stop",
    },
    GEMINI,
    Vendor { plain: "/api/chat", streamed: "/api/chat", body: messages, message: "/error", finish: "\"done\":true" },
    Vendor {
        plain: "/model/m/converse",
        streamed: "/model/m/converse-stream",
        body: |text, _| json!({"messages": [{"role": "user", "content": [{"text": text}]}]}),
        message: "/message",
        finish: "messageStop",
    },
];

/// The header that Anthropic refuses to be without.
const VERSION: &str = "anthropic-version: 2023-06-01\r\n";

impl Vendor {
    fn ask(&self, vendor: &FakeVendor, stream: bool) -> Answer {
        let path = if stream { self.streamed } else { self.plain };
        post(vendor, path, VERSION, &(self.body)("hello case-7", stream).to_string())
    }
}

fn failing(how: Failure) -> FakeVendor {
    FakeVendor::start(Behaviour::text("one two three four").failing([Failing::always(how)])).unwrap()
}

#[test]
fn errors_are_each_vendors_own() {
    let vendor = failing(Failure::Status { status: 429, retry_after: Some("2".into()), body: None });
    for place in &VENDORS {
        for stream in [false, true] {
            let answer = place.ask(&vendor, stream);
            assert_eq!(answer.status, 429, "{}", place.plain);
            assert!(answer.head.contains("retry-after: 2"), "{}", answer.head);
            let said = answer.json();
            assert_eq!(said.pointer(place.message).unwrap(), "told to fail with 429", "{said}");
        }
        let unread = post(&vendor, place.plain, VERSION, "{}");
        assert_eq!(unread.status, 400, "{}", place.plain);
        let said = unread.json();
        let why = said.pointer(place.message).unwrap().as_str().unwrap();
        assert!(why.starts_with("cannot read the request: missing field"), "{why}");
        let nowhere = post(&vendor, &place.plain.replace("completions", "nothing").replace("converse", "x"), "", "{}");
        assert!(matches!(nowhere.status, 400 | 404) && nowhere.json().pointer(place.message).is_some());
    }
    let aws = post(&vendor, "/model/m/converse", "", &(VENDORS[5].body)("", false).to_string());
    assert!(aws.head.contains("x-amzn-errortype: throttlingexception"), "{}", aws.head);
}

#[test]
fn every_stream_breaks_as_told() {
    for (how, whole, finished) in [
        (Failure::Cut, false, false),
        (Failure::NoFinish, true, false),
        (Failure::ErrorEvent, true, false),
        (Failure::Malformed, true, true),
        (Failure::SlowChunks(Duration::from_millis(1)), true, true),
    ] {
        let vendor = failing(how.clone());
        for place in &VENDORS {
            let answer = place.ask(&vendor, true);
            let text = answer.text();
            assert_eq!((answer.status, answer.whole), (200, whole), "{how:?} {}", place.plain);
            assert_eq!(text.contains(place.finish), finished, "{how:?} {text}");
            assert_eq!(text.contains("oops"), how == Failure::Malformed, "{how:?} {text}");
            assert_eq!(text.contains("told to fail half-way"), how == Failure::ErrorEvent, "{how:?} {text}");
        }
    }
}

#[test]
fn every_plain_answer_breaks_as_told() {
    let cut = failing(Failure::Cut);
    let malformed = failing(Failure::Malformed);
    let large = failing(Failure::Oversize(100_000));
    let slow = failing(Failure::SlowChunks(Duration::from_millis(20)));
    for place in &VENDORS {
        assert!(!place.ask(&cut, false).whole, "{}", place.plain);
        assert!(serde_json::from_slice::<Value>(&place.ask(&malformed, false).body).is_err(), "{}", place.plain);
        assert!(place.ask(&large, false).body.len() > 100_000, "{}", place.plain);
        let start = Instant::now();
        place.ask(&slow, false).json();
        // Four pieces have three pauses.
        assert!(start.elapsed() >= Duration::from_millis(60), "{}", place.plain);
    }
}

#[test]
fn the_other_form_comes_if_told() {
    let vendor = FakeVendor::start(Behaviour { swap_form: true, ..Behaviour::text("hi") }).unwrap();
    for place in &VENDORS {
        let (plain, streamed) = (place.ask(&vendor, true), place.ask(&vendor, false));
        assert!(plain.head.contains("content-type: application/json"), "{}", plain.head);
        assert!(!streamed.head.contains("content-type: application/json"), "{}", streamed.head);
        assert!(streamed.text().contains(place.finish));
    }
}

#[test]
fn only_the_right_key_is_let_in() {
    let vendor = FakeVendor::start(Behaviour { key: Some("k".into()), ..Behaviour::default() }).unwrap();
    for place in &VENDORS {
        let ask = |headers: &str| post(&vendor, place.plain, headers, &(place.body)("hello", false).to_string());
        assert_eq!(ask(&format!("{VERSION}x-api-key: k\r\n")).status, 200, "{}", place.plain);
        let refused = ask(&format!("{VERSION}authorization: Bearer other\r\n"));
        assert_eq!(refused.status, 401, "{}", place.plain);
        assert!(refused.json().pointer(place.message).is_some());
    }
    assert_eq!(vendor.calls(), 12);
}

#[test]
fn calls_are_counted_and_kept() {
    let pattern = Some("case-([0-9]+)".parse().unwrap());
    let vendor = FakeVendor::start(Behaviour { case_pattern: pattern, ..Behaviour::default() }).unwrap();
    let start = Instant::now();
    for place in &VENDORS {
        place.ask(&vendor, false);
    }
    assert_eq!((vendor.calls(), vendor.calls_by_case()["7"]), (6, 6));
    let body = (GEMINI.body)("x", false).to_string();
    post(&vendor, "/v1beta/models/m:generateContent?key=k%20k", "X-Odd: a\r\nx-odd: b\r\n", &body);
    assert_eq!(vendor.last_path(), "/v1beta/models/m:generateContent?key=k%20k");
    assert_eq!(vendor.last_headers()["x-odd"], "a, b");
    let times = vendor.request_times();
    assert_eq!(times.len(), 7);
    assert!(times.is_sorted() && times[0] >= start);
    assert_eq!(format!("{}/v1", vendor.base()), vendor.url());
    vendor.reset();
    assert_eq!((vendor.calls(), vendor.request_times(), vendor.last_path()), (0, vec![], String::new()));
}

#[test]
fn tokens_are_counted_apart() {
    let vendor = FakeVendor::start(Behaviour::default()).unwrap();
    let form = "grant_type=client_credentials&client_id=a&client_secret=b%2Fc&scope=d";
    for number in 1..=2 {
        let answer = post(&vendor, "/tenant/oauth2/v2.0/token", "", form);
        assert_eq!(answer.json()["access_token"], format!("ya29.fake-{number}"));
    }
    assert_eq!((vendor.token_calls(), vendor.calls()), (2, 0));
    assert_eq!(vendor.last_token_request()["client_secret"], "b/c");
    assert_eq!(post(&vendor, "/token", "", "grant_type=password").status, 400);
}

#[test]
fn a_tool_loop_ends() {
    let line = ScriptLine {
        pattern: "weather".parse().unwrap(),
        text: String::new(),
        tool_calls: vec![("find".into(), "{}".into())],
        after_tool: Some("sunny".into()),
    };
    let vendor = FakeVendor::start(Behaviour { reply: Reply::Script(vec![line]), ..Behaviour::default() }).unwrap();
    let ask = |messages: Value| {
        let body = json!({"model": "m", "messages": messages}).to_string();
        post(&vendor, CHAT.plain, "", &body).json()["choices"][0]["message"].clone()
    };
    let user = json!({"role": "user", "content": "weather?"});
    let first = ask(json!([user]));
    assert_eq!(first["tool_calls"][0]["function"]["name"], "find");
    let second = ask(json!([user, first, {"role": "tool", "tool_call_id": "c", "content": "42"}]));
    assert_eq!((&second["content"], second.get("tool_calls")), (&json!("sunny"), None));
}

#[test]
fn what_fails_can_be_told_from_outside() {
    let vendor = FakeVendor::start(Behaviour::default()).unwrap();
    assert_eq!(post(&vendor, "/_fail", "", "1/1:503").status, 200);
    assert_eq!(CHAT.ask(&vendor, false).status, 503);
    assert_eq!(post(&vendor, "/_fail", "", "1/1:never").status, 400);
    assert_eq!(post(&vendor, "/_fail", "", "").status, 200);
    assert_eq!(CHAT.ask(&vendor, false).status, 200);
}
