//! The chart, installed on a cluster of its own.

use std::process::Command;
use std::time::Duration;

use arena_e2e::program;
use arena_harness::{Cluster, HELM, HarnessError, ImageBuilder, PROGRAM_IMAGE, PushedImage, build_redis_image};
use tempfile::TempDir;

/// Where it is installed; Pod Security "restricted" is enforced there.
pub const NAMESPACE: &str = "arena";
const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../charts/arena-fleet");
/// Longest wait for one answer.
const LIMIT: Duration = Duration::from_secs(300);

/// A release named `fleet` with its operator, store and Redis.
pub struct Fleet {
    /// Where it runs.
    pub cluster: Cluster,
    /// The program's image, in the cluster's registry.
    pub image: PushedImage,
    home: TempDir,
}

impl Fleet {
    /// Installs it with this checkout's program; it may not be ready yet.
    pub async fn install() -> Self {
        let cluster = Cluster::up().await.unwrap();
        let redis = build_redis_image(&cluster.registry()).await.unwrap();
        let image = push(&cluster.registry()).await;
        for claim in ["store", "redis"] {
            cluster.volume(claim).await.unwrap();
        }
        let kubectl = cluster.kubectl();
        kubectl.run(&["create", "namespace", NAMESPACE]).await.unwrap();
        let restricted = "pod-security.kubernetes.io/enforce=restricted";
        kubectl.run(&["label", "namespace", NAMESPACE, restricted]).await.unwrap();
        let fleet = Self { cluster, image, home: tempfile::tempdir().unwrap() };
        let values = format!(
            "image.repository={},image.digest={},redis.image.repository={},redis.image.digest={}",
            fleet.image.repository, fleet.image.digest, redis.repository, redis.digest
        );
        fleet.helm(&["install", "fleet", CHART, "--set", &values]);
        fleet
    }

    /// Changes values of the release.
    pub fn upgrade(&self, values: &str) {
        self.helm(&["upgrade", "fleet", CHART, "--reuse-values", "--set", values]);
    }

    /// Takes it away.
    pub fn uninstall(&self) {
        self.helm(&["uninstall", "fleet"]);
    }

    /// kubectl in the namespace.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<String, HarnessError> {
        self.cluster.kubectl().run(&[&["--namespace", NAMESPACE], arguments].concat()).await
    }

    /// Repeats a question to the API until its answer is this.
    pub async fn until(&self, arguments: &[&str], answer: &str) {
        let arguments = [&["--namespace", NAMESPACE], arguments].concat();
        if let Err(error) = self.cluster.kubectl().until(&arguments, LIMIT, |now| now == answer).await {
            panic!("{error}\n{}", self.story().await);
        }
    }

    /// Waits until one part runs and is ready, such as `deployment/fleet-arena-fleet-operator`.
    pub async fn ready(&self, part: &str) {
        if let Err(error) = self.kubectl(&["rollout", "status", part, "--timeout=100s"]).await {
            panic!("{error}\n{}", self.story().await);
        }
    }

    /// What the pods say and what has happened to them.
    async fn story(&self) -> String {
        let mut story = String::new();
        for arguments in [
            &["get", "pods,persistentvolumeclaims", "-o", "wide"][..],
            &["get", "arenasources,arenaconfigs,arenajobs", "-o", "yaml"],
            &["get", "events", "--sort-by=.lastTimestamp"],
            &["logs", "--selector=app.kubernetes.io/part-of=arena-fleet", "--prefix", "--tail=40", "--ignore-errors"],
        ] {
            // A question that fails is part of it.
            story += &self.kubectl(arguments).await.unwrap_or_else(|error| error.to_string());
        }
        story
    }

    /// Helm in the namespace, without the user's settings.
    fn helm(&self, arguments: &[&str]) {
        let mut command = Command::new(HELM.find().unwrap());
        command.env("HOME", self.home.path()).env("KUBECONFIG", self.cluster.access().kubeconfig());
        for name in ["HELM_CONFIG_HOME", "HELM_CACHE_HOME", "HELM_DATA_HOME"] {
            command.env(name, self.home.path());
        }
        let output = command.args(["--namespace", NAMESPACE]).args(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "helm {arguments:?}: {}{}", text(&output.stdout), text(&output.stderr));
    }
}

/// Makes the program's image and pushes it.
async fn push(registry: &str) -> PushedImage {
    let builder = ImageBuilder::new().unwrap();
    builder.build_program(&program().unwrap()).await.unwrap();
    let repository = format!("{registry}/arena-fleet");
    let digest = builder.push(PROGRAM_IMAGE, &format!("{repository}:{}", env!("CARGO_PKG_VERSION"))).await.unwrap();
    PushedImage { repository, digest }
}
