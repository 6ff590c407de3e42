//! Worker processes over one queue and one store, with kills between any two steps.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod pulse;
mod servers;
mod stop;
mod world;

use std::sync::atomic::Ordering;

use arena_model::{Outcome, ResultStore, Stored};
use arena_queue::{Phase, Queue};
use arena_worker::{Ended, Stop};
use world::{Counting, Nobody, World};

#[tokio::test]
async fn two_processes_run_every_case_once_and_one_ends_the_job() {
    let world = World::new(100, Counting::default()).await;
    let (one, two) = tokio::join!(world.work(), world.work());
    assert_eq!([one.unwrap(), two.unwrap()], [Ended::Complete, Ended::Complete]);
    world.check();
    assert_eq!(world.runner.calls.load(Ordering::SeqCst), world.cases());
    let names = world.store.names();
    for file in
        ["manifest.json", "index.json", "segments.json", "00001.jsonl.zst", "report.html", "junit.xml", "checksums.txt"]
    {
        assert!(names.iter().any(|name| name == file), "{file} of {names:?}");
    }
    let digest = arena_model::Digest::of(world.store.text("summary.json").as_bytes());
    assert_eq!(world.queue.snapshot(&world.job).await.unwrap().phase, Phase::Finished(digest));
}

#[tokio::test]
async fn killed_processes_cost_no_case_and_repeat_few() {
    let world = World::new(150, Counting::default()).await;
    let kills = [1, 7, 23, 40, 61];
    for call in kills {
        world.kill_at(call).await;
    }
    assert_eq!(world.work().await.unwrap(), Ended::Complete);
    world.check();
    let calls = world.runner.calls.load(Ordering::SeqCst);
    let most = world.cases() + kills.len() as u64 * (8 + 16);
    assert!(calls <= most, "{calls} calls, at most {most}");
}

/// What the first worker of a job of so many scenarios stores first.
async fn first_batch(scenarios: u32) -> Vec<u8> {
    let other = World::new(scenarios, Counting::default()).await;
    other.work().await.unwrap();
    let batch = other.store.names().into_iter().find(|name| name.ends_with("/1")).unwrap();
    other.store.objects.lock().unwrap()[&batch].clone()
}

/// Number of cases in a stored batch; one that was closed by its age is not full.
fn cases_of(batch: &[u8]) -> u64 {
    arena_results::StoredBatch::open(batch).unwrap().entries.len() as u64
}

#[tokio::test]
async fn a_stored_batch_that_was_not_committed_is_adopted_not_run_again() {
    let world = World::new(8, Counting::default()).await;
    // What a worker stored and could not commit any more, under a name the queue has seen.
    let worker = arena_queue::WorkerId(77);
    world.queue.register(&world.job, worker).await.unwrap();
    let bytes = first_batch(8).await;
    world.store.create(&format!("{worker}/1"), &bytes).await.unwrap();
    // Nothing is claimed before the silent worker is looked after.
    let (mut run, _stop) = world.process();
    run.settings.lease = std::time::Duration::from_millis(1);
    world.runner.held.store(true, Ordering::SeqCst);
    let release = async {
        loop {
            let workers = world.queue.workers(&world.job).await.unwrap();
            if workers.iter().any(|view| view.id == worker && view.last == 1) {
                world.runner.held.store(false, Ordering::SeqCst);
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    let mut nobody = Nobody;
    let (ended, ()) = tokio::join!(run.run(&mut nobody), release);
    assert_eq!(ended.unwrap(), Ended::Complete);
    world.check();
}

#[tokio::test]
async fn a_batch_that_is_stored_while_its_worker_is_adopted_is_not_lost() {
    let world = World::new(20, Counting::default()).await;
    let worker = arena_queue::WorkerId(77);
    world.queue.register(&world.job, worker).await.unwrap();
    // It is not there when it is read, and there when it is looked for.
    let batch = first_batch(20).await;
    *world.store.late.lock().unwrap() = Some((format!("{worker}/1"), batch.clone()));
    let (run, _stop) = world.process();
    run.end_again().await.unwrap();
    assert!(world.store.late.lock().unwrap().is_none());
    assert_eq!(world.queue.last(&world.job, worker).await.unwrap(), 0, "its worker is about to commit it");
    run.end_again().await.unwrap();
    assert_eq!(world.queue.snapshot(&world.job).await.unwrap().total().done, cases_of(&batch));
}

#[tokio::test]
async fn a_worker_that_another_forgot_in_a_rebuild_goes_on() {
    let world = World::new(50, Counting::default()).await;
    let (run, _stop) = world.process();
    world.runner.held.store(true, Ordering::SeqCst);
    let forget = async {
        while world.runner.calls.load(Ordering::SeqCst) < 8 {
            tokio::task::yield_now().await;
        }
        // It has stored nothing, by which another could know it.
        world.queue.remove(&world.job).await.unwrap();
        world.queue.rebuild(&world.job, world.process().0.spec).await.unwrap();
        world.runner.held.store(false, Ordering::SeqCst);
    };
    let mut nobody = Nobody;
    let (ended, ()) = tokio::join!(run.run(&mut nobody), forget);
    assert_eq!(ended.unwrap(), Ended::Complete);
    world.check();
}

#[tokio::test]
async fn a_store_that_is_away_stops_claims_and_loses_nothing() {
    let world = World::new(200, Counting::default()).await;
    world.store.away.store(true, Ordering::SeqCst);
    let (run, _stop) = world.process();
    let away = async {
        let bound = 8 + 16;
        loop {
            let calls = world.runner.calls.load(Ordering::SeqCst);
            assert!(calls <= bound, "{calls} calls while nothing can be stored");
            let idle = world.queue.snapshot(&world.job).await.unwrap().total().in_flight == bound;
            if calls == bound && idle {
                world.store.away.store(false, Ordering::SeqCst);
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    let mut nobody = Nobody;
    let (ended, ()) = tokio::join!(run.run(&mut nobody), away);
    assert_eq!(ended.unwrap(), Ended::Complete);
    world.check();
    assert_eq!(world.runner.calls.load(Ordering::SeqCst), world.cases());
}

#[tokio::test]
async fn a_lost_batch_with_a_later_one_is_run_again() {
    let world = World::new(60, Counting::default()).await;
    world.kill_at(100).await;
    let gone = world.store.names().into_iter().find(|name| name.ends_with("/1")).unwrap();
    // The queue has committed it by now; its records are gone all the same.
    let gone = world.store.objects.lock().unwrap().remove(&gone).unwrap();
    world.work().await.unwrap();
    let counts = world.store.summary().cases;
    assert_eq!(counts.error, cases_of(&gone), "{counts:?}");
    assert_eq!(counts.planned, world.cases());
    let error = world.store.text("junit.xml");
    assert!(error.contains("ResultLost"));
}

#[tokio::test]
async fn two_fleets_with_one_queue_history_store_the_same_bytes() {
    let world = World::new(30, Counting::default()).await;
    // The lease of the last step is lost after everything was stored, and once more after nothing was.
    let (run, _stop) = world.process();
    world.work().await.unwrap();
    let first = world.store.objects.lock().unwrap().clone();
    world.store.objects.lock().unwrap().retain(|name, _| name.contains('/') || name == "index.json");
    run.end_again().await.unwrap();
    for (name, bytes) in first {
        assert_eq!(world.store.create(&name, &bytes).await.unwrap(), Stored::Same, "{name}");
    }
}

#[tokio::test]
async fn a_case_that_panics_is_an_error_of_its_own() {
    let world = World::new(10, Counting { panics: Some(4), ..Counting::default() }).await;
    world.work().await.unwrap();
    let counts = world.store.summary().cases;
    assert_eq!((counts.error, counts.passed + counts.failed), (1, world.cases() - 1));
}

#[tokio::test]
async fn a_drained_process_leaves_nothing_behind_and_another_ends_the_job() {
    let world = World::new(50, Counting::default()).await;
    let (run, stop) = world.process();
    world.runner.ring_at.store(20, Ordering::SeqCst);
    let drain = async {
        world.runner.bell.notified().await;
        stop.send(Stop::Drain).unwrap();
    };
    let mut nobody = Nobody;
    let (ended, ()) = tokio::join!(run.run(&mut nobody), drain);
    assert_eq!(ended.unwrap(), Ended::Stopped);
    let total = world.queue.snapshot(&world.job).await.unwrap().total();
    assert_eq!((total.in_flight, total.done), (0, world.runner.calls.load(Ordering::SeqCst)));
    world.work().await.unwrap();
    world.check();
    assert_eq!(world.runner.calls.load(Ordering::SeqCst), world.cases());
}

#[tokio::test]
async fn a_cancelled_job_is_ended_with_the_rest_not_run() {
    let world = World::new(50, Counting::default()).await;
    world.kill_at(1).await;
    world.queue.cancel(&world.job).await.unwrap();
    world.work().await.unwrap();
    let counts = world.store.summary().cases;
    assert_eq!(counts.planned, world.cases());
    assert!(counts.not_run > 0 && counts.error == 0, "{counts:?}");
    assert!(world.store.text("summary.json").contains("not_run"), "{:?}", Outcome::NotRun);
}

#[tokio::test]
async fn an_index_that_was_stored_before_the_queue_was_lost_stands() {
    let world = World::new(30, Counting::default()).await;
    world.work().await.unwrap();
    let first = world.store.objects.lock().unwrap().clone();
    world.queue.remove(&world.job).await.unwrap();
    world.queue.rebuild(&world.job, world.process().0.spec).await.unwrap();
    // A worker that has nothing in the store makes the index another one.
    world.queue.register(&world.job, arena_queue::WorkerId(5)).await.unwrap();
    let (run, _stop) = world.process();
    run.adopt_all().await.unwrap();
    run.end_again().await.unwrap();
    assert_eq!(*world.store.objects.lock().unwrap(), first);
    assert_eq!(world.runner.calls.load(Ordering::SeqCst), world.cases());
}
