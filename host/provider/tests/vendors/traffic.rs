//! How much a vendor is asked at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arena_harness::{Behaviour, Failing};
use arena_model::Fault as _;
use arena_provider::{Limits, Provider};
use futures::future::join_all;

use crate::stand::{Stand, Way, request, status};

async fn many(provider: &Arc<dyn Provider>, count: usize) -> Vec<Result<u32, String>> {
    let calls = (0..count).map(|_| async {
        let reply = provider.chat(request(&[], false)).await;
        reply.map(|reply| reply.attempts).map_err(|error| error.reason().to_owned())
    });
    join_all(calls).await
}

#[tokio::test]
async fn a_limited_rate_shrinks_what_is_asked_at_once() {
    let mut stand = Stand::new(Way::Chat, Behaviour::text("hi").failing([Failing::first(3, status(429))]));
    stand.http.concurrency = 16;
    let client = stand.client();
    let provider = arena_provider::connect(&stand.settings, &client, &|_| unreachable!(), &|_| None).unwrap();
    assert!(many(&provider, 200).await.iter().all(Result::is_ok));
    let report = &client.traffic_reports()["gpt"];
    assert_eq!((report.most, report.push_backs), (16, 3));
    assert!(report.lowest <= 8 && !report.changes.is_empty(), "{report:?}");
    assert!(report.changes.last().unwrap().limit > report.lowest, "it grew again: {report:?}");
}

#[tokio::test]
async fn a_refused_key_ends_the_calls_after_a_handful() {
    let mut stand = Stand::failing(Way::Chat, status(401));
    stand.http.concurrency = 1;
    let ends = many(&stand.provider(), 100).await;
    let count = |reason: &str| ends.iter().filter(|end| **end == Err(reason.to_owned())).count();
    assert_eq!((count("CredentialRefused"), count("CircuitOpen"), stand.vendor.calls()), (5, 95, 5));
}

#[tokio::test]
async fn a_bad_request_is_its_own_matter() {
    let stand = Stand::failing(Way::Chat, status(400));
    many(&stand.provider(), 100).await;
    assert_eq!(stand.vendor.calls(), 100);
}

#[tokio::test]
async fn requests_keep_their_distance() {
    let mut stand = Stand::new(Way::Chat, Behaviour::text("hi"));
    stand.settings.limits = Limits { requests_per_minute: Some(60), ..Limits::default() };
    assert!(many(&stand.provider(), 5).await.iter().all(Result::is_ok));
    let mut waits = stand.waits();
    waits.sort();
    let seconds: Vec<_> = waits.iter().map(|wait| wait.as_secs_f64().round() as u64).collect();
    assert_eq!(seconds, [1, 2, 3, 4], "the first need not wait");
}

#[tokio::test]
async fn who_cannot_wait_is_told_and_takes_nothing() {
    let mut stand = Stand::new(Way::Chat, Behaviour::text("hi"));
    stand.settings.limits = Limits { requests_per_minute: Some(1), ..Limits::default() };
    let provider = stand.provider();
    provider.chat(request(&[], false)).await.unwrap();
    let mut hurried = request(&[], false);
    hurried.deadline = Instant::now() + Duration::from_secs(30);
    let error = provider.chat(hurried).await.unwrap_err();
    assert_eq!((error.reason(), error.attempts, stand.vendor.calls()), ("NoRoomInLimits", 0, 1));
}
