//! The whole cluster: pods run, are limited, find each other by name and pull from the registry; nothing is left.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use arena_harness::{BUSYBOX, Cluster, ImageBuilder, ImageContent, Need, runs_here};

const LIMIT: Duration = Duration::from_secs(120);

/// A pod as Pod Security "restricted" wants it.
fn pod(name: &str, image: &str, script: &str) -> String {
    format!(
        r#"
apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{app: {name}}}}}
spec:
  restartPolicy: Never
  securityContext: {{runAsNonRoot: true, runAsUser: 65532, seccompProfile: {{type: RuntimeDefault}}}}
  containers:
  - name: main
    image: {image}
    imagePullPolicy: IfNotPresent
    command: ["sh", "-c", {script:?}]
    resources: {{limits: {{cpu: 500m, memory: 32Mi}}}}
    securityContext: {{allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {{drop: [ALL]}}}}
"#
    )
}

const SERVICE: &str = r#"
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
"#;

async fn phase(cluster: &Cluster, pod: &str, phase: &str) {
    let arguments = ["get", "pod", pod, "-o", "jsonpath={.status.phase}"];
    if let Err(error) = cluster.kubectl().until(&arguments, LIMIT, |now| now == phase).await {
        let seen = cluster.kubectl().run(&["describe", "pod", pod]).await.unwrap();
        panic!("{error}\n{seen}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_runs_pods_and_leaves_nothing() {
    if !runs_here("cluster", &[Need::Node]).unwrap() {
        return;
    }
    if std::env::var_os(OWNER).is_some() {
        let cluster = Cluster::up().await.unwrap();
        println!("\nup {}", cluster.logs().display());
        return std::future::pending().await;
    }
    let settings = kernel_settings();
    let killed = kill_an_owner();
    let cluster = Cluster::up().await.unwrap();
    let killed = traces(&killed).into_iter().filter(|trace| trace.contains(&killed.display().to_string()));
    assert_eq!(killed.collect::<Vec<_>>(), Vec::<String>::new());
    let kubectl = cluster.kubectl();
    kubectl.run(&["label", "namespace", "default", "pod-security.kubernetes.io/enforce=restricted"]).await.unwrap();

    // A server of this test, which pods reach at the machine's address.
    let vendor = tokio::net::TcpListener::bind((cluster.host_address(), 0)).await.unwrap();
    let port = vendor.local_addr().unwrap().port();
    let host = cluster.host_address();

    kubectl
        .apply(&pod("web", BUSYBOX, "echo served >/dev/shm/index.html; httpd -f -p 8080 -h /dev/shm"))
        .await
        .unwrap();
    kubectl.apply(SERVICE).await.unwrap();
    kubectl.run(&["wait", "--for=condition=Ready", "pod/web", "--timeout=120s"]).await.unwrap();
    let script = format!(
        "id -u; until wget -q -O - http://web/; do sleep 0.2; done; nc {host} {port} </dev/null && echo reached"
    );
    kubectl.apply(&pod("client", BUSYBOX, &script)).await.unwrap();
    tokio::time::timeout(LIMIT, vendor.accept()).await.unwrap().unwrap();
    phase(&cluster, "client", "Succeeded").await;
    assert_eq!(kubectl.run(&["logs", "client"]).await.unwrap(), "65532\nserved\nreached\n");

    kubectl.apply(&pod("greedy", BUSYBOX, "tail /dev/zero")).await.unwrap();
    phase(&cluster, "greedy", "Failed").await;
    let why = "jsonpath={.status.containerStatuses[0].state.terminated.reason}";
    assert_eq!(kubectl.run(&["get", "pod", "greedy", "-o", why]).await.unwrap(), "OOMKilled");

    let builder = ImageBuilder::new().unwrap();
    let content = ImageContent {
        files: &[(Path::new("/bin/busybox"), "/bin/sh")],
        entrypoint: &["/bin/sh"],
        user: "1:1",
        labels: &[],
    };
    builder.build("pulled:1", content).await.unwrap();
    let digest = builder.push("pulled:1", &format!("{}/test/pulled:1", cluster.registry())).await.unwrap();
    let image = format!("{}/test/pulled@{digest}", cluster.registry());
    kubectl.apply(&pod("pulled", &image, "echo by digest")).await.unwrap();
    phase(&cluster, "pulled", "Succeeded").await;
    assert_eq!(kubectl.run(&["logs", "pulled"]).await.unwrap(), "by digest\n");

    let folder = cluster.logs().to_owned();
    drop(cluster);
    assert_eq!(traces(&folder), Vec::<String>::new());
    assert_eq!(kernel_settings(), settings);
}

/// Set in the process that `kill_an_owner` starts: the same test, which only has a cluster.
const OWNER: &str = "ARENA_TEST_OWNER";

/// A process that has a cluster is killed; gives the cluster's folder.
fn kill_an_owner() -> PathBuf {
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_cluster_runs_pods_and_leaves_nothing", "--nocapture"])
        .env(OWNER, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines().map(Result::unwrap);
    let folder = lines.find_map(|line| line.strip_prefix("up ").map(PathBuf::from)).unwrap();
    owner.kill().unwrap();
    owner.wait().unwrap();
    folder
}

/// What the kubelet sets for the whole machine.
fn kernel_settings() -> Vec<String> {
    let names = ["vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops"];
    names.map(|name| std::fs::read_to_string(Path::new("/proc/sys").join(name)).unwrap()).to_vec()
}

/// What a cluster would have left.
fn traces(folder: &Path) -> Vec<String> {
    let folder = folder.display().to_string();
    let mut traces = Vec::new();
    let text = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let links = text("ip", &["link"]) + &text("ip", &["route"]);
    traces.extend(mounts.lines().filter(|line| line.contains(&folder)).map(str::to_owned));
    traces
        .extend(links.lines().filter(|line| line.contains("arena0") || line.contains("10.255.0.")).map(str::to_owned));
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        traces.extend(line.contains(&folder).then_some(line));
    }
    for hierarchy in std::fs::read_dir("/sys/fs/cgroup").unwrap().flatten() {
        let group = hierarchy.path().join("arena-node");
        traces.extend(group.exists().then(|| group.display().to_string()));
    }
    traces.extend(Path::new(&folder).exists().then_some(folder));
    traces
}
