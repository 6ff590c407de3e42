//! Peers that are silent or slow.

use std::time::Duration;

use arena_artifact::ServerSettings;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::stand::{Stand, key, operator, segment};

#[tokio::test]
async fn silent_connections_do_not_keep_others_out() {
    let settings = ServerSettings { connections: 2, silence: Duration::from_millis(50), ..ServerSettings::default() };
    let stand = Stand::with(settings).await;
    let mut silent = TcpStream::connect(stand.address).await.unwrap();
    let mut half = TcpStream::connect(stand.address).await.unwrap();
    half.write_all(b"GET /v1/a/results/j1/1 HTTP/1.1\r\n").await.unwrap();
    // Waits in the system's queue until a place is free.
    stand.operator().put(&segment("j1", 1), "here").await.unwrap();
    let mut answer = Vec::new();
    assert!(silent.read_to_end(&mut answer).await.is_err() || answer.is_empty());
    assert!(half.read_to_end(&mut answer).await.is_err() || answer.is_empty());
}

#[tokio::test]
async fn heads_that_drip_do_not_keep_others_out() {
    let settings = ServerSettings { connections: 1, head: Duration::from_millis(100), ..ServerSettings::default() };
    let stand = Stand::with(settings).await;
    let (_answers, mut slow) = TcpStream::connect(stand.address).await.unwrap().into_split();
    slow.write_all(b"GET /healthz HTTP/1.1\r\n").await.unwrap();
    let drip = async {
        while slow.write_all(b"x: y\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        std::future::pending::<()>().await
    };
    tokio::select! {
        () = drip => {}
        put = async { stand.operator().put(&segment("j1", 1), "here").await } => { put.unwrap(); }
    }
}

#[tokio::test]
async fn a_body_that_drips_is_given_up() {
    let settings =
        ServerSettings { idle: Duration::from_millis(200), upload_rate: 1 << 20, ..ServerSettings::default() };
    let stand = Stand::with(settings).await;
    let (mut answers, mut upload) = TcpStream::connect(stand.address).await.unwrap().into_split();
    let token = key().mint(&operator()).unwrap();
    let head = format!("PUT /v1/{} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n", segment("j1", 1));
    upload.write_all(format!("{head}connection: close\r\ncontent-length: 1000000\r\n\r\n").as_bytes()).await.unwrap();
    let drip = async {
        while upload.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        std::future::pending::<()>().await
    };
    let mut answer = [0; 12];
    tokio::select! {
        () = drip => {}
        read = answers.read_exact(&mut answer) => { read.unwrap(); }
    }
    assert_eq!(&answer, b"HTTP/1.1 400");
}
