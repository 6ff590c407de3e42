//! A job from its creation to its end, in every way it can end.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod world;

use std::time::Duration;

use arena_crd::{ArenaJobStatus, GateSpec, JobPhase};
use arena_model::Counts;
use arena_operator::{Action, FINALIZER, Reported};
use arena_queue::{LaneCounts, Phase};
use serde_json::json;
use world::{World, at, lane, said, workers};

fn counts(passed: u64, failed: u64, error: u64, not_run: u64) -> Counts {
    Counts { planned: passed + failed + error + not_run, passed, failed, error, skipped: 0, not_run }
}

/// `Finished` and `Passed` with their reasons, and the phase.
fn ending(status: &ArenaJobStatus) -> (String, String, JobPhase) {
    let find = |prefix: &str| said(&status.conditions).into_iter().find(|text| text.starts_with(prefix)).unwrap();
    (find("Finished"), find("Passed"), status.phase.unwrap())
}

#[test]
fn the_way_of_a_job_that_passes() {
    let mut world = World::new();
    let plan = world.step();
    assert!(matches!(plan.actions.as_slice(), [Action::AddFinalizer, Action::Freeze(resolved)]
        if resolved.source.revision == "main@sha1:abc" && resolved.providers.len() == 1));
    assert_eq!(
        said(&plan.status.conditions),
        ["Finished=False/Pending", "Ready=False/Freezing", "Reconciling=True/Freezing", "Resolved=False/Freezing"]
    );

    world.running(lane(0, 0));
    (world.run.queue, world.run.workers, world.run.credentials) = (None, None, false);
    world.job.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
    let plan = world.step();
    assert_eq!(plan.actions, [Action::Enqueue, Action::IssueCredentials, Action::CreateWorkers(4)]);

    world.running(lane(11, 1));
    let plan = world.step();
    assert_eq!((plan.actions.as_slice(), plan.again), (&[][..], Some(Duration::from_secs(5))));
    assert_eq!((plan.status.progress.as_deref(), plan.status.pass_rate.as_deref()), (Some("12/40"), Some("91.66%")));
    assert_eq!((plan.status.cost_usd.as_deref(), plan.status.phase), (Some("1.250000"), Some(JobPhase::Running)));
    let cases = plan.status.cases.unwrap();
    assert_eq!((cases.waiting, cases.in_flight, cases.planned), (28, 2, 40));
    assert_eq!(
        cases.planned,
        cases.passed + cases.failed + cases.error + cases.skipped + cases.not_run + cases.waiting
    );

    world.now = at(60);
    world.summary(counts(40, 0, 0, 0));
    let plan = world.step();
    assert_eq!(
        said(&plan.status.conditions),
        [
            "Finished=True/Completed",
            "Passed=True/AllPassed",
            "Progressing=False/Completed",
            "Ready=True/Completed",
            "Resolved=True/Frozen"
        ]
    );
    insta::assert_json_snapshot!("status_of_a_passed_job", plan.status);

    // Credentials stay while pods may still use them.
    assert_eq!(world.step().actions, []);
    world.run.workers = Some(workers(0, Some(("Complete", "", ""))));
    assert_eq!(world.step().actions, [Action::Release]);
    (world.run.credentials, world.run.queue) = (false, None);
    let plan = world.step();
    assert_eq!((plan.actions, plan.again), (vec![], None));
}

#[test]
fn what_was_tested_can_fail_while_the_machinery_does_not() {
    for (cases, expected) in [
        (counts(39, 1, 0, 0), "Passed=False/CasesFailed"),
        (counts(39, 0, 1, 0), "Passed=False/CasesErrored"),
        (counts(38, 1, 1, 0), "Passed=False/CasesFailed"),
    ] {
        let mut world = World::new();
        world.running(lane(39, 1));
        world.summary(cases);
        let plan = world.step();
        let end = ("Finished=True/Completed".to_owned(), expected.to_owned(), JobPhase::Failed);
        assert_eq!(ending(&plan.status), end);
        assert!(said(&plan.status.conditions).contains(&"Ready=True/Completed".to_owned()));
    }
    let mut world = World::new();
    world.running(lane(39, 1));
    world.summary(counts(37, 0, 3, 0));
    if let Some((_, summary)) = &mut world.run.summary {
        summary.errors = [("ProviderAuth".to_owned(), 2), ("CaseTimeout".to_owned(), 1)].into();
    }
    let status = world.step().status;
    let finished = arena_crd::Condition::find(&status.conditions, "Finished").unwrap();
    assert!(finished.message.ends_with("; most frequent error: ProviderAuth (2)"), "{}", finished.message);
    let mut world = World::new();
    world.running(LaneCounts { length: 1, done: 1, ..LaneCounts::default() });
    world.summary(Counts { planned: 1, skipped: 1, ..Counts::default() });
    assert_eq!(ending(&world.step().status).1, "Passed=False/NothingJudged");
}

#[test]
fn gates_decide_alone_but_never_over_a_run_cut_short() {
    let gate = |value: f64| -> GateSpec {
        serde_json::from_value(json!({"metric": "passRate", "operator": ">=", "value": value})).unwrap()
    };
    for (value, not_run, expected) in
        [(0.9, 0, "Passed=True/GatesHeld"), (0.99, 0, "Passed=False/GateFailed"), (0.1, 1, "Passed=False/CasesNotRun")]
    {
        let mut world = World::new();
        world.config.as_mut().unwrap().spec.gates = vec![gate(value)];
        world.running(lane(38, 2));
        world.summary(counts(38, 2, 0, not_run));
        let status = world.step().status;
        assert_eq!(ending(&status).1, expected);
        assert_eq!(status.gates.len(), 1);
    }
}

#[test]
fn every_other_ending_is_finished_and_not_passed() {
    type Change = fn(&mut World);
    let cases: [(Change, &str, JobPhase); 4] = [
        (|world| world.run.queue.as_mut().unwrap().phase = Phase::FinalizeFailed, "FinalizeFailed", JobPhase::Error),
        (
            |world| world.run.workers = Some(workers(0, Some(("Failed", "PodFailurePolicy", "exit code 2")))),
            "WorkersFailed",
            JobPhase::Error,
        ),
        (|world| world.now = at(86_400 + 3600), "DeadlineExceeded", JobPhase::Error),
        (
            |world| {
                world.job.spec.cancelled = true;
                world.run.frozen = None;
            },
            "Cancelled",
            JobPhase::Cancelled,
        ),
    ];
    for (change, reason, phase) in cases {
        let mut world = World::new();
        world.running(lane(5, 0));
        change(&mut world);
        let plan = world.step();
        let end = (format!("Finished=True/{reason}"), format!("Passed=False/{reason}"), phase);
        assert_eq!(ending(&plan.status), end);
        assert!(plan.status.completion_time.is_some());
    }
}

#[test]
fn cancel_and_deadline_reach_the_queue_once() {
    for change in
        [(|world: &mut World| world.job.spec.cancelled = true) as fn(&mut World), |world| world.now = at(86_400)]
    {
        let mut world = World::new();
        world.running(lane(5, 0));
        change(&mut world);
        assert_eq!(world.step().actions, [Action::Cancel]);
        world.run.queue.as_mut().unwrap().cancelled = true;
        assert_eq!(world.step().actions, []);
        world.summary(counts(5, 0, 0, 35));
        let (finished, passed, _) = ending(&world.step().status);
        let reason = if world.job.spec.cancelled { "Cancelled" } else { "DeadlineExceeded" };
        assert_eq!((finished, passed.as_str()), (format!("Finished=True/{reason}"), "Passed=False/CasesNotRun"));
    }
    let mut world = World::new();
    world.running(lane(5, 0));
    world.now = at(86_398);
    assert_eq!(world.plan().again, Some(Duration::from_secs(2)), "it looks again at the deadline");
}

#[test]
fn what_is_missing_has_a_reason_and_is_waited_for() {
    type Change = fn(&mut World);
    let cases: [(Change, &str); 7] = [
        (|world| world.config = None, "ConfigNotFound"),
        (|world| world.source = None, "SourceNotFound"),
        (|world| world.source.as_mut().unwrap().status = None, "SourceNotReady"),
        (|world| world.source.as_mut().unwrap().metadata.generation = Some(2), "SourceNotReady"),
        (|world| world.providers.clear(), "ProviderNotFound"),
        (|world| world.providers.get_mut("claude-provider").unwrap().status = None, "ProviderNotReady"),
        (
            |world| {
                world.run.trouble =
                    Some(Reported { reason: "NothingSelected".into(), message: "no scenario fits".into() });
            },
            "NothingSelected",
        ),
    ];
    for (change, reason) in cases {
        let mut world = World::new();
        change(&mut world);
        let plan = world.step();
        assert!(said(&plan.status.conditions).contains(&format!("Resolved=False/{reason}")), "{reason}");
        assert!(said(&plan.status.conditions).contains(&format!("Reconciling=True/{reason}")), "{reason}");
        let freezes = plan.actions.iter().any(|action| matches!(action, Action::Freeze(_)));
        assert_eq!(freezes, reason == "NothingSelected", "{reason}");
        let mended = World::new();
        (world.config, world.source, world.providers) = (mended.config, mended.source, mended.providers);
        assert!(matches!(world.plan().actions.last(), Some(Action::Freeze(_))), "{reason}: it goes on when mended");
    }
}

#[test]
fn lost_pieces_are_made_again() {
    let mut world = World::new();
    world.running(lane(5, 0));
    world.run.queue = None;
    assert_eq!(world.plan().actions, [Action::Enqueue]);
    world.running(lane(5, 0));
    world.run.workers = Some(workers(0, Some(("Complete", "", ""))));
    assert_eq!(world.plan().actions, [Action::DeleteWorkers], "pods said finished, the queue does not");
    world.run.workers = None;
    assert_eq!(world.plan().actions, [Action::CreateWorkers(4)]);
}

#[test]
fn suspend_holds_and_goes_on() {
    let mut world = World::new();
    world.job.spec.suspend = true;
    let plan = world.step();
    assert_eq!((plan.actions, plan.status.phase), (vec![], Some(JobPhase::Suspended)));
    world.running(lane(5, 0));
    assert_eq!(world.plan().actions, [Action::SuspendWorkers(true)]);
    world.run.workers.as_mut().unwrap().spec.as_mut().unwrap().suspend = Some(true);
    assert_eq!(world.plan().actions, []);
    world.job.spec.suspend = false;
    assert_eq!(world.plan().actions, [Action::SuspendWorkers(false)]);
}

#[test]
fn a_deleted_job_leaves_nothing_behind() {
    let mut world = World::new();
    world.running(lane(5, 0));
    world.job.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
    world.job.metadata.deletion_timestamp = serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap();
    assert_eq!(world.plan().actions, [Action::DeleteWorkers, Action::Release]);
    (world.run.workers, world.run.credentials, world.run.queue) = (None, false, None);
    assert_eq!(world.plan().actions, [Action::RemoveFinalizer]);
    world.job.metadata.finalizers = None;
    assert_eq!(world.plan().actions, []);
}

#[test]
fn the_object_goes_when_its_time_is_up() {
    let mut world = World::new();
    world.job.spec.ttl_seconds_after_finished = Some(100);
    world.running(lane(40, 0));
    world.summary(counts(40, 0, 0, 0));
    world.step();
    world.run = Default::default();
    world.now = at(40);
    let plan = world.plan();
    assert_eq!((plan.actions, plan.again), (vec![], Some(Duration::from_secs(60))));
    world.now = at(100);
    assert_eq!(world.plan().actions, [Action::DeleteJob]);
}

#[test]
fn pods_that_will_not_end_lose_their_credentials_after_the_grace() {
    let mut world = World::new();
    world.running(lane(40, 0));
    world.summary(counts(40, 0, 0, 0));
    world.step();
    world.now = at(3600);
    assert_eq!(world.plan().actions, [Action::DeleteWorkers, Action::Release]);
}

#[test]
fn a_run_without_credentials_says_why() {
    let mut world = World::new();
    world.running(lane(0, 0));
    world.run.credentials = false;
    let (reason, message) = ("ProviderNotFound".to_owned(), "it is gone".to_owned());
    world.run.trouble = Some(Reported { reason, message });
    let plan = world.step();
    assert_eq!(plan.actions, [Action::IssueCredentials]);
    assert_eq!(plan.status.phase, Some(JobPhase::Pending));
    assert!(said(&plan.status.conditions).contains(&"Ready=False/ProviderNotFound".to_owned()));
    world.run.credentials = true;
    assert_eq!(world.step().status.phase, Some(JobPhase::Running), "old trouble is over");
}
