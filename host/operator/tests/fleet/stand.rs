//! All peers of one operator, and the operator itself.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arena_artifact::{Claims, ClientSettings, Disk, Key, Name, ServerSettings, StoreClient, serve};
use arena_harness::{Change, ControlPlane, GitServer, HELM, Kubectl, Need, Redis, Repository, runs_here};
use arena_operator::{OperatorError, PodSettings, Settings, run};
use arena_queue::RedisOptions;
use arena_source::{FetchChild, FetchLimits, Fetcher, Mirror};
use kube::config::{KubeConfigOptions, Kubeconfig};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::freezer::PlanOnly;

/// Longest wait for anything.
pub const LONG: Duration = Duration::from_secs(120);
const HEAD: &str = "apiVersion: promptkit.altairalabs.ai/v1alpha1\n";

pub struct Stand {
    pub plane: ControlPlane,
    pub redis: Redis,
    pub git: GitServer,
    pub prompts: Repository,
    pub store: SocketAddr,
    pub scratch: TempDir,
    store_task: JoinHandle<()>,
}

/// A running operator.
pub struct Operator {
    stop: Option<oneshot::Sender<()>>,
    pub task: JoinHandle<Result<(), OperatorError>>,
}

impl Operator {
    pub async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        tokio::time::timeout(LONG, self.task).await.unwrap().unwrap().unwrap();
    }
}

pub fn key() -> Key {
    Key::new(&[7; 32]).unwrap()
}

/// None where the machine lacks a peer.
pub async fn stand(test: &str) -> Option<Stand> {
    stand_with(test, &[]).await
}

/// With more values of the chart, whose rights the operator has, and no others.
pub async fn stand_with(test: &str, values: &[&str]) -> Option<Stand> {
    if !runs_here(test, &[Need::ControlPlane, Need::Redis, Need::Git, Need::Charts]).unwrap() {
        return None;
    }
    // Another test may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let _ = tracing_subscriber::fmt().with_test_writer().with_env_filter("warn,arena_operator=debug").try_init();
    let (plane, redis, git) = tokio::join!(ControlPlane::start(), Redis::start(), GitServer::start());
    let (plane, redis, git) = (plane.unwrap(), redis.unwrap(), git.unwrap());
    let crds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crd/generated");
    plane.kubectl().run(&["apply", "-f", crds.to_str().unwrap()]).await.unwrap();
    plane.kubectl().run(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]).await.unwrap();
    plane.kubectl().apply(&rights(values)).await.unwrap();
    let prompts = git.create("acme/prompts").await.unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let store = listener.local_addr().unwrap();
    let disk = Disk::open(&scratch.path().join("store")).unwrap();
    let served = async move { serve(listener, disk, key(), ServerSettings::default(), std::future::pending()).await };
    let store_task = tokio::spawn(served);
    Some(Stand { plane, redis, git, prompts, store, scratch, store_task })
}

/// Service account and roles as the chart has them.
fn rights(values: &[&str]) -> String {
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charts/arena-fleet");
    let mut command = std::process::Command::new(HELM.find().unwrap());
    command.args(["template", "fleet"]).arg(chart).args(["--namespace", "default", "--kube-version", "1.34.0"]);
    command.args(["--show-only", "templates/operator/rbac.yaml", "--set", "watchNamespaces={default}"]);
    let output = command.args(values).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The chart's service account of the operator.
const ACCOUNT: &str = "system:serviceaccount:default:fleet-arena-fleet-operator";
/// Name of its Lease.
pub const LEASE: &str = "fleet-arena-fleet-operator";

impl Drop for Stand {
    fn drop(&mut self) {
        self.store_task.abort();
    }
}

impl Stand {
    pub fn kubectl(&self) -> &Kubectl {
        self.plane.kubectl()
    }

    pub fn settings(&self) -> Settings {
        Settings {
            namespaces: vec!["default".to_owned()],
            store_url: format!("http://{}", self.store),
            store_key: key(),
            redis: RedisOptions::new(self.redis.url()),
            redis_worker_url: format!("redis://{}", self.redis.address()),
            lease: None,
            listen: None,
            token_grace: Duration::from_secs(3600),
            pod: PodSettings {
                image: "arena:test".to_owned(),
                image_pull_policy: "Never".to_owned(),
                image_pull_secrets: Vec::new(),
                resources: Default::default(),
                network: Default::default(),
            },
            scratch: self.scratch.path().to_owned(),
            queue_lease: Duration::from_secs(30),
        }
    }

    pub async fn start(&self) -> Operator {
        self.start_with(self.settings()).await
    }

    pub async fn start_with(&self, settings: Settings) -> Operator {
        let kubeconfig = Kubeconfig::read_from(self.plane.access().kubeconfig()).unwrap();
        let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        config.auth_info.impersonate = Some(ACCOUNT.to_owned());
        let client = kube::Client::try_from(config).unwrap();
        let mirror = Mirror { from: "https://github.com/".to_owned(), to: format!("{}/", self.git.url()) };
        let child = FetchChild { program: child_path(), arguments: Vec::new() };
        let fetcher = Fetcher::new(arena_source::Settings {
            child,
            children: 2,
            limits: FetchLimits::default(),
            mirrors: vec![mirror],
            folder: self.scratch.path().to_owned(),
        });
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async move { drop(stopped.await) };
        let task = tokio::spawn(run(client, settings, Arc::new(fetcher), Arc::new(PlanOnly), stopped));
        Operator { stop: Some(stop), task }
    }

    /// Commits a bundle of so many scenarios and gives the commit.
    pub async fn push(&self, scenarios: usize) -> String {
        self.prompts.commit("main", "a bundle", &bundle(scenarios)).await.unwrap()
    }

    /// The mission's objects, as they stand in its document.
    pub async fn apply_mission(&self) {
        for file in ["source.yaml", "config.yaml", "job.yaml"] {
            self.apply_example(file).await;
        }
    }

    pub async fn apply_example(&self, file: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/cluster").join(file);
        self.kubectl().run(&["apply", "-f", path.to_str().unwrap()]).await.unwrap();
    }

    /// A Provider with a key.
    pub async fn apply_provider(&self) {
        self.kubectl().run(&["create", "secret", "generic", "anthropic", "--from-literal=api-key=k1"]).await.unwrap();
        self.apply_example("provider.yaml").await;
    }

    /// Waits until a jsonpath of an object has a text.
    pub async fn until(&self, object: &str, path: &str, text: &str) -> String {
        let path = format!("jsonpath={{{path}}}");
        let output = self.kubectl().until(&["get", object, "-o", &path], LONG, |found| found.contains(text)).await;
        match output {
            Ok(output) => output,
            Err(error) => panic!("{error}\n{}", self.kubectl().run(&["get", object, "-o", "yaml"]).await.unwrap()),
        }
    }

    /// Waits until a condition has a reason.
    pub async fn condition(&self, object: &str, kind: &str, reason: &str) {
        self.until(object, &format!(".status.conditions[?(@.type==\"{kind}\")].reason"), reason).await;
    }

    pub async fn get(&self, object: &str, path: &str) -> String {
        self.kubectl().run(&["get", object, "-o", &format!("jsonpath={{{path}}}")]).await.unwrap()
    }

    pub async fn gone(&self, object: &str) {
        self.kubectl().until(&["get", object, "--ignore-not-found", "-o", "name"], LONG, str::is_empty).await.unwrap();
    }

    /// Everything of a path in the store.
    pub async fn stored(&self, path: &str) -> Option<Vec<u8>> {
        let claims = Claims {
            v: 1,
            namespace: None,
            job: None,
            read: vec![],
            results: false,
            read_only: false,
            expires: u64::MAX,
        };
        let url = format!("http://{}", self.store);
        let client = StoreClient::new(&url, key().mint(&claims).unwrap(), ClientSettings::default()).unwrap();
        client.get(&Name::parse(path).unwrap(), 1 << 24).await.unwrap()
    }
}

fn child_path() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join("examples/operator_fetch_child");
    assert!(path.exists(), "{} is missing; cargo test -p arena-operator --examples builds it", path.display());
    path
}

/// Files of a bundle whose own provider would call a server.
pub fn bundle(scenarios: usize) -> Vec<Change> {
    let write = |path: String, text: String| Change::Write(path, text.into_bytes());
    let files: Vec<String> = (0..scenarios).map(|at| format!("{{file: s{at}.yaml}}")).collect();
    let mut changes = vec![
        Change::DeleteAll,
        write(
            "config.arena.yaml".into(),
            format!(
                "{HEAD}kind: Arena\nmetadata: {{name: shop}}\nspec:\n  prompt_configs: [{{id: support, file: p.yaml}}]\n  \
                 providers: [{{file: own.yaml}}]\n  scenarios: [{}]\n  defaults: {{}}\n",
                files.join(", ")
            ),
        ),
        write(
            "p.yaml".into(),
            format!(
                "{HEAD}kind: PromptConfig\nmetadata: {{name: support}}\n\
                 spec: {{task_type: support, version: v1.0.0, description: d, system_template: help}}\n"
            ),
        ),
        write(
            "own.yaml".into(),
            format!("{HEAD}kind: Provider\nmetadata: {{name: own}}\nspec: {{id: own, type: openai, model: m}}\n"),
        ),
    ];
    changes.extend((0..scenarios).map(|at| {
        let text = format!(
            "{HEAD}kind: Scenario\nmetadata: {{name: s{at}}}\nspec: {{id: s{at}, task_type: support, description: d, \
             turns: [{{role: user, content: hi}}]}}\n"
        );
        write(format!("s{at}.yaml"), text)
    }));
    changes
}
