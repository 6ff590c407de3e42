//! The queue in memory held to the contract, and its waiting.

use std::sync::Arc;
use std::time::Duration;

use arena_model::Outcome;
use arena_queue::contract::{Rig, walk};
use arena_queue::{
    Claimed, Failure, FailureClass, Idle, JobId, JobSpec, LaneSpec, MAX_JOBS, ManualClock, MemoryQueue, Queue,
    QueueError, RetryPolicy, Settled, Token, TokenSource, WorkerId,
};
use async_trait::async_trait;
use proptest::prelude::*;
use proptest::test_runner::Config;

struct Memory {
    queue: Arc<MemoryQueue>,
    clock: Arc<ManualClock>,
}

/// Tokens that a failed test can be repeated with.
struct Counter(u128);

impl TokenSource for Counter {
    fn next(&mut self) -> Result<Token, QueueError> {
        self.0 += 2;
        Ok(Token(self.0))
    }
}

impl Memory {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        Self { queue: Arc::new(MemoryQueue::new(clock.clone(), Box::new(Counter(0)))), clock }
    }
}

#[async_trait]
impl Rig for Memory {
    fn queue(&self) -> &dyn Queue {
        self.queue.as_ref()
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
}

arena_queue::contract_tests!(Memory::new());

proptest! {
    #![proptest_config(Config { cases: 512, failure_persistence: None, ..Config::default() })]
    #[test]
    fn random_walks_equal_the_model(walk in walk::walks()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(walk::follow(&Memory::new(), &walk)).unwrap();
    }
}

const SECOND: Duration = Duration::from_secs(1);
const W1: WorkerId = WorkerId(1);
const W2: WorkerId = WorkerId(2);

fn spec(length: u64, in_flight: u32) -> JobSpec {
    let retry = RetryPolicy { attempts: 1, stalls: 1, poison: 0, backoff: SECOND, backoff_max: SECOND };
    JobSpec {
        lanes: vec![LaneSpec::new(length, in_flight)],
        retry,
        lease: 30 * SECOND,
        budget_usd_micro: None,
        max_workers: 2,
        max_losers: 1,
    }
}

async fn started(rig: &Memory, length: u64, in_flight: u32) -> Result<JobId, QueueError> {
    let job = JobId::new("waiting")?;
    rig.queue.create(&job, spec(length, in_flight)).await?;
    for worker in [W1, W2] {
        rig.queue.register(&job, worker).await?;
    }
    Ok(job)
}

/// Starts to wait, and gives the wait back once it has looked and found nothing.
async fn waiting(rig: &Memory, job: &JobId) -> tokio::task::JoinHandle<Result<Idle, QueueError>> {
    let (queue, job) = (rig.queue.clone(), job.clone());
    let wait = tokio::spawn(async move { queue.idle(&job, W2).await });
    // On a current-thread runtime this lets the task run up to where it waits.
    tokio::task::yield_now().await;
    assert!(!wait.is_finished());
    wait
}

/// A wait that never ends is a failed test, not a hung one.
async fn end(wait: tokio::task::JoinHandle<Result<Idle, QueueError>>) -> Result<Idle, QueueError> {
    match tokio::time::timeout(10 * SECOND, wait).await {
        Ok(Ok(answer)) => answer,
        other => panic!("the wait did not end: {other:?}"),
    }
}

fn settled(j: u64) -> Settled {
    Settled { lane: 0, j, outcome: Outcome::Passed, cost_usd_micro: None }
}

#[tokio::test]
async fn a_waiter_wakes_when_a_lease_makes_room_and_when_all_is_done() {
    let rig = Memory::new();
    let job = started(&rig, 2, 1).await.unwrap();
    assert_eq!(rig.queue.idle(&job, W2).await, Ok(Idle::Work));
    rig.queue.claim(&job, W1, 0, 1).await.unwrap();
    let wait = waiting(&rig, &job).await;
    rig.queue.commit(&job, W1, 1, &[settled(0)]).await.unwrap();
    assert_eq!(end(wait).await, Ok(Idle::Work));
    rig.queue.claim(&job, W1, 0, 1).await.unwrap();
    let wait = waiting(&rig, &job).await;
    rig.queue.commit(&job, W1, 2, &[settled(1)]).await.unwrap();
    assert_eq!(end(wait).await, Ok(Idle::Over));
}

#[tokio::test]
async fn a_waiter_wakes_when_a_retry_is_due() {
    let rig = Memory::new();
    let job = started(&rig, 1, 1).await.unwrap();
    let Claimed::Cases(claims) = rig.queue.claim(&job, W1, 0, 1).await.unwrap() else { panic!("a case") };
    let failure = Failure { class: FailureClass::Retryable, cost_usd_micro: None };
    rig.queue.fail(&job, &claims[0], failure).await.unwrap();
    let wait = waiting(&rig, &job).await;
    rig.clock.advance(SECOND);
    assert_eq!(end(wait).await, Ok(Idle::Work));
}

#[tokio::test]
async fn a_waiter_wakes_on_cancel_on_its_own_end_and_on_the_job_s() {
    let rig = Memory::new();
    let job = started(&rig, 2, 1).await.unwrap();
    let Claimed::Cases(claims) = rig.queue.claim(&job, W1, 0, 1).await.unwrap() else { panic!("a case") };
    let wait = waiting(&rig, &job).await;
    rig.clock.advance(30 * SECOND);
    rig.queue.reclaim(&job, W2, 0).await.unwrap();
    assert_eq!(end(wait).await, Ok(Idle::Gone));

    rig.queue.cancel(&job).await.unwrap();
    rig.queue.release(&job, &claims[0]).await.unwrap();
    assert_eq!(rig.queue.idle(&job, W1).await, Ok(Idle::Over));

    rig.queue.remove(&job).await.unwrap();
    let job = started(&rig, 2, 1).await.unwrap();
    rig.queue.claim(&job, W1, 0, 1).await.unwrap();
    let wait = waiting(&rig, &job).await;
    rig.queue.remove(&job).await.unwrap();
    assert_eq!(end(wait).await, Err(QueueError::JobUnknown { job }));
}

#[tokio::test]
async fn jobs_are_bounded() {
    let rig = Memory::new();
    for number in 0..MAX_JOBS {
        rig.queue.create(&JobId::new(format!("job-{number}")).unwrap(), spec(1, 1)).await.unwrap();
    }
    let one_more = rig.queue.create(&JobId::new("one-more").unwrap(), spec(1, 1)).await;
    assert_eq!(one_more, Err(QueueError::TooManyJobs { limit: MAX_JOBS }));
    rig.queue.remove(&JobId::new("job-0").unwrap()).await.unwrap();
    assert!(rig.queue.create(&JobId::new("one-more").unwrap(), spec(1, 1)).await.is_ok());
}

#[tokio::test]
async fn without_random_bytes_nothing_is_leased() {
    struct Empty;
    impl TokenSource for Empty {
        fn next(&mut self) -> Result<Token, QueueError> {
            Err(QueueError::RandomUnavailable { why: "none left".into() })
        }
    }
    let queue = MemoryQueue::new(Arc::new(ManualClock::default()), Box::new(Empty));
    let job = JobId::new("tokens").unwrap();
    queue.create(&job, spec(1, 1)).await.unwrap();
    queue.register(&job, W1).await.unwrap();
    assert!(matches!(queue.claim(&job, W1, 0, 1).await, Err(QueueError::RandomUnavailable { .. })));
    assert_eq!(queue.snapshot(&job).await.unwrap().total().waiting, 1);
}
