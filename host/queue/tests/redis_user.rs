//! A job's user: everything of its job, nothing of another's.

mod rig;

use std::sync::Arc;

use arena_queue::contract::{Rig, walk};
use arena_queue::{
    JobId, ManualClock, Queue, QueueError, Reassert, Rebuilt, RedisOptions, RedisQueue, Register, WorkerId,
};
use async_trait::async_trait;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use rig::Server;
use rig::jobs::spec;

const W1: WorkerId = WorkerId(1);

struct AsUser {
    queue: RedisQueue,
    clock: Arc<ManualClock>,
}

#[async_trait]
impl Rig for AsUser {
    fn queue(&self) -> &dyn Queue {
        &self.queue
    }

    async fn advance(&self, by: std::time::Duration) {
        self.clock.advance(by);
    }
}

fn as_user(server: &Server, job: &JobId, password: &str) -> RedisOptions {
    let mut options = server.options();
    (options.username, options.password) = (Some(RedisQueue::job_user(job)), Some(password.into()));
    options
}

fn refused<T: std::fmt::Debug>(answer: Result<T, QueueError>) {
    assert!(matches!(answer, Err(QueueError::Refused { .. })), "{answer:?}");
}

#[tokio::test]
async fn a_jobs_user_runs_every_script_of_its_job() {
    let server = Server::start();
    let operator = RedisQueue::new(server.options()).unwrap();
    let job = JobId::new("walk").unwrap();
    operator.create_job_user(&job, "secret", &[]).await.unwrap();
    let mut runner = TestRunner::deterministic();
    for _ in 0..24 {
        let clock = Arc::new(ManualClock::default());
        let queue = RedisQueue::with_clock(as_user(&server, &job, "secret"), clock.clone()).unwrap();
        let rig = AsUser { queue, clock };
        let walk = walk::walks().new_tree(&mut runner).unwrap().current();
        walk::follow(&rig, &walk).await.unwrap();
        rig.queue.workers(&job).await.unwrap();
        rig.queue.finish(&job, &arena_model::Digest::of(b"summary")).await.unwrap();
        operator.remove(&job).await.unwrap();
    }
    // What a walk does not do, under Redis' own clock.
    let worker = RedisQueue::new(as_user(&server, &job, "secret")).unwrap();
    assert_eq!(worker.rebuild(&job, spec(9)).await, Ok(Rebuilt::Empty));
    assert_eq!(worker.reassert(&job, W1, &[]).await, Ok(Reassert::Held { lost: vec![] }));
    refused(worker.remove(&job).await);
}

#[tokio::test]
async fn a_jobs_user_is_refused_for_another_job_and_for_everything_else() {
    let server = Server::start();
    let operator = RedisQueue::new(server.options()).unwrap();
    let (own, other) = (JobId::new("own").unwrap(), JobId::new("own-not").unwrap());
    for job in [&own, &other] {
        operator.create(job, spec(9)).await.unwrap();
        operator.create_job_user(job, "secret", &[]).await.unwrap();
    }
    let worker = RedisQueue::new(as_user(&server, &own, "secret")).unwrap();
    assert_eq!(worker.register(&own, W1).await, Ok(Register::Registered));
    refused(worker.register(&other, W1).await);
    refused(worker.claim(&other, W1, 0, 1).await);
    refused(worker.commit(&other, W1, 1, &[]).await);
    refused(worker.snapshot(&other).await);
    refused(worker.create(&other, spec(9)).await);
    refused(worker.rebuild(&other, spec(9)).await);
    refused(worker.create_job_user(&own, "more", &[]).await);
    refused(worker.delete_job_user(&other).await);
    assert_eq!(operator.snapshot(&other).await.unwrap().workers, 0);

    let client = redis::Client::open(server.options().url).unwrap();
    let mut raw = client.get_multiplexed_async_connection().await.unwrap();
    let () = redis::cmd("AUTH").arg(RedisQueue::job_user(&own)).arg("secret").query_async(&mut raw).await.unwrap();
    let undeclared = "return redis.call('HGETALL', 'arena:{own-not}:meta')";
    let undeclared_get = "return redis.call('HGET', 'arena:{own-not}:meta', 'run')";
    for command in [
        redis::cmd("EVAL").arg(undeclared).arg(0),
        redis::cmd("EVAL").arg(undeclared_get).arg(0),
        redis::cmd("FLUSHALL").arg("ASYNC"),
        redis::cmd("KEYS").arg("*"),
        redis::cmd("CONFIG").arg("GET").arg("*"),
        redis::cmd("ACL").arg("LIST"),
        redis::cmd("SCRIPT").arg("FLUSH"),
        redis::cmd("PUBLISH").arg("arena:{own}:x").arg("y"),
    ] {
        let answer: Result<redis::Value, _> = command.query_async(&mut raw).await;
        let error = answer.expect_err("refused").to_string();
        assert!(error.contains("NOPERM") || error.contains("permission") || error.contains("can't"), "{error}");
    }
}

#[tokio::test]
async fn a_deleted_user_is_out_at_once() {
    let server = Server::start();
    let operator = RedisQueue::new(server.options()).unwrap();
    let job = JobId::new("own").unwrap();
    operator.create(&job, spec(9)).await.unwrap();
    for _ in 0..2 {
        operator.create_job_user(&job, "secret", &[]).await.unwrap();
    }
    refused(RedisQueue::new(as_user(&server, &job, "wrong")).unwrap().snapshot(&job).await);
    let worker = RedisQueue::new(as_user(&server, &job, "secret")).unwrap();
    worker.register(&job, W1).await.unwrap();
    assert_eq!(operator.has_job_user(&job).await, Ok(true));
    for _ in 0..2 {
        operator.delete_job_user(&job).await.unwrap();
    }
    assert_eq!(operator.has_job_user(&job).await, Ok(false));
    refused(worker.heartbeat(&job, W1).await);
    operator.remove(&job).await.unwrap();
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut server.raw().await).await.unwrap();
    assert!(keys.is_empty(), "{keys:?}");
}
