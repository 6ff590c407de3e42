//! The queue in Redis over a server that is killed, set back or emptied, and over connections that break.

mod fleet;
mod proxy;
mod rig;

use std::sync::Arc;
use std::time::Duration;

use arena_queue::{
    Claimed, Commit, JobId, ManualClock, Queue, QueueError, Reassert, Rebuilt, Reclaim, RedisOptions, RedisQueue,
    Register, WorkerId,
};
use fleet::{Fleet, Op, ops};
use proptest::prelude::*;
use proptest::test_runner::Config;
use rig::Server;
use rig::jobs::{LEASE, settled, spec};

const W1: WorkerId = WorkerId(1);
const W2: WorkerId = WorkerId(2);
const NO_LOSERS: Commit = Commit::Committed { losers: vec![] };

fn queue(options: RedisOptions) -> RedisQueue {
    RedisQueue::with_clock(options, Arc::new(ManualClock::default())).expect("a valid address")
}

fn job() -> JobId {
    JobId::new("faults").expect("a valid id")
}

async fn started(queue: &RedisQueue, length: u64) -> Result<JobId, QueueError> {
    queue.create(&job(), spec(length)).await?;
    for worker in [W1, W2] {
        queue.register(&job(), worker).await?;
    }
    Ok(job())
}

#[test]
fn every_case_counts_once_whatever_happens_to_the_server() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = Config { cases: 12, failure_persistence: None, max_shrink_iters: 40, ..Config::default() };
    proptest!(config, |(ops in ops())| {
        runtime.block_on(async {
            let mut fleet = Fleet::start(40).await.unwrap();
            for op in ops {
                fleet.step(op).await.unwrap();
            }
            fleet.end().await.unwrap();
        });
    });
}

#[tokio::test]
async fn a_killed_server_counts_nothing_twice() {
    let mut fleet = Fleet::start(40).await.unwrap();
    for op in [Op::Claim(0), Op::Join, Op::Claim(1), Op::CommitOverKill(0), Op::CommitOverKill(1), Op::Kill] {
        fleet.step(op).await.unwrap();
    }
    assert_eq!(fleet.rebuilds, 3, "every restart is seen");
    fleet.end().await.unwrap();
}

#[tokio::test]
async fn a_server_set_back_answers_behind_and_gets_the_batches_again() {
    let mut server = Server::start_synced();
    let queue = queue(server.options());
    let job = started(&queue, 9).await.unwrap();
    queue.commit(&job, W1, 1, &[settled(0)]).await.unwrap();
    let earlier = server.copy();
    queue.commit(&job, W1, 2, &[settled(1)]).await.unwrap();
    queue.commit(&job, W1, 3, &[settled(2)]).await.unwrap();
    server.kill(|server| server.put_back(&earlier));
    server.restart();

    let rebuild = Err(QueueError::Rebuild { job: job.clone() });
    assert_eq!(queue.commit(&job, W1, 4, &[settled(3)]).await, rebuild);
    assert!(queue.snapshot(&job).await.is_err(), "nothing is answered before the rebuild");
    assert_eq!(queue.create(&job, spec(9)).await.err(), rebuild.err(), "creating it is no rebuild");
    assert_eq!(queue.rebuild(&job, spec(9)).await, Ok(Rebuilt::Kept));
    assert_eq!(queue.rebuild(&job, spec(9)).await, Ok(Rebuilt::Current));
    assert_eq!(queue.commit(&job, W1, 4, &[settled(3)]).await, Ok(Commit::Behind { last: 1 }));
    for (seq, j) in [(2, 1), (3, 2), (4, 3)] {
        assert_eq!(queue.commit(&job, W1, seq, &[settled(j)]).await, Ok(NO_LOSERS));
    }
    let total = queue.snapshot(&job).await.unwrap().total();
    assert_eq!((total.done, total.spent_usd_micro), (4, 4), "each is counted and paid once");
}

#[tokio::test]
async fn an_emptied_server_is_rebuilt_from_the_spec_and_the_store() {
    let mut server = Server::start_durable();
    let clock = Arc::new(ManualClock::default());
    let queue = RedisQueue::with_clock(server.options(), clock.clone()).unwrap();
    let job = started(&queue, 9).await.unwrap();
    let Claimed::Cases(claims) = queue.claim(&job, W1, 0, 3).await.unwrap() else { panic!("three cases") };
    queue.commit(&job, W1, 1, &[settled(0)]).await.unwrap();
    queue.commit(&job, W2, 1, &[settled(0)]).await.unwrap();
    server.kill(Server::forget);
    server.restart();

    assert_eq!(queue.heartbeat(&job, W1).await, Err(QueueError::Rebuild { job: job.clone() }));
    assert_eq!(queue.rebuild(&job, spec(9)).await, Ok(Rebuilt::Empty));
    assert_eq!(queue.heartbeat(&job, W1).await, Err(QueueError::WorkerUnknown { job: job.clone(), worker: W1 }));
    assert_eq!(queue.register(&job, W2).await, Ok(Register::Registered), "on behalf of one found in the store");
    assert_eq!(queue.commit(&job, W2, 1, &[settled(0)]).await, Ok(NO_LOSERS));
    // Of the worker's three cases one was finished, and the other two are ahead of the new cursor.
    assert!(matches!(queue.reassert(&job, W1, &claims).await, Ok(Reassert::Held { lost }) if lost == [claims[0].at()]));
    assert!(
        matches!(queue.commit(&job, W1, 1, &[settled(0)]).await, Ok(Commit::Committed { losers }) if losers.len() == 1)
    );
    let snapshot = queue.snapshot(&job).await.unwrap();
    assert_eq!((snapshot.total().done, snapshot.total().in_flight, snapshot.total().spent_usd_micro), (1, 2, 2));

    let closed = Claimed::Nothing { retry_in: Some(LEASE) };
    assert_eq!(queue.claim(&job, W1, 0, 9).await, Ok(closed), "one lease time for the others to come");
    clock.advance(LEASE);
    assert_eq!(queue.reassert(&job, W2, &[]).await, Ok(Reassert::Held { lost: vec![] }));
    let Claimed::Cases(rest) = queue.claim(&job, W2, 0, 9).await.unwrap() else { panic!("the rest") };
    assert_eq!(rest.iter().map(|claim| claim.j).collect::<Vec<_>>(), [3, 4, 5, 6, 7, 8], "not those re-asserted");
    queue.release(&job, &claims[1]).await.unwrap();
    let Claimed::Cases(back) = queue.claim(&job, W2, 0, 9).await.unwrap() else { panic!("the released one") };
    assert_eq!(back[0].j, claims[1].j);
}

#[tokio::test]
async fn a_part_of_a_state_is_none() {
    let server = Server::start();
    let queue = queue(server.options());
    let job = started(&queue, 9).await.unwrap();
    queue.claim(&job, W2, 0, 2).await.unwrap();
    queue.commit(&job, W1, 1, &[settled(5)]).await.unwrap();
    let mut raw = server.raw().await;
    let () =
        redis::cmd("DEL").arg(&["arena:{faults}:meta", "arena:{faults}:done:0"]).query_async(&mut raw).await.unwrap();
    assert_eq!(queue.rebuild(&job, spec(9)).await, Ok(Rebuilt::Empty));
    assert!(queue.workers(&job).await.unwrap().is_empty());
    let total = queue.snapshot(&job).await.unwrap().total();
    assert_eq!((total.done, total.in_flight, total.waiting, total.outcomes.total()), (0, 0, 9, 0));
    assert_eq!(queue.register(&job, W1).await, Ok(Register::Registered));
    assert_eq!(queue.commit(&job, W1, 1, &[settled(5)]).await, Ok(NO_LOSERS), "as its batch is in the store");
}

#[tokio::test]
async fn after_anothers_rebuild_a_worker_says_what_it_holds_before_anything_else() {
    let mut server = Server::start_synced();
    let clock = Arc::new(ManualClock::default());
    // Each worker has a connection of its own, and notices for itself that the server died.
    let [one, two] = [(); 2].map(|()| RedisQueue::with_clock(server.options(), clock.clone()).unwrap());
    let job = started(&one, 9).await.unwrap();
    let rebuild = QueueError::Rebuild { job: job.clone() };
    let Claimed::Cases(mut claims) = two.claim(&job, W2, 0, 2).await.unwrap() else { panic!("two cases") };
    for (files, known) in [((|_| {}) as fn(&Server), true), (Server::forget, false)] {
        server.kill(files);
        server.restart();
        one.rebuild(&job, spec(9)).await.unwrap();
        if !known {
            // Its results are in the store, so whoever rebuilds adopts it.
            one.register(&job, W2).await.unwrap();
        }
        one.reassert(&job, W1, &[]).await.unwrap();
        clock.advance(LEASE);
        assert_eq!(two.heartbeat(&job, W2).await, Err(rebuild.clone()));
        assert_eq!(two.claim(&job, W2, 0, 1).await, Err(rebuild.clone()));
        assert_eq!(two.reassert(&job, W2, &claims).await, Ok(Reassert::Held { lost: vec![] }));
        assert!(two.heartbeat(&job, W2).await.is_ok());
        let Claimed::Cases(more) = two.claim(&job, W2, 0, 2).await.unwrap() else { panic!("two more") };
        claims.extend(more);
    }
    assert_eq!(claims.iter().map(|claim| claim.j).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5], "none twice");
    // One that comes later may not know of every stored batch yet.
    one.register(&job, WorkerId(3)).await.unwrap();
    assert_eq!(one.claim(&job, WorkerId(3), 0, 1).await, Err(rebuild));
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_repeated_and_counts_once() {
    let server = Server::start();
    let proxy = proxy::Proxy::start(&server);
    let queue = queue(proxy.options());
    let job = started(&queue, 9).await.unwrap();
    queue.commit(&job, W2, 1, &[settled(1)]).await.unwrap();
    proxy.swallow_next_answer();
    let answer = queue.commit(&job, W1, 1, &[settled(0), settled(1)]).await;
    assert!(matches!(answer, Ok(Commit::Committed { losers }) if losers.len() == 1));
    assert_eq!(proxy.connections(), 2);
    let snapshot = queue.snapshot(&job).await.unwrap();
    assert_eq!((snapshot.total().done, snapshot.losers, snapshot.total().spent_usd_micro), (2, 1, 3));
}

#[tokio::test]
async fn a_claim_whose_answer_was_lost_is_not_repeated_and_can_be_given_back() {
    let server = Server::start();
    let proxy = proxy::Proxy::start(&server);
    let queue = queue(proxy.options());
    let job = started(&queue, 9).await.unwrap();
    let Claimed::Cases(known) = queue.claim(&job, W1, 0, 2).await.unwrap() else { panic!("two cases") };
    proxy.swallow_next_answer();
    assert!(matches!(queue.claim(&job, W1, 0, 3).await, Err(QueueError::Unreachable { .. })));
    assert_eq!(queue.snapshot(&job).await.unwrap().total().in_flight, 5);
    assert_eq!(queue.reassert(&job, W1, &known).await, Ok(Reassert::Held { lost: vec![] }));
    let total = queue.snapshot(&job).await.unwrap().total();
    assert_eq!((total.in_flight, total.retrying, total.attempts, total.stalls), (2, 3, 0, 0));
}

#[tokio::test]
async fn a_call_that_was_dropped_leaves_no_half() {
    let server = Server::start();
    let queue = queue(server.options());
    let job = started(&queue, 9).await.unwrap();
    queue.commit(&job, W2, 1, &[settled(8)]).await.unwrap();
    for j in 0..4 {
        let batch = [settled(2 * j), settled(2 * j + 1)];
        let call = queue.commit(&job, W1, j + 1, &batch);
        tokio::select! {
            biased;
            _ = call => panic!("answered at once"),
            () = tokio::task::yield_now() => {}
        }
        let again = queue.commit(&job, W1, j + 1, &batch).await.unwrap();
        assert!(matches!(again, Commit::Committed { losers } if losers.is_empty()), "its own cases are no losers");
    }
    assert_eq!(queue.snapshot(&job).await.unwrap().total().done, 9);
}

#[tokio::test]
async fn a_server_that_stays_away_is_an_error_after_so_many_attempts() {
    let mut server = Server::start();
    let mut options = server.options();
    (options.attempts, options.backoff) = (3, Duration::from_millis(1));
    let queue = queue(options);
    let job = started(&queue, 9).await.unwrap();
    server.kill(|_| {});
    assert!(matches!(queue.last(&job, W1).await, Err(QueueError::Unreachable { attempts: 3, .. })));
    assert!(matches!(queue.claim(&job, W1, 0, 1).await, Err(QueueError::Unreachable { .. })));
}

#[tokio::test]
async fn a_state_of_another_schema_is_refused_whole() {
    let server = Server::start();
    let queue = queue(server.options());
    let job = started(&queue, 9).await.unwrap();
    let mut raw = server.raw().await;
    let () = redis::cmd("HSET").arg("arena:{faults}:meta").arg("schema").arg(2).query_async(&mut raw).await.unwrap();
    let unknown = QueueError::SchemaUnknown { job: job.clone(), found: "2".into() };
    assert_eq!(queue.claim(&job, W1, 0, 1).await.err(), Some(unknown.clone()));
    assert_eq!(queue.create(&job, spec(9)).await.err(), Some(unknown.clone()));
    assert_eq!(queue.rebuild(&job, spec(9)).await.err(), Some(unknown));
}

#[tokio::test]
async fn after_a_rebuild_a_lease_runs_out_one_lease_time_later_and_its_money_is_reserved_again() {
    let mut server = Server::start_durable();
    let clock = Arc::new(ManualClock::default());
    let queue = RedisQueue::with_clock(server.options(), clock.clone()).unwrap();
    let mut priced = spec(9);
    (priced.budget_usd_micro, priced.lanes[0].reserve_usd_micro) = (Some(1000), Some(40));
    queue.create(&job(), priced.clone()).await.unwrap();
    queue.register(&job(), W1).await.unwrap();
    let Claimed::Cases(claims) = queue.claim(&job(), W1, 0, 2).await.unwrap() else { panic!("two cases") };
    server.kill(Server::forget);
    server.restart();
    queue.rebuild(&job(), priced.clone()).await.unwrap();
    queue.reassert(&job(), W1, &claims[..1]).await.unwrap();
    assert_eq!(queue.snapshot(&job()).await.unwrap().reserved_usd_micro, 40);

    let mut raw = server.raw().await;
    // What a restart leaves behind: the same state, another run id. Nobody could send a heartbeat meanwhile.
    let stale = "arena:{faults}:meta";
    let () = redis::cmd("HSET").arg(stale).arg("run").arg("another").query_async(&mut raw).await.unwrap();
    clock.advance(LEASE);
    assert_eq!(queue.rebuild(&job(), priced).await, Ok(Rebuilt::Kept));
    assert_eq!(queue.reclaim(&job(), W1, 0).await, Ok(Reclaim::Alive));
    assert!(!queue.workers(&job()).await.unwrap()[0].expired);
    clock.advance(LEASE);
    assert!(queue.workers(&job()).await.unwrap()[0].expired);
    assert_eq!(queue.reclaim(&job(), W1, 0).await, Ok(Reclaim::Reclaimed { leases: 1 }));
    let snapshot = queue.snapshot(&job()).await.unwrap();
    assert_eq!((snapshot.reserved_usd_micro, snapshot.charged_usd_micro), (0, 40));
}

#[tokio::test]
async fn a_full_server_changes_nothing_and_still_takes_a_lease_back() {
    let server = Server::start();
    let queue = queue(server.options());
    let job = started(&queue, 9).await.unwrap();
    let Claimed::Cases(claims) = queue.claim(&job, W1, 0, 2).await.unwrap() else { panic!("two cases") };
    let before = queue.snapshot(&job).await.unwrap();
    let mut raw = server.raw().await;
    let () = redis::cmd("CONFIG").arg(&["SET", "maxmemory", "1"]).query_async(&mut raw).await.unwrap();
    let full = |answer: Option<QueueError>| {
        assert!(matches!(&answer, Some(QueueError::ServerFailed { why }) if why.contains("maxmemory")), "{answer:?}");
    };
    full(queue.commit(&job, W1, 1, &[settled(0), settled(5)]).await.err());
    full(queue.claim(&job, W1, 0, 2).await.err());
    full(queue.register(&job, WorkerId(3)).await.err());
    assert_eq!(queue.snapshot(&job).await, Ok(before));
    queue.release(&job, &claims[1]).await.unwrap();
    let () = redis::cmd("CONFIG").arg(&["SET", "maxmemory", "0"]).query_async(&mut raw).await.unwrap();
    let total = queue.snapshot(&job).await.unwrap().total();
    assert_eq!((total.in_flight, total.waiting, total.retrying), (1, 8, 1));
    assert_eq!(queue.commit(&job, W1, 1, &[settled(0), settled(5)]).await, Ok(NO_LOSERS));
}
