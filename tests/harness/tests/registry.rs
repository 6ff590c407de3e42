//! The registry answers as the distribution specification says.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use arena_harness::{Need, Registry, runs_here};

/// One exchange: head and body of the answer.
fn ask(address: &str, line: &str, headers: &str, body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[tokio::test]
async fn a_pushed_blob_comes_back_and_two_registries_are_apart() {
    if !runs_here("registry", &[Need::Registry]).unwrap() {
        return;
    }
    let (one, two) = tokio::try_join!(Registry::start(), Registry::start()).unwrap();
    assert_eq!(one.url(), format!("http://{}", one.address()));
    let (head, _) = ask(&one.address(), "POST /v2/team/bundle/blobs/uploads/", "", "");
    assert!(head.starts_with("HTTP/1.1 202"), "{head}");
    let location = head.lines().find_map(|line| line.strip_prefix("Location: ")).unwrap();
    let at = location.strip_prefix(&one.url()).unwrap_or(location);
    // sha256 of "bundle"
    let digest = "sha256:1f0dc6c8b4a4a1f0";
    let put = format!("PUT {at}&digest={digest}");
    let (head, _) = ask(&one.address(), &put, "content-type: application/octet-stream\r\n", "bundle");
    assert!(head.starts_with("HTTP/1.1 400"), "a wrong digest was taken: {head}");
    let digest = format!("sha256:{}", sha256("bundle"));
    let put = format!("PUT {at}&digest={digest}");
    let (head, _) = ask(&one.address(), &put, "content-type: application/octet-stream\r\n", "bundle");
    assert!(head.starts_with("HTTP/1.1 201"), "{head}");
    let get = format!("GET /v2/team/bundle/blobs/{digest}");
    assert_eq!(ask(&one.address(), &get, "", "").1, "bundle");
    assert!(ask(&two.address(), &get, "", "").0.starts_with("HTTP/1.1 404"));
}

fn sha256(text: &str) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
