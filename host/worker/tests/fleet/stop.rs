//! Processes that are told to stop while nothing answers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use arena_model::Fault as _;
use arena_queue::{RedisOptions, RedisQueue};
use arena_worker::{Ended, Stop};
use tokio::net::TcpListener;

use crate::world::{Counting, Nobody, World};

/// Longer than any test.
const EVER: Duration = Duration::from_secs(3600);

async fn calls(world: &World, count: u64) {
    while world.runner.calls.load(Ordering::SeqCst) < count {
        tokio::task::yield_now().await;
    }
}

/// Runs a process whose store is away, and stops it once it cannot go on.
async fn stopped(stop: Stop, patience_stopping: Duration) {
    let world = World::new(50, Counting::default()).await;
    world.store.away.store(true, Ordering::SeqCst);
    let (mut run, handle) = world.process();
    run.settings.patience = EVER;
    run.settings.patience_stopping = patience_stopping;
    let stopping = async {
        calls(&world, 8 + 16).await;
        handle.send(stop).unwrap();
    };
    let mut nobody = Nobody;
    let (ended, ()) = tokio::join!(run.run(&mut nobody), stopping);
    assert_eq!(ended.unwrap(), Ended::Stopped);
    world.store.away.store(false, Ordering::SeqCst);
    world.work().await.unwrap();
    world.check();
}

#[tokio::test]
async fn a_process_that_is_to_drain_waits_for_a_store_that_is_away_only_a_little() {
    stopped(Stop::Drain, Duration::from_millis(20)).await;
}

#[tokio::test]
async fn a_process_that_is_to_stop_now_waits_for_nothing() {
    stopped(Stop::Now, EVER).await;
}

#[tokio::test]
async fn a_queue_that_stays_away_uses_patience_up_once() {
    let world = World::new(1, Counting::default()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody_there = format!("redis://{}", listener.local_addr().unwrap());
    drop(listener);
    let queue = Arc::new(RedisQueue::new(RedisOptions::new(nobody_there)).unwrap());
    let (mut run, _stop) = world.process_over(queue, world.store.clone());
    run.settings.patience = Duration::from_secs(2);
    let began = Instant::now();
    let error = run.run(&mut Nobody).await.unwrap_err();
    assert_eq!(error.reason(), "QueueUnreachable");
    assert!(began.elapsed() >= Duration::from_secs(2) && began.elapsed() < Duration::from_secs(4), "{began:?}");
}

#[tokio::test]
async fn a_process_that_comes_after_the_end_sees_it() {
    let world = World::new(5, Counting::default()).await;
    assert_eq!(world.work().await.unwrap(), Ended::Complete);
    let calls = world.runner.calls.load(Ordering::SeqCst);
    assert_eq!(world.work().await.unwrap(), Ended::Complete);
    assert_eq!(world.runner.calls.load(Ordering::SeqCst), calls);
}
