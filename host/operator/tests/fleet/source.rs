//! Places that are away, bundles that are broken, references to nothing, and pushes.

use arena_harness::{Change, GitFault};

use crate::stand::{LONG, stand};
use crate::worker::Worker;

const SOURCE: &str = "arenasource/my-prompts";
const JOB: &str = "arenajob/evaluation-run-001";

const STANDING: &str = "
apiVersion: omnia.altairalabs.ai/v1alpha1
kind: ArenaJob
metadata: {name: standing}
spec: {configRef: {name: evaluation-config}, trigger: {onSourceChange: true}}
";

const CONFIG_MAP: &str = "
apiVersion: omnia.altairalabs.ai/v1alpha1
kind: ArenaSource
metadata: {name: from-map}
spec: {type: configmap, interval: 5s, configMap: {name: prompts}}
";

#[tokio::test(flavor = "multi_thread")]
async fn each_trouble_has_its_reason_and_passes_when_mended() {
    let Some(stand) = stand("operator: troubles").await else { return };
    stand.push(1).await;
    let operator = stand.start().await;
    stand.git.set_fault(GitFault::Unreachable).await.unwrap();
    stand.apply_example("job.yaml").await;
    stand.condition(JOB, "Ready", "ConfigNotFound").await;
    stand.apply_example("provider.yaml").await;
    stand.condition("provider/claude-provider", "Ready", "SecretNotFound").await;
    stand.apply_example("config.yaml").await;
    stand.condition(JOB, "Ready", "SourceNotFound").await;
    stand.apply_example("source.yaml").await;
    stand.condition(SOURCE, "FetchFailed", "RemoteUnreachable").await;
    stand.condition(JOB, "Ready", "SourceNotReady").await;
    stand.git.set_fault(GitFault::None).await.unwrap();
    stand.condition(SOURCE, "Ready", "Fetched").await;
    stand.condition(JOB, "Ready", "ProviderNotReady").await;
    stand.kubectl().run(&["create", "secret", "generic", "anthropic", "--from-literal=api-key=k1"]).await.unwrap();
    stand.condition(JOB, "Resolved", "Frozen").await;

    // A broken bundle does not take the place of a good one.
    let good = stand.get(SOURCE, ".status.artifact.revision").await;
    let broken = [Change::Write("config.arena.yaml".into(), b"kind: Nothing".to_vec())];
    stand.prompts.commit("main", "broken", &broken).await.unwrap();
    poke(&stand, SOURCE, "1").await;
    stand.condition(SOURCE, "FetchFailed", "BundleInvalid").await;
    assert_eq!(stand.get(SOURCE, ".status.artifact.revision").await, good);
    let mended = stand.push(2).await;
    poke(&stand, SOURCE, "2").await;
    stand.until(SOURCE, ".status.artifact.revision", &mended).await;
    stand.condition(SOURCE, "Ready", "Fetched").await;
    operator.stop().await;
}

async fn poke(stand: &crate::stand::Stand, object: &str, value: &str) {
    let annotation = format!("reconcile.arena.altairalabs.ai/requestedAt={value}");
    stand.kubectl().run(&["annotate", "--overwrite", object, &annotation]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_starts_a_run_of_a_standing_job() {
    let Some(stand) = stand("operator: push").await else { return };
    let first = stand.push(1).await;
    let operator = stand.start().await;
    stand.apply_provider().await;
    stand.apply_example("source.yaml").await;
    stand.apply_example("config.yaml").await;
    stand.kubectl().apply(STANDING).await.unwrap();
    let child = stand.until("arenajob/standing", ".status.lastJob", "standing-").await;
    stand.until(&format!("arenajob/{child}"), ".status.source.revision", &first).await;
    stand.until(&format!("job/{child}-worker"), ".metadata.name", &child).await;
    Worker::new(&stand, &child).await.work(0).await;
    stand.until(&format!("arenajob/{child}"), ".status.phase", "Passed").await;

    let second = stand.push(2).await;
    poke(&stand, SOURCE, "1").await;
    stand.until(SOURCE, ".status.artifact.revision", &second).await;
    stand
        .kubectl()
        .until(&["get", "arenajobs", "-o", "jsonpath={.items[*].status.source.revision}"], LONG, |text| {
            text.contains(&first) && text.matches(&second).count() == 2
        })
        .await
        .unwrap();
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_config_map_is_a_bundle() {
    let Some(stand) = stand("operator: config map").await else { return };
    let operator = stand.start().await;
    stand.kubectl().apply(CONFIG_MAP).await.unwrap();
    stand.condition("arenasource/from-map", "Ready", "ConfigMapNotFound").await;
    let folder = tempfile::tempdir().unwrap();
    for change in crate::stand::bundle(1) {
        if let Change::Write(path, bytes) = change {
            std::fs::write(folder.path().join(path), bytes).unwrap();
        }
    }
    let from = format!("--from-file={}", folder.path().display());
    stand.kubectl().run(&["create", "configmap", "prompts", &from]).await.unwrap();
    stand.condition("arenasource/from-map", "Ready", "Fetched").await;
    let version = stand.get("configmap/prompts", ".metadata.resourceVersion").await;
    assert_eq!(stand.get("arenasource/from-map", ".status.artifact.revision").await, version);
    operator.stop().await;
}
