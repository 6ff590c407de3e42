//! The store killed with no warning: nothing half written, nothing lost that was answered.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use arena_artifact::{Disk, Key, Put};
use arena_model::Digest;
use tokio::io::AsyncWriteExt as _;

use crate::stand::{artifact, client, operator};

struct Store {
    process: Child,
    address: SocketAddr,
}

impl Store {
    fn start(folder: &Path) -> Self {
        let mut path: PathBuf = std::env::current_exe().unwrap();
        path.pop();
        path.pop();
        path.push("examples/store");
        let mut process = Command::new(path).arg(folder).stdout(Stdio::piped()).spawn().unwrap();
        let mut port = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Self { process, address: SocketAddr::from(([127, 0, 0, 1], port.trim().parse().unwrap())) }
    }

    fn token() -> String {
        Key::new(&[0; 32]).unwrap().mint(&arena_artifact::Claims { expires: u64::MAX, ..operator() }).unwrap()
    }

    /// SIGKILL.
    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

#[tokio::test]
async fn a_kill_in_the_middle_of_a_body_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::start(folder.path());
    let bytes = vec![3; 1 << 20];
    let whole = artifact("a", &bytes);
    let mut stream = tokio::net::TcpStream::connect(store.address).await.unwrap();
    let head = format!("PUT /v1/{whole} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n", Store::token());
    stream.write_all(format!("{head}content-length: {}\r\n\r\n", bytes.len()).as_bytes()).await.unwrap();
    stream.write_all(&bytes[..1 << 19]).await.unwrap();
    let partial = folder.path().join(".partial");
    let begun = Instant::now();
    let written = || std::fs::read_dir(&partial).unwrap().map(|it| it.unwrap().metadata().unwrap().len()).sum::<u64>();
    while written() < 1 << 18 {
        assert!(begun.elapsed() < Duration::from_secs(20), "the store does not write");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    store.kill();
    assert!(written() > 0, "the test must have killed it in the middle");
    let disk = Disk::open(folder.path()).unwrap();
    assert!(disk.object(&whole).unwrap().is_none());
    assert_eq!(written(), 0, "leftovers are removed");
    assert_eq!(disk.put(whole, &bytes).unwrap(), Put::Created);
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..3u32 {
        let store = Store::start(folder.path());
        let client = client(store.address, Store::token());
        let content =
            move |number: u32| vec![u8::try_from(number % 251).unwrap(); 10_000 + (round * 1000 + number) as usize];
        let (sender, mut answered) = tokio::sync::mpsc::channel(1);
        let writer = tokio::spawn(async move {
            let mut number = 0;
            while client.put(&artifact("a", &content(number)), content(number)).await.is_ok() {
                if sender.send(number).await.is_err() {
                    return;
                }
                number += 1;
            }
        });
        let mut last = 0;
        while last < 20 + round {
            last = answered.recv().await.unwrap();
        }
        store.kill();
        drop(answered);
        writer.await.unwrap();
        let disk = Disk::open(folder.path()).unwrap();
        for number in 0..=last {
            let (_, size) = disk.object(&artifact("a", &content(number))).unwrap().unwrap();
            assert_eq!(size as usize, content(number).len());
        }
        drop(disk);
        for entry in std::fs::read_dir(folder.path().join("a/artifacts")).unwrap() {
            let path = entry.unwrap().path();
            let digest = Digest::of(&std::fs::read(&path).unwrap());
            assert_eq!(Some(digest.hex()), path.file_name().unwrap().to_str(), "half an object");
        }
    }
}
