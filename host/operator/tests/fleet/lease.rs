//! Two operators, of which one acts; and what they say of their health.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};

use arena_harness::Port;

use crate::stand::{LEASE, LONG, stand};

fn ask(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = std::net::TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_acts_and_the_other_takes_over() {
    let Some(stand) = stand("operator: lease").await else { return };
    let lease = format!("lease/{LEASE}");
    let port = Port::reserve(Ipv4Addr::LOCALHOST.into()).unwrap();
    let address = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port.number());
    let mut settings = stand.settings();
    settings.lease = Some(("default".to_owned(), LEASE.to_owned()));
    let first = stand.start_with(settings.clone()).await;
    let holder = stand.until(&lease, ".spec.holderIdentity", "arena-operator-").await;
    settings.listen = Some(address);
    let second = stand.start_with(settings).await;
    let end = std::time::Instant::now() + LONG;
    while !ask(address, "/readyz").is_some_and(|text| text.contains("200 OK")) {
        assert!(std::time::Instant::now() < end, "a waiting operator is ready");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(ask(address, "/livez").unwrap().contains("200 OK"));
    assert_eq!(stand.get(&lease, ".spec.holderIdentity").await, holder);
    first.stop().await;
    let path = ["get", &lease, "-o", "jsonpath={.spec.holderIdentity}"];
    let new = stand.kubectl().until(&path, LONG, |text| text.starts_with("arena-operator-") && text != holder).await;
    // It acts: an object gets a status.
    stand.apply_example("source.yaml").await;
    stand.until("arenasource/my-prompts", ".status.conditions[*].type", "FetchFailed").await;

    // Another that takes the lease by force ends it.
    let patch = r#"{"spec":{"holderIdentity":"someone-else"}}"#;
    stand.kubectl().run(&["patch", &lease, "--type=merge", "-p", patch]).await.unwrap();
    let ended = tokio::time::timeout(LONG, second.task).await.unwrap().unwrap();
    assert!(matches!(ended, Err(arena_operator::OperatorError::LeaseLost { .. })), "{new:?}: {ended:?}");
}
