//! The guarded client against servers of this machine.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arena_egress::{AllowList, Answer, Egress, EgressError, Limits, Lookup, Method, Request};
use arena_harness::RawServer;
use arena_model::Fault as _;

const LIMITS: Limits = Limits { request: 64, answer: 64 };

fn get(url: &str) -> Request {
    let deadline = Instant::now() + Duration::from_secs(30);
    Request { method: Method::Get, url: url.to_owned(), headers: Vec::new(), body: None, deadline }
}

fn egress(allowed: &[&str]) -> Egress {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Egress::new(AllowList::parse(allowed.iter().copied()).unwrap(), LIMITS).unwrap()
}

/// Names are at these addresses, one list for each question; the last one stays.
fn looked_up(answers: &'static [&'static [&'static str]]) -> Lookup {
    let asked = AtomicUsize::new(0);
    Arc::new(move |_| {
        let at = asked.fetch_add(1, Ordering::Relaxed).min(answers.len() - 1);
        let all = answers[at].iter().map(|address| address.parse().unwrap()).collect::<Vec<IpAddr>>();
        Box::pin(async move { Ok(all) })
    })
}

async fn text(answer: Result<Answer, EgressError>) -> Result<String, EgressError> {
    Ok(String::from_utf8(answer?.whole().await?).unwrap())
}

#[tokio::test]
async fn only_who_is_named_is_called() {
    let server = RawServer::start(|_| RawServer::answer("hello")).unwrap();
    let address = server.address();
    let open = egress(&[&address]);
    assert_eq!(text(open.send(&get(&server.url("/a"))).await).await.unwrap(), "hello");
    let closed = egress(&["127.0.0.1:1", "example.com", "127.0.0.0/8"]);
    let error = closed.send(&get(&server.url("/a"))).await.unwrap_err();
    assert_eq!(error.reason(), "EgressDenied");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn the_own_machine_is_reached_by_its_name_alone() {
    let server = RawServer::start(|_| RawServer::answer("hello")).unwrap();
    let port = server.port();
    let named = egress(&[&format!("localhost:{port}")]);
    assert_eq!(text(named.send(&get(&format!("http://localhost:{port}/"))).await).await.unwrap(), "hello");
    // Other ways to write the address are the address.
    let open = egress(&[&server.address()]);
    for host in ["127.0.0.1", "127.1", "0x7f.0.0.1", "2130706433"] {
        assert!(open.send(&get(&format!("http://{host}:{port}/"))).await.is_ok(), "{host}");
    }
    for host in ["localhost", "127.0.0.2", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"] {
        let error = open.send(&get(&format!("http://{host}:{port}/"))).await.unwrap_err();
        assert_eq!(error.reason(), "EgressDenied", "{host}");
    }
}

#[tokio::test]
async fn a_name_that_is_inside_is_refused_also_when_it_moved_there() {
    let server = RawServer::start(|_| RawServer::answer("hello")).unwrap();
    let port = server.port();
    let host = format!("api.example:{port}");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let open = |entries: &[&str], answers| {
        Egress::with_lookup(AllowList::parse(entries.iter().copied()).unwrap(), LIMITS, looked_up(answers)).unwrap()
    };
    let request = get(&format!("http://{host}/"));
    let inside: [&'static [&'static [&'static str]]; 3] = [&[&["127.0.0.1"]], &[&["8.8.8.8", "10.0.0.1"]], &[&["::1"]]];
    for answers in inside {
        let error = open(&[&host], answers).send(&request).await.unwrap_err();
        assert!(matches!(error, EgressError::AddressDenied { .. }), "{error}");
    }
    assert_eq!(server.seen().len(), 0);
    // Whoever allows the network means it; the next address is checked again.
    let moving = open(&[&host, "127.0.0.0/8"], &[&["127.0.0.1"], &["10.0.0.1"]]);
    assert_eq!(text(moving.send(&request).await).await.unwrap(), "hello");
    assert!(matches!(moving.send(&request).await.unwrap_err(), EgressError::AddressDenied { .. }));
}

#[tokio::test]
async fn redirects_are_checked_and_carry_no_key_elsewhere() {
    let other = RawServer::start(|_| RawServer::answer("other")).unwrap();
    let there = other.url("/there");
    let server = RawServer::start(move |seen| match seen.path.as_str() {
        "/away" => RawServer::redirect(307, &there),
        "/near" => RawServer::redirect(302, "/end"),
        "/round" => RawServer::redirect(302, "/round"),
        "/file" => RawServer::redirect(302, "file:///etc/passwd"),
        "/inside" => RawServer::redirect(302, "http://169.254.169.254/latest"),
        _ => RawServer::answer("end"),
    })
    .unwrap();
    let request = |path: &str| Request {
        method: Method::Post,
        headers: vec![("authorization".into(), "secret".into()), ("content-type".into(), "text/x".into())],
        body: Some("body".into()),
        ..get(&server.url(path))
    };
    let one = egress(&[&server.address()]);
    let both = egress(&[&server.address(), &other.address()]);
    assert_eq!(one.send(&request("/away")).await.unwrap_err().reason(), "EgressDenied");
    assert_eq!(other.seen().len(), 0);
    assert_eq!(text(both.send(&request("/away")).await).await.unwrap(), "other");
    let seen = other.seen().remove(0);
    assert_eq!((seen.method.as_str(), seen.body.as_str()), ("POST", "body"));
    assert_eq!((seen.header("authorization"), seen.header("content-type")), (None, Some("text/x")));
    assert_eq!(text(one.send(&request("/near")).await).await.unwrap(), "end");
    let near = server.seen().pop().unwrap();
    assert_eq!((near.method.as_str(), near.body.as_str(), near.path.as_str()), ("GET", "", "/end"));
    assert_eq!(near.header("authorization"), Some("secret"));
    for (path, reason) in
        [("/round", "EgressRedirectRefused"), ("/file", "EgressUrlInvalid"), ("/inside", "EgressDenied")]
    {
        assert_eq!(one.send(&request(path)).await.unwrap_err().reason(), reason, "{path}");
    }
    assert_eq!(server.seen().iter().filter(|seen| seen.path == "/round").count(), 6);
}

#[tokio::test]
async fn sizes_hold_to_the_byte() {
    let server = RawServer::start(|seen| match seen.path.as_str() {
        "/fits" => RawServer::answer(&"x".repeat(64)),
        "/told" => RawServer::answer(&"x".repeat(65)),
        // Without a length the body ends with the connection.
        "/untold" => format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(65)),
        _ => format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-A: b\r\n".repeat(101)),
    })
    .unwrap();
    let egress = egress(&[&server.address()]);
    let whole = async |path: &str| text(egress.send(&get(&server.url(path))).await).await;
    assert_eq!(whole("/fits").await.unwrap().len(), 64);
    for path in ["/told", "/untold"] {
        assert_eq!(whole(path).await.unwrap_err().reason(), "EgressTooLarge", "{path}");
    }
    assert_eq!(whole("/headers").await.unwrap_err().reason(), "EgressUnreachable");
    let request =
        |length| Request { method: Method::Post, body: Some(vec![b'x'; length].into()), ..get(&server.url("/fits")) };
    assert!(egress.send(&request(64)).await.is_ok());
    assert_eq!(egress.send(&request(65)).await.unwrap_err().reason(), "EgressTooLarge");
}

#[tokio::test]
async fn whoever_does_not_answer_is_left() {
    let server = RawServer::silent().unwrap();
    let egress = egress(&[&server.address()]);
    let request = Request { deadline: Instant::now() + Duration::from_millis(50), ..get(&server.url("/")) };
    assert_eq!(egress.send(&request).await.unwrap_err().reason(), "EgressTimeout");
}

#[tokio::test]
async fn what_is_no_url_of_a_server_is_refused() {
    let egress = egress(&["example.com", "example.com:80"]);
    for url in ["ftp://example.com/", "file:///x", "/relative", "https://user@example.com/", "https://a:b@example.com/"]
    {
        assert_eq!(egress.send(&get(url)).await.unwrap_err().reason(), "EgressUrlInvalid", "{url}");
    }
    let long = format!("https://example.com/{}", "x".repeat(8 << 10));
    assert_eq!(egress.send(&get(&long)).await.unwrap_err().reason(), "EgressUrlInvalid");
}
