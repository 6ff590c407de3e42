//! Runs from the user's YAML to their results.

use arena_queue::{Queue as _, QueueError, RedisOptions, RedisQueue};

use crate::stand::{stand, stand_with};
use crate::worker::Worker;

const JOB: &str = "arenajob/evaluation-run-001";
const NAME: &str = "evaluation-run-001";

#[tokio::test(flavor = "multi_thread")]
async fn the_mission_runs_to_its_end_and_leaves_its_results() {
    // The operator may get this one Secret, and not even those that it makes.
    let named = ["--set", "rbac.secretNames={anthropic}"];
    let Some(stand) = stand_with("operator: mission", &named).await else { return };
    let commit = stand.push(3).await;
    let operator = stand.start().await;
    stand.apply_mission().await;
    stand.condition("arenaconfig/evaluation-config", "Ready", "ProviderNotFound").await;
    stand.condition(JOB, "Resolved", "ProviderNotFound").await;
    stand.apply_provider().await;
    stand.until(JOB, ".status.phase", "Running").await;
    let revision = stand.get("arenasource/my-prompts", ".status.artifact.revision").await;
    assert_eq!(revision, format!("main@sha1:{commit}"));
    stand.condition("arenasource/my-prompts", "Ready", "Fetched").await;
    stand.condition("arenaconfig/evaluation-config", "Ready", "Resolved").await;

    stand.until(&format!("job/{NAME}-worker"), ".metadata.ownerReferences[0].name", NAME).await;
    let uid = stand.get(JOB, ".metadata.uid").await;
    for object in [format!("job/{NAME}-worker"), format!("secret/{NAME}-worker")] {
        assert_eq!(stand.get(&object, ".metadata.ownerReferences[0].uid").await, uid);
    }
    assert_eq!(stand.get(&format!("job/{NAME}-worker"), ".spec.parallelism").await, "4");
    let worker = Worker::new(&stand, NAME).await;
    assert_eq!(worker.keys["provider-claude-provider"], b"k1");
    assert_eq!(worker.manifest.work.plan.cases, 3);
    // Where a vendor without an address is called is the engine's to know.
    assert!(!worker.manifest.origin.endpoints.contains_key("claude-provider"));
    assert_eq!(worker.ticket.endpoints["claude-provider"].credential_file.as_deref(), Some("provider-claude-provider"));

    // A new process goes on where the old one was, though its memory is gone.
    operator.stop().await;
    let operator = stand.start().await;
    let digest = worker.work(0).await;
    stand.until(JOB, ".status.phase", "Passed").await;
    assert_eq!(stand.get(JOB, ".status.conditions[?(@.type==\"Finished\")].status").await, "True");
    assert_eq!(stand.get(JOB, ".status.conditions[?(@.type==\"Passed\")].reason").await, "AllPassed");
    assert_eq!(stand.get(JOB, ".status.cases.passed").await, "3");
    assert_eq!(stand.get(JOB, ".status.passRate").await, "100.00%");
    assert_eq!(stand.get(JOB, ".status.source.revision").await, revision);
    assert_eq!(stand.get(JOB, ".status.workDigest").await, worker.manifest.work_digest.as_str());
    assert_eq!(stand.get(JOB, ".status.result.digest").await, digest.as_str());
    let url = stand.get(JOB, ".status.result.url").await;
    assert_eq!(url, format!("http://{}/v1/default/results/{uid}/", stand.store));
    let events = stand.kubectl().until(&["get", "events"], crate::stand::LONG, |text| text.contains("AllPassed")).await;
    assert!(events.unwrap().contains("ProviderNotFound"));

    // Nobody uses the credentials any more.
    stand.gone(&format!("secret/{NAME}-worker")).await;
    let (queue, id) = worker.queue();
    assert!(matches!(queue.snapshot(&id).await, Err(QueueError::Refused { .. })));
    let admin = RedisQueue::new(RedisOptions::new(stand.redis.url())).unwrap();
    assert!(matches!(admin.snapshot(&id).await, Err(QueueError::Rebuild { .. })));
    stand.kubectl().run(&["delete", JOB, "--timeout=60s"]).await.unwrap();
    assert!(stand.stored(&format!("default/results/{uid}/summary.json")).await.is_some());
    assert!(stand.stored(&format!("default/pins/job.{uid}")).await.is_none());
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_run_leaves_nothing_but_results_and_a_failed_check_is_no_success() {
    let Some(stand) = stand("operator: delete").await else { return };
    stand.push(3).await;
    let operator = stand.start().await;
    stand.apply_provider().await;
    stand.apply_mission().await;
    stand.until(JOB, ".status.phase", "Running").await;
    stand.until(&format!("job/{NAME}-worker"), ".metadata.name", NAME).await;
    let worker = Worker::new(&stand, NAME).await;
    let (queue, id) = worker.queue();
    queue.snapshot(&id).await.unwrap();
    stand.kubectl().run(&["delete", JOB, "--timeout=60s"]).await.unwrap();
    for object in ["job", "secret"] {
        stand.gone(&format!("{object}/{NAME}-worker")).await;
    }
    assert!(matches!(queue.snapshot(&id).await, Err(QueueError::Refused { .. })));
    let admin = RedisQueue::new(RedisOptions::new(stand.redis.url())).unwrap();
    assert!(matches!(admin.snapshot(&id).await, Err(QueueError::Rebuild { .. })));

    stand.apply_example("job.yaml").await;
    stand.until(JOB, ".status.phase", "Running").await;
    stand.until(&format!("job/{NAME}-worker"), ".metadata.name", NAME).await;
    Worker::new(&stand, NAME).await.work(1).await;
    stand.until(JOB, ".status.phase", "Failed").await;
    assert_eq!(stand.get(JOB, ".status.conditions[?(@.type==\"Passed\")].status").await, "False");
    assert_eq!(stand.get(JOB, ".status.conditions[?(@.type==\"Finished\")].reason").await, "Completed");
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_lost_its_users_gets_them_back() {
    let Some(mut stand) = stand("operator: redis").await else { return };
    stand.push(2).await;
    let operator = stand.start().await;
    stand.apply_provider().await;
    stand.apply_mission().await;
    // The status has seen the queue's job, so a later loss is one.
    stand.until(JOB, ".status.cases.planned", "2").await;
    stand.until(&format!("job/{NAME}-worker"), ".metadata.name", NAME).await;
    let worker = Worker::new(&stand, NAME).await;
    stand.redis.restart_without_data().await.unwrap();
    let (queue, id) = worker.queue();
    let mut answer = queue.snapshot(&id).await;
    while matches!(answer, Err(QueueError::Refused { .. })) {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        answer = queue.snapshot(&id).await;
    }
    assert!(
        matches!(answer, Err(QueueError::Rebuild { .. })),
        "the workers put it right, not the operator: {answer:?}"
    );
    operator.stop().await;
}

const JUDGE_ALONE: &str = "
apiVersion: omnia.altairalabs.ai/v1alpha1
kind: ArenaConfig
metadata: {name: evaluation-config}
spec:
  sourceRef: {name: my-prompts}
  providers: [{name: judge, group: judges, providerRef: {name: claude-provider}}]
";

#[tokio::test(flavor = "multi_thread")]
async fn an_unbound_provider_is_refused_and_a_cancelled_run_ends() {
    let Some(stand) = stand("operator: unmapped").await else { return };
    stand.push(3).await;
    let operator = stand.start().await;
    stand.apply_provider().await;
    stand.apply_example("source.yaml").await;
    stand.kubectl().apply(JUDGE_ALONE).await.unwrap();
    stand.apply_example("job.yaml").await;
    stand.condition(JOB, "Resolved", "ProviderUnmapped").await;
    stand.kubectl().run(&["delete", "arenaconfig/evaluation-config"]).await.unwrap();
    stand.condition(JOB, "Resolved", "ConfigNotFound").await;
    stand.apply_example("config.yaml").await;
    stand.until(JOB, ".status.phase", "Running").await;
    stand.until(&format!("job/{NAME}-worker"), ".metadata.name", NAME).await;

    let worker = Worker::new(&stand, NAME).await;
    let (queue, id) = worker.queue();
    let suspend = |value: bool| format!("{{\"spec\":{{\"suspend\":{value}}}}}");
    stand.kubectl().run(&["patch", JOB, "--type=merge", "-p", &suspend(true)]).await.unwrap();
    stand.until(&format!("job/{NAME}-worker"), ".spec.suspend", "true").await;
    stand.kubectl().run(&["patch", JOB, "--type=merge", "-p", &suspend(false)]).await.unwrap();
    stand.until(&format!("job/{NAME}-worker"), ".spec.suspend", "false").await;
    stand.kubectl().run(&["patch", JOB, "--type=merge", "-p", r#"{"spec":{"cancelled":true}}"#]).await.unwrap();
    stand.until(JOB, ".status.cases.notRun", "3").await;
    assert!(queue.snapshot(&id).await.unwrap().cancelled);
    worker.work(0).await;
    stand.until(JOB, ".status.phase", "Cancelled").await;
    operator.stop().await;
}
