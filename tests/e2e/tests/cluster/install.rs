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
