//! Limits of a provider in Redis, which many processes keep to together.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod rig;

use std::time::Duration;

use arena_queue::{JobId, Permit, PermitLimits, QueueError, RedisPermits, RedisQueue};
use rig::Server;

const LONG: Duration = Duration::from_secs(3600);
const HOLD: Duration = Duration::from_secs(60);

fn permits(server: &Server, name: &str, limits: PermitLimits) -> RedisPermits {
    RedisPermits::new(server.options(), name, limits).unwrap()
}

async fn wait(permits: &RedisPermits, tokens: u64, holder: &str) -> Duration {
    match permits.ask(tokens, LONG, HOLD, holder).await.unwrap() {
        Permit::At(wait) => wait,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn requests_of_all_processes_are_evenly_spaced() {
    let server = Server::start();
    let limits = PermitLimits { requests_per_minute: Some(600), ..PermitLimits::default() };
    let processes: Vec<_> = (0..4).map(|_| permits(&server, "gpt", limits)).collect();
    let other = permits(&server, "claude", limits);
    let mut waits = Vec::new();
    for round in 0..10 {
        for (number, process) in processes.iter().enumerate() {
            waits.push(wait(process, 0, &format!("{round}-{number}")).await);
        }
    }
    // Time goes on while they are asked, so each wait is at most its place's, and the distances add up.
    let last = waits[39];
    assert!(last <= Duration::from_micros(39 * 100_834), "{last:?}");
    assert!(last >= Duration::from_millis(3300), "40 requests at 600 a minute take about 4 s: {last:?}");
    assert!(wait(&other, 0, "x").await.is_zero(), "another name has limits of its own");
}

#[tokio::test]
async fn tokens_are_settled_and_burst_requests_come_at_once() {
    let server = Server::start();
    let limits = PermitLimits { tokens_per_minute: Some(6000), ..PermitLimits::default() };
    let tokens = permits(&server, "tokens", limits);
    assert!(wait(&tokens, 3000, "a").await.is_zero());
    tokens.end("a", 3000, 600).await.unwrap();
    let next = wait(&tokens, 0, "b").await;
    assert!(next <= Duration::from_millis(6050) && next >= Duration::from_millis(5000), "{next:?}");

    let limits = PermitLimits { requests_per_minute: Some(60), burst: Some(3), ..PermitLimits::default() };
    let burst = permits(&server, "burst", limits);
    for holder in ["a", "b", "c"] {
        assert!(wait(&burst, 0, holder).await.is_zero());
    }
    assert!(wait(&burst, 0, "d").await > Duration::from_millis(500));
}

#[tokio::test]
async fn only_so_many_are_under_way_and_the_dead_do_not_hold_on() {
    let server = Server::start();
    let limits = PermitLimits { concurrency: Some(2), ..PermitLimits::default() };
    let (one, other) = (permits(&server, "p", limits), permits(&server, "p", limits));
    assert!(wait(&one, 0, "a").await.is_zero());
    let short = Duration::from_millis(1);
    assert!(matches!(other.ask(0, LONG, short, "b").await.unwrap(), Permit::At(_)));
    // The second died at once; its place is free when its time is up.
    while matches!(other.ask(0, LONG, HOLD, "c").await.unwrap(), Permit::Busy(_)) {}
    assert!(matches!(one.ask(0, LONG, HOLD, "d").await.unwrap(), Permit::Busy(_)));
    one.end("a", 0, 0).await.unwrap();
    assert!(matches!(one.ask(0, LONG, HOLD, "d").await.unwrap(), Permit::At(_)));
}

#[tokio::test]
async fn who_cannot_wait_takes_nothing() {
    let server = Server::start();
    let limits = PermitLimits { requests_per_minute: Some(1), ..PermitLimits::default() };
    let permits = permits(&server, "p", limits);
    assert!(wait(&permits, 0, "a").await.is_zero());
    for _ in 0..10 {
        assert_eq!(permits.ask(0, Duration::from_secs(5), HOLD, "b").await.unwrap(), Permit::Never);
    }
    assert!(wait(&permits, 0, "c").await <= Duration::from_micros(60_500_000));
}

#[tokio::test]
async fn a_jobs_user_reaches_the_limits_of_its_own_providers_alone() {
    let server = Server::start();
    let operator = RedisQueue::new(server.options()).unwrap();
    let job = JobId::new("j").unwrap();
    operator.create_job_user(&job, "secret", &["mine"]).await.unwrap();
    let mut options = server.options();
    (options.username, options.password) = (Some(RedisQueue::job_user(&job)), Some("secret".into()));
    let all =
        PermitLimits { concurrency: Some(2), requests_per_minute: Some(600), burst: None, tokens_per_minute: Some(1) };
    let mine = RedisPermits::new(options.clone(), "mine", all).unwrap();
    assert!(wait(&mine, 1, "a").await.is_zero());
    mine.end("a", 1, 2).await.unwrap();
    let other = RedisPermits::new(options, "other", all).unwrap();
    assert!(matches!(other.ask(1, LONG, HOLD, "a").await, Err(QueueError::Refused { .. })));
}
