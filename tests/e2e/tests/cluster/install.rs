//! `helm install` on a real node.

use arena_harness::{Need, runs_here};

use crate::fleet::{Fleet, NAMESPACE};

const PARTS: [&str; 3] = [
    "statefulset/fleet-arena-fleet-redis",
    "statefulset/fleet-arena-fleet-store",
    "deployment/fleet-arena-fleet-operator",
];
/// Asks for what the installation made up.
const KEYS: [&str; 6] =
    ["get", "secrets", "fleet-arena-fleet-redis", "fleet-arena-fleet-store-key", "-o", "jsonpath={.items[*].data}"];

/// The program in a pod that may do nothing but run it.
fn pod(image: &str) -> String {
    format!(
        r#"
apiVersion: v1
kind: Pod
metadata: {{name: version, namespace: {NAMESPACE}}}
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  securityContext: {{runAsNonRoot: true, seccompProfile: {{type: RuntimeDefault}}}}
  containers:
  - name: main
    image: {image}
    args: ["--version"]
    resources: {{limits: {{cpu: 500m, memory: 64Mi}}}}
    securityContext: {{allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {{drop: [ALL]}}}}
"#
    )
}

/// A bundle in a ConfigMap, and one run of it without a key.
const RUN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/first-run.yaml");

/// Two bundles whose cases are rows, one with its table, one without, and a source of tables.
const TABLES: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: own-table}
data:
  config.arena.yaml: |
    {"apiVersion": "promptkit.altairalabs.ai/v1alpha1", "kind": "Arena", "metadata": {"name": "own"}, "spec": {
      "prompt_specs": {"p": {"task_type": "p", "version": "1", "description": "d", "system_template": "You help."}},
      "provider_specs": {"m": {"type": "mock", "model": "m", "additional_config": {"mock_config": "answers.yaml"}}},
      "scenario_specs": {"s": {"task_type": "p", "description": "d", "dataset": {"path": "t.csv", "id": "q"},
        "turns": [{"role": "user", "content": "{{row.q}}", "assertions": [
          {"type": "contains", "params": {"patterns": ["{{row.expected}}"]}}]}]}},
      "providers": [], "defaults": {}}}
  answers.yaml: "defaultResponse: It is so."
  t.csv: "q,expected\na,so\nb,so\n"
---
apiVersion: v1
kind: ConfigMap
metadata: {name: other-table}
data:
  config.arena.yaml: |
    {"apiVersion": "promptkit.altairalabs.ai/v1alpha1", "kind": "Arena", "metadata": {"name": "other"}, "spec": {
      "prompt_specs": {"p": {"task_type": "p", "version": "1", "description": "d", "system_template": "You help."}},
      "provider_specs": {"m": {"type": "mock", "model": "m", "additional_config": {"mock_config": "answers.yaml"}}},
      "scenario_specs": {"s": {"task_type": "p", "description": "d", "dataset": {"id": "q", "split": "test"},
        "turns": [{"role": "user", "content": "{{row.q}}", "assertions": [
          {"type": "contains", "params": {"patterns": ["{{row.expected}}"]}}]}]}},
      "providers": [], "defaults": {}}}
  answers.yaml: "defaultResponse: It is so."
---
apiVersion: v1
kind: ConfigMap
metadata: {name: tables}
data:
  t.csv: "q,expected,split\na,so,test\nb,so,test\nc,no,train\nd,so,test\n"
---
apiVersion: omnia.altairalabs.ai/v1alpha1
kind: ArenaSource
metadata: {name: own-table}
spec: {type: configmap, configMap: {name: own-table}}
---
apiVersion: omnia.altairalabs.ai/v1alpha1
kind: ArenaSource
metadata: {name: other-table}
spec: {type: configmap, configMap: {name: other-table}}
---
apiVersion: omnia.altairalabs.ai/v1alpha1
kind: ArenaSource
metadata: {name: tables}
spec: {type: configmap, contents: dataset, configMap: {name: tables}}
---
apiVersion: omnia.altairalabs.ai/v1alpha1
kind: ArenaConfig
metadata: {name: own-table}
spec: {sourceRef: {name: own-table}}
---
apiVersion: omnia.altairalabs.ai/v1alpha1
kind: ArenaConfig
metadata: {name: other-table}
spec: {sourceRef: {name: other-table}, dataset: {sourceRef: {name: tables}, path: t.csv}}
---
apiVersion: omnia.altairalabs.ai/v1alpha1
kind: ArenaJob
metadata: {name: own-table}
spec: {configRef: {name: own-table}}
---
apiVersion: omnia.altairalabs.ai/v1alpha1
kind: ArenaJob
metadata: {name: other-table}
spec: {configRef: {name: other-table}}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_chart_s_parts_run_a_job_and_an_upgrade_keeps_their_keys() {
    if !runs_here("helm install", &[Need::Node, Need::Images, Need::Charts]).unwrap() {
        return;
    }
    let fleet = Fleet::install().await;

    // Whom it runs as stands in the image.
    fleet.cluster.kubectl().apply(&pod(&fleet.image.to_string())).await.unwrap();
    fleet.until(&["get", "pod", "version", "-o", "jsonpath={.status.phase}"], "Succeeded").await;
    let said = fleet.kubectl(&["logs", "version"]).await.unwrap();
    assert_eq!(said, format!("arena {}\n", env!("CARGO_PKG_VERSION")));

    for part in PARTS {
        fleet.ready(part).await;
    }

    fleet.kubectl(&["apply", "-f", RUN]).await.unwrap();
    let passed = "jsonpath={.status.conditions[?(@.type=='Passed')].status} {.status.cases.passed}";
    fleet.until(&["get", "arenajob", "first-run", "-o", passed], "True 1").await;

    // A table in the bundle, and one in a source of its own.
    let here = TABLES.replace("metadata: {", &format!("metadata: {{namespace: {NAMESPACE}, "));
    fleet.cluster.kubectl().apply(&here).await.unwrap();
    for (job, cases) in [("own-table", "True 2"), ("other-table", "True 3")] {
        fleet.until(&["get", "arenajob", job, "-o", passed], cases).await;
    }

    let keys = fleet.kubectl(&KEYS).await.unwrap();
    assert!(keys.contains("users.conf"), "{keys}");
    fleet.upgrade("operator.log=debug,store.log=debug,redis.podAnnotations.again=yes");
    for part in PARTS {
        fleet.ready(part).await;
    }
    assert_eq!(fleet.kubectl(&KEYS).await.unwrap(), keys);

    fleet.uninstall();
    fleet.until(&["get", "pods", "-o", "name", "--selector=app.kubernetes.io/name=arena-fleet"], "").await;
    let claims = fleet.kubectl(&["get", "persistentvolumeclaims", "-o", "name"]).await.unwrap();
    assert_eq!(claims.lines().count(), 2, "{claims}");
}
