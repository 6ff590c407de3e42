//! Creating, reading, listing and deleting.

use std::time::Duration;

use arena_artifact::{Disk, Folder, Item, Pin, Put, ServerSettings};
use arena_model::{Digest, Fault};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::stand::{Stand, WORKER, artifact, client, key, name, operator, segment};

#[tokio::test]
async fn an_object_is_created_once() {
    let stand = Stand::start().await;
    let client = stand.operator();
    let one = segment("j1", 1);
    assert_eq!(client.get(&one, 10).await.unwrap(), None);
    assert_eq!(client.size(&one).await.unwrap(), None);
    assert_eq!(client.put(&one, "first").await.unwrap(), Put::Created);
    assert_eq!(client.put(&one, "first").await.unwrap(), Put::SameExists);
    assert_eq!(client.put(&one, "other").await.unwrap(), Put::OtherExists(Digest::of(b"first")));
    assert_eq!(client.get(&one, 10).await.unwrap().unwrap(), b"first");
    assert_eq!(client.size(&one).await.unwrap(), Some(5));
    assert!(client.delete(&one).await.unwrap());
    assert!(!client.delete(&one).await.unwrap());
    assert_eq!(client.put(&one, "other").await.unwrap(), Put::Created);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_that_create_one_name_one_wins() {
    let stand = Stand::start().await;
    for seq in 1..=5 {
        let one = segment("j1", seq);
        let puts = (0..8u8).map(|writer| {
            let (client, one) = (stand.operator(), one.clone());
            tokio::spawn(async move { (writer, client.put(&one, vec![writer; 1000]).await.unwrap()) })
        });
        let puts: Vec<_> = puts.collect();
        let (mut winners, mut losers) = (Vec::new(), Vec::new());
        for put in puts {
            match put.await.unwrap() {
                (writer, Put::Created) => winners.push(writer),
                (_, Put::OtherExists(there)) => losers.push(there),
                (writer, Put::SameExists) => panic!("{writer} wrote what nobody else did"),
            }
        }
        assert_eq!((winners.len(), losers.len()), (1, 7));
        let bytes = stand.operator().get(&one, 1000).await.unwrap().unwrap();
        assert_eq!(bytes, vec![winners[0]; 1000]);
        assert!(losers.iter().all(|there| *there == Digest::of(&bytes)));
    }
}

#[tokio::test]
async fn an_artifact_must_be_what_it_is_called() {
    let stand = Stand::start().await;
    let client = stand.operator();
    let good = artifact("a", b"good");
    let error = client.put(&good, "bad").await.unwrap_err();
    assert!(
        error.to_string().contains("400 Bad Request") || error.to_string().contains("StoreDigestMismatch"),
        "{error}"
    );
    assert_eq!(client.size(&good).await.unwrap(), None);
    assert_eq!(client.put(&good, "good").await.unwrap(), Put::Created);

    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    let large = vec![5; 300_000];
    std::fs::write(&from, &large).unwrap();
    assert_eq!(client.put_file(&artifact("a", &large), &from).await.unwrap(), Put::Created);
    assert_eq!(client.download(&artifact("a", &large), &to, 300_000).await.unwrap(), Some(300_000));
    assert_eq!(std::fs::read(&to).unwrap(), large);
    let error = client.download(&artifact("a", &large), &to, 299_999).await.unwrap_err();
    assert_eq!(error.reason(), "StoreObjectTooLarge");
    assert!(!to.exists());
}

#[tokio::test]
async fn a_corrupt_artifact_is_not_taken() {
    let stand = Stand::start().await;
    let good = artifact("a", b"good");
    stand.operator().put(&good, "good").await.unwrap();
    std::fs::write(stand.folder.path().join(good.to_string()), "evil").unwrap();
    assert_eq!(stand.operator().get(&good, 10).await.unwrap_err().reason(), "StoreObjectCorrupt");
    let to = stand.folder.path().join("to");
    assert_eq!(stand.operator().download(&good, &to, 10).await.unwrap_err().reason(), "StoreObjectCorrupt");
    assert!(!to.exists());
}

#[tokio::test]
async fn ranges_are_read() {
    let stand = Stand::start().await;
    let client = stand.operator();
    let one = segment("j1", 1);
    client.put(&one, "0123456789").await.unwrap();
    for (start, count, expected) in [(0, 1, "0"), (3, 4, "3456"), (8, 9, "89"), (10, 5, ""), (2, 0, "")] {
        let part = client.get_range(&one, start, count).await.unwrap().unwrap();
        assert_eq!(String::from_utf8(part).unwrap(), expected, "{start}+{count}");
    }
    assert_eq!(client.get_range(&segment("j1", 2), 0, 1).await.unwrap(), None);
    assert_eq!(client.get(&one, 10).await.unwrap().unwrap().len(), 10);
    assert_eq!(client.get(&one, 9).await.unwrap_err().reason(), "StoreObjectTooLarge");
    let (status, body) = stand.raw(&format!("GET /v1/{one} HTTP/1.1\r\nrange: bytes=-3"), b"").await;
    assert_eq!((status, body.as_str()), (206, "789"));
    let (status, _) = stand.raw(&format!("GET /v1/{one} HTTP/1.1\r\nrange: bytes=10-"), b"").await;
    assert_eq!(status, 416);
}

#[tokio::test]
async fn folders_are_listed_in_order_and_in_pages() {
    let stand = Stand::start().await;
    let client = stand.operator();
    let folder = Folder::parse("a/results/j1/").unwrap();
    assert_eq!(client.list_all(&folder, 10).await.unwrap(), []);
    for file in ["summary.json", "index.json", "report.html"] {
        client.put(&name(&format!("a/results/j1/{file}")), file).await.unwrap();
    }
    for seq in [10, 9, 1, 2] {
        client.put(&segment("j1", seq), format!("{seq}")).await.unwrap();
    }
    let worker = format!("{WORKER}/");
    let names = |items: &[Item]| items.iter().map(|item| item.name.clone()).collect::<Vec<_>>();
    let all = client.list_all(&folder, 4).await.unwrap();
    assert_eq!(names(&all), [worker.as_str(), "index.json", "report.html", "summary.json"]);
    assert_eq!(all[1].size, 10);
    assert_eq!(client.list_all(&folder, 3).await.unwrap_err().reason(), "StoreListTooLong");
    let segments = Folder::parse(&format!("a/results/j1/{worker}")).unwrap();
    assert_eq!(names(&client.list_all(&segments, 10).await.unwrap()), ["1", "10", "2", "9"]);
    let page = client.list(&folder, "", 1).await.unwrap();
    assert_eq!((names(&page.items), page.more), (vec![worker.clone()], true));
    let page = client.list(&folder, &worker, 2).await.unwrap();
    assert_eq!((names(&page.items), page.more), (vec!["index.json".into(), "report.html".into()], true));
    let page = client.list(&folder, "report.html", 2).await.unwrap();
    assert_eq!((names(&page.items), page.more), (vec!["summary.json".to_owned()], false));

    for item in all.iter().filter(|item| !item.name.ends_with('/')) {
        assert!(client.delete(&name(&format!("a/results/j1/{}", item.name))).await.unwrap());
    }
    for seq in [1, 2, 9, 10] {
        assert!(client.delete(&segment("j1", seq)).await.unwrap());
    }
    let jobs = Folder::parse("a/results/").unwrap();
    assert_eq!(client.list_all(&jobs, 10).await.unwrap(), [], "empty folders go");
    assert_eq!(client.put(&segment("j1", 1), "again").await.unwrap(), Put::Created);
}

#[tokio::test]
async fn a_page_has_at_most_a_thousand_entries() {
    let stand = Stand::start().await;
    // Written beside the store, which would sync each.
    let path = stand.folder.path().join("a/results/j1");
    std::fs::create_dir_all(&path).unwrap();
    for number in 0..1001 {
        std::fs::write(path.join(format!("{number}.json")), "").unwrap();
    }
    let folder = Folder::parse("a/results/j1/").unwrap();
    let page = stand.operator().list(&folder, "", 5000).await.unwrap();
    assert_eq!((page.items.len(), page.more), (1000, true));
    assert_eq!(stand.operator().list_all(&folder, 1001).await.unwrap().len(), 1001);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let settings = ServerSettings { result_bytes: 1000, artifact_bytes: 2000, ..ServerSettings::default() };
    let stand = Stand::with(settings).await;
    let client = stand.operator();
    let too_large = |error: arena_artifact::ClientError| error.to_string().contains("StoreObjectTooLarge");
    assert_eq!(client.put(&segment("j1", 1), vec![0; 1000]).await.unwrap(), Put::Created);
    assert!(too_large(client.put(&segment("j1", 2), vec![0; 1001]).await.unwrap_err()));
    assert_eq!(client.put(&artifact("a", &[0; 2000]), vec![0; 2000]).await.unwrap(), Put::Created);
    assert!(too_large(client.put(&artifact("a", &[0; 2001]), vec![0; 2001]).await.unwrap_err()));
    // Without an announced length the bytes are counted.
    let head = format!("PUT /v1/{} HTTP/1.1\r\ntransfer-encoding: chunked", segment("j1", 3));
    let mut stream = tokio::net::TcpStream::connect(stand.address).await.unwrap();
    let token = key().mint(&operator()).unwrap();
    let head = format!("{head}\r\nhost: x\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(format!("3e9\r\n{}\r\n0\r\n\r\n", "x".repeat(1001)).as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert_eq!(client.size(&segment("j1", 3)).await.unwrap(), None);
    assert_eq!(partial_files(&stand), 0);
}

fn partial_files(stand: &Stand) -> usize {
    std::fs::read_dir(stand.folder.path().join(".partial")).unwrap().count()
}

#[tokio::test]
async fn a_body_that_stops_is_given_up() {
    let settings = ServerSettings { idle: Duration::from_millis(50), ..ServerSettings::default() };
    let stand = Stand::with(settings).await;
    let mut stream = tokio::net::TcpStream::connect(stand.address).await.unwrap();
    let token = key().mint(&operator()).unwrap();
    let head = format!("PUT /v1/{} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n", segment("j1", 1));
    stream.write_all(format!("{head}connection: close\r\ncontent-length: 10\r\n\r\nhalf").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_eq!(stand.operator().size(&segment("j1", 1)).await.unwrap(), None);
    assert_eq!(partial_files(&stand), 0);
}

#[tokio::test]
async fn too_many_uploads_are_put_off() {
    let stand = Stand::with(ServerSettings { uploads: 0, ..ServerSettings::default() }).await;
    let error = stand.operator().put(&segment("j1", 1), "x").await.unwrap_err();
    assert_eq!(error.reason(), "StoreUnavailable");
    assert!(error.to_string().contains("StoreBusy"), "{error}");
}

#[tokio::test]
async fn only_names_are_served() {
    let stand = Stand::start().await;
    std::fs::write(stand.folder.path().join("secret"), "secret").unwrap();
    let hex = artifact("a", b"x").leaf();
    for path in [
        "/v1/../secret",
        "/v1/a/../secret",
        "/v1/a/pins/../../secret",
        "/v1/a/pins/..%2f..%2fsecret",
        "/v1/%61/pins/x",
        "/v1/a/pins/X",
        "/v1/A/pins/x",
        "/v1//secret",
        "/v1/.lock",
        "/v1/.partial/x",
        "/v1/a/tombstones/x",
        &format!("/v1/a/artifacts/{}", hex.to_uppercase()),
        &format!("/v1/a/artifacts/{hex}%00"),
        "/secret",
        "/",
    ] {
        for method in ["GET", "PUT", "DELETE", "HEAD"] {
            let (status, body) = stand.raw(&format!("{method} {path} HTTP/1.1"), b"{}").await;
            assert!(matches!(status, 400 | 404), "{method} {path}: {status} {body}");
            assert!(!body.contains("secret\"") && body != "secret", "{path}: {body}");
        }
    }
    let (status, _) = stand.raw("POST /v1/a/pins/x HTTP/1.1", b"").await;
    assert_eq!(status, 405);
    let (status, body) = stand.raw("GET /healthz HTTP/1.1", b"").await;
    assert_eq!((status, body.as_str()), (200, "ok\n"));
    let mut left: Vec<_> = std::fs::read_dir(stand.folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, [".lock", ".partial", "secret"]);
}

#[tokio::test]
async fn a_pin_must_be_one() {
    let stand = Stand::start().await;
    let pin = name("a/pins/job.1");
    let error = stand.operator().put(&pin, "not a pin").await.unwrap_err();
    assert_eq!(error.reason(), "StoreRefused");
    let good = serde_json::to_vec(&Pin { artifacts: vec![Digest::of(b"x")] }).unwrap();
    assert_eq!(stand.operator().put(&pin, good).await.unwrap(), Put::Created);
    let error = stand.operator().put(&name("a/pins/big"), vec![b' '; 200_000]).await.unwrap_err();
    assert!(error.to_string().contains("StoreObjectTooLarge"), "{error}");
}

#[tokio::test]
async fn one_process_has_the_folder() {
    let stand = Stand::start().await;
    let error = Disk::open(stand.folder.path()).err().unwrap();
    assert_eq!(error.reason(), "StoreLocked");
}

#[tokio::test]
async fn a_stop_lets_what_is_under_way_finish() {
    let mut stand = Stand::start().await;
    let mut stream = tokio::net::TcpStream::connect(stand.address).await.unwrap();
    let token = key().mint(&operator()).unwrap();
    let head = format!("PUT /v1/{} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n", segment("j1", 1));
    stream.write_all(format!("{head}content-length: 8\r\nexpect: 100-continue\r\n\r\n").as_bytes()).await.unwrap();
    // The server asks for the body once the handler reads it: from here on the request is under way.
    let mut answer = [0; 25];
    stream.read_exact(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 100"));
    stand.stop.take().unwrap().send(()).unwrap();
    stream.write_all(b"complete").await.unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(rest.starts_with("HTTP/1.1 201"), "{rest}");
    stand.served.await.unwrap();
    assert!(stand.disk.object(&segment("j1", 1)).unwrap().is_some());
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let settings = ServerSettings { drain: Duration::from_millis(20), ..ServerSettings::default() };
    let mut stand = Stand::with(settings).await;
    let mut stream = tokio::net::TcpStream::connect(stand.address).await.unwrap();
    stream.write_all(b"PUT /v1/half HTTP/1.1\r\n").await.unwrap();
    stand.operator().size(&segment("j1", 1)).await.unwrap();
    stand.stop.take().unwrap().send(()).unwrap();
    stand.served.await.unwrap();
}

#[tokio::test]
async fn connections_wait_for_a_place() {
    let stand = Stand::with(ServerSettings { connections: 1, ..ServerSettings::default() }).await;
    let first = tokio::net::TcpStream::connect(stand.address).await.unwrap();
    let mut second = tokio::net::TcpStream::connect(stand.address).await.unwrap();
    let request = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    second.write_all(request).await.unwrap();
    let mut answer = String::new();
    let early = tokio::time::timeout(Duration::from_millis(50), second.read_to_string(&mut answer)).await;
    assert!(early.is_err(), "{answer}");
    drop(first);
    second.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_store_that_is_away_is_named() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = client(address, "none".into()).get(&segment("j1", 1), 1).await.unwrap_err();
    assert_eq!(error.reason(), "StoreUnavailable");
    assert!(error.to_string().contains("in 2 attempts"), "{error}");
}
