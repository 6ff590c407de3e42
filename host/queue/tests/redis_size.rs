//! What a job costs Redis, and lists longer than a page.

mod rig;

use std::time::Duration;

use arena_queue::{Claimed, Commit, FailureClass, JobId, Queue, RedisQueue, Restored, Seal, Settled, WorkerId};
use rig::Server;
use rig::jobs::{settled, spec};

const CASES: u64 = 10_000_000;
const W1: WorkerId = WorkerId(1);

/// CPU time that Redis spent on calls, which is the same on a busy machine, and bytes it uses.
async fn usage(server: &Server) -> (Duration, u64) {
    let info: String =
        redis::cmd("INFO").arg("everything").query_async(&mut server.raw().await).await.expect("an answer");
    let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
    let number = |name: &str| field(name).expect("INFO has it");
    let spent = number("used_cpu_user_main_thread:") + number("used_cpu_sys_main_thread:");
    (Duration::from_secs_f64(spent), number("used_memory:") as u64)
}

#[tokio::test]
async fn ten_million_cases_cost_next_to_nothing() {
    let server = Server::start();
    let queue = RedisQueue::new(server.options()).unwrap();
    let (warm, job) = (JobId::new("warm").unwrap(), JobId::new("large").unwrap());
    queue.create(&warm, spec(1)).await.unwrap();
    let before = usage(&server).await;
    queue.create(&job, spec(CASES)).await.unwrap();
    let created = usage(&server).await;
    assert!(created.0 - before.0 < Duration::from_millis(50), "{:?}", created.0 - before.0);
    // The last case makes the done bits as long as they get.
    queue.register(&job, W1).await.unwrap();
    queue.claim(&job, W1, 0, 64).await.unwrap();
    queue.commit(&job, W1, 1, &[settled(CASES - 1)]).await.unwrap();
    let (_, used) = usage(&server).await;
    assert!(used - before.1 < 5_000_000, "{} bytes", used - before.1);
    queue.remove(&job).await.unwrap();
    queue.remove(&warm).await.unwrap();
    let keys: u64 = redis::cmd("DBSIZE").query_async(&mut server.raw().await).await.unwrap();
    assert_eq!(keys, 0, "nothing is left");
}

#[tokio::test]
async fn the_cursor_passes_over_millions_of_done_cases_at_once() {
    let server = Server::start();
    let queue = RedisQueue::new(server.options()).unwrap();
    let job = JobId::new("restored").unwrap();
    let mut restored = Restored::new(CASES);
    let left = [5, 4_000_037, CASES - 1];
    for j in (0..CASES).filter(|j| !left.contains(j)) {
        restored.insert(j, arena_model::Outcome::Passed, None);
    }
    let mut large = spec(CASES);
    large.lanes[0].restored = Some(restored);
    queue.create(&job, large).await.unwrap();
    queue.register(&job, W1).await.unwrap();
    let before = usage(&server).await.0;
    let Claimed::Cases(claims) = queue.claim(&job, W1, 0, 64).await.unwrap() else { panic!("three cases") };
    assert_eq!(claims.iter().map(|claim| claim.j).collect::<Vec<_>>(), left);
    assert!(usage(&server).await.0 - before < Duration::from_millis(50));
    assert_eq!(queue.claim(&job, W1, 0, 64).await, Ok(Claimed::Nothing { retry_in: None }));
}

#[tokio::test]
async fn lists_longer_than_a_page_come_whole_and_in_order() {
    const WORKERS: u128 = 1500;
    let server = Server::start();
    let queue = RedisQueue::new(server.options()).unwrap();
    let job = JobId::new("many").unwrap();
    let mut many = spec(1);
    (many.max_workers, many.max_losers) = (WORKERS as u32, WORKERS as u32);
    queue.create(&job, many).await.unwrap();
    for id in (1..=WORKERS).rev() {
        queue.register(&job, WorkerId(id)).await.unwrap();
        let answer = queue.commit(&job, WorkerId(id), 1, &[settled(0)]).await.unwrap();
        assert!(matches!(answer, Commit::Committed { losers } if losers.is_empty() == (id == WORKERS)));
    }
    let views = queue.workers(&job).await.unwrap();
    assert!(views.iter().map(|view| view.id.0).eq(1..=WORKERS));
    assert!(views.iter().all(|view| view.last == 1 && !view.expired && !view.gone));
    let Seal::Sealed(sealed) = queue.seal(&job).await.unwrap() else { panic!("all is done") };
    assert!(sealed.workers.iter().map(|worker| worker.id.0).eq(1..=WORKERS));
    assert_eq!(sealed.workers.iter().map(|worker| worker.losers.len()).sum::<usize>() as u128, WORKERS - 1);
    assert_eq!(queue.snapshot(&job).await.unwrap().losers as u128, WORKERS - 1);
}

#[tokio::test]
async fn leases_run_out_by_the_servers_own_clock() {
    let server = Server::start();
    let queue = RedisQueue::new(server.options()).unwrap();
    let job = JobId::new("clock").unwrap();
    let mut short = spec(9);
    short.lease = Duration::from_millis(20);
    (short.retry.backoff, short.retry.backoff_max) = (Duration::from_secs(60), Duration::from_secs(60));
    queue.create(&job, short).await.unwrap();
    queue.register(&job, W1).await.unwrap();
    let Claimed::Cases(claims) = queue.claim(&job, W1, 0, 9).await.unwrap() else { panic!("nine cases") };
    let failure = arena_queue::Failure { class: FailureClass::Retryable, cost_usd_micro: None };
    queue.fail(&job, &claims[0], failure).await.unwrap();
    let Claimed::Nothing { retry_in: Some(wait) } = queue.claim(&job, W1, 0, 1).await.unwrap() else {
        panic!("a wait")
    };
    assert!(wait > Duration::from_secs(30) && wait <= Duration::from_secs(60), "{wait:?}");
    let started = std::time::Instant::now();
    while !queue.workers(&job).await.unwrap()[0].expired {
        assert!(started.elapsed() < Duration::from_secs(60), "the lease does not run out");
    }
    assert!(started.elapsed() + Duration::from_secs(1) > Duration::from_millis(20));
    let batch: Vec<_> = claims[1..].iter().map(|claim| Settled { cost_usd_micro: None, ..settled(claim.j) }).collect();
    assert!(matches!(queue.reclaim(&job, W1, 0).await, Ok(arena_queue::Reclaim::Reclaimed { leases: 8 })));
    assert_eq!(queue.commit(&job, W1, 1, &batch).await, Ok(Commit::Committed { losers: vec![] }));
}
