//! Worker processes over a real Redis and the store's own server, both of which die under them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arena_artifact::{Claims, ClientSettings, Disk, JobResults, Key, ServerSettings, StoreClient, serve};
use arena_harness::{AppendOnly, Need, Redis, RedisOptions, runs_here};
use arena_model::{Digest, ResultStore, Summary};
use arena_queue::{Phase, Queue, RedisQueue};
use arena_worker::{Ended, FleetRun};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::world::{Counting, Nobody, World};

const NAMESPACE: &str = "team-a";

/// A store in this process and a client of one job.
async fn store(folder: &std::path::Path, job: &str) -> Arc<dyn ResultStore> {
    rustls::crypto::ring::default_provider().install_default().ok();
    let key = Key::new(&[7; 32]).unwrap();
    let claims = Claims {
        v: 1,
        namespace: Some(NAMESPACE.into()),
        job: Some(job.into()),
        read: vec![],
        results: true,
        read_only: false,
        expires: u64::MAX,
    };
    let token = key.mint(&claims).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let disk = Disk::open(folder).unwrap();
    tokio::spawn(serve(listener, disk, key, ServerSettings::default(), std::future::pending()));
    let client = StoreClient::new(&url, token, ClientSettings::default()).unwrap();
    Arc::new(JobResults::new(client, NAMESPACE, job))
}

fn queue(redis: &Redis, world: &World) -> Arc<RedisQueue> {
    let mut options = arena_queue::RedisOptions::new(redis.url());
    options.backoff = Duration::from_millis(20);
    Arc::new(RedisQueue::with_clock(options, world.pulse.clock.clone()).unwrap())
}

fn start(run: FleetRun) -> JoinHandle<Ended> {
    tokio::spawn(async move { run.run(&mut Nobody).await.unwrap() })
}

async fn calls(world: &World, count: u64) {
    while world.runner.calls.load(Ordering::SeqCst) < count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_process_after_a_loss_makes_the_queue_again() {
    if !runs_here("worker: a lost queue", &[Need::Redis]).unwrap() {
        return;
    }
    let world = World::new(60, Counting::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path(), world.job.as_str()).await;
    let mut redis = Redis::start().await.unwrap();
    let process = |redis: &Redis| world.process_over(queue(redis, &world), store.clone()).0;
    queue(&redis, &world).create(&world.job, process(&redis).spec).await.unwrap();
    world.kill_of(process(&redis), 60).await;
    redis.restart().await.unwrap();
    assert_eq!(process(&redis).run(&mut Nobody).await.unwrap(), Ended::Complete);

    let bytes = store.read("summary.json", 1 << 20).await.unwrap().unwrap();
    world.check_summary(&serde_json::from_slice(&bytes).unwrap());
    let calls = world.runner.calls.load(Ordering::SeqCst);
    assert!(calls <= world.cases() + 8 + 16, "{calls} calls");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_and_redis_die_and_every_case_is_in_the_summary_once() {
    if !runs_here("worker: over real servers", &[Need::Redis]).unwrap() {
        return;
    }
    let world = World::new(400, Counting::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path(), world.job.as_str()).await;
    let mut redis =
        Redis::start_with(RedisOptions { append_only: AppendOnly::Always, ..RedisOptions::default() }).await.unwrap();
    let process = |redis: &Redis| world.process_over(queue(redis, &world), store.clone()).0;
    let spec = process(&redis).spec;
    queue(&redis, &world).create(&world.job, spec).await.unwrap();

    let (one, two) = (start(process(&redis)), start(process(&redis)));
    calls(&world, 100).await;
    one.abort();
    calls(&world, 200).await;
    redis.kill9();
    redis.restart().await.unwrap();
    let three = start(process(&redis));
    calls(&world, 400).await;
    redis.kill9();
    redis.restart_without_data().await.unwrap();
    calls(&world, 600).await;
    two.abort();
    assert_eq!(three.await.unwrap(), Ended::Complete);

    let bytes = store.read("summary.json", 1 << 20).await.unwrap().unwrap();
    let summary: Summary = serde_json::from_slice(&bytes).unwrap();
    world.check_summary(&summary);
    let phase = queue(&redis, &world).snapshot(&world.job).await.unwrap().phase;
    assert_eq!(phase, Phase::Finished(Digest::of(&bytes)));
    let calls = world.runner.calls.load(Ordering::SeqCst);
    // Two workers were killed. Redis' own deaths repeat nothing.
    let most = world.cases() + 2 * (8 + 16);
    assert!(calls <= most, "{calls} calls, at most {most}");
}
