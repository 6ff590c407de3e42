//! The binary: prints its URL, answers, counts, and goes when stdin closes.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

fn exchange(address: &str, request: String) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn answers_counts_and_exits() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_fake-vendor"))
        .args(["--echo", "--case-pattern", "case-[0-9]+"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("http://").unwrap();
    let address = url.strip_suffix("/v1").unwrap();

    let body = r#"{"model":"m","messages":[{"role":"user","content":"hello case-7"}]}"#;
    let post = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    assert!(exchange(address, post).contains(r#""content":"hello case-7""#));
    let count = exchange(address, "GET /_count HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".into());
    assert!(count.ends_with(r#"{"calls":1,"cases":{"case-7":1}}"#), "{count}");

    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}
