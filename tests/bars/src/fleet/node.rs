//! The chart on a real node, with what users bring: a repository, a registry, a vendor.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};
use arena_harness::{
    Behaviour, Cluster, FakeVendor, GitServer, GitServerOptions, HELM, ImageBuilder, Need, PROGRAM_IMAGE, Reply,
    Repository, build_redis_image, runs_here,
};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::bar::Bar;
use crate::process;
use crate::world::World;

/// Longest wait for anything.
pub const LONG: Duration = Duration::from_secs(180);
/// Where the chart is installed; jobs run in `default`.
const NAMESPACE: &str = "arena";
const PARTS: [&str; 3] = [
    "statefulset/fleet-arena-fleet-redis",
    "statefulset/fleet-arena-fleet-store",
    "deployment/fleet-arena-fleet-operator",
];

/// A node with the chart's release `fleet`.
pub struct Node<'w> {
    world: &'w World,
    folder: PathBuf,
    /// Answers pods with what they say.
    pub vendor: FakeVendor,
    /// `acme/prompts` on what users know as github.com.
    pub prompts: Repository,
    git: GitServer,
    program: String,
    redis: String,
    /// The node.
    pub cluster: Cluster,
    runtime: Runtime,
}

impl<'w> Node<'w> {
    /// A node without the chart; none where the machine cannot have one, which the bar is told.
    pub fn start(world: &'w World, bar: &mut Bar, name: &str) -> Result<Option<Self>> {
        if !runs_here(&format!("bar: {name}"), &[Need::Node, Need::Images, Need::Charts, Need::Git])? {
            bar.note("left out: the machine cannot have a node");
            return Ok(None);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let folder = world.scratch(name);
        fs::create_dir_all(&folder)?;
        let (cluster, git, prompts, program, redis) = runtime.block_on(async {
            let cluster = Cluster::up().await?;
            let builder = ImageBuilder::new()?;
            builder.build_program(&world.binary).await?;
            let repository = format!("{}/arena-fleet", cluster.registry());
            let digest = builder.push(PROGRAM_IMAGE, &format!("{repository}:test")).await?;
            let redis = build_redis_image(&cluster.registry()).await?;
            for claim in ["store", "redis"] {
                cluster.volume(claim).await?;
            }
            let options = GitServerOptions { address: cluster.host_address(), ..GitServerOptions::default() };
            let git = GitServer::start_with(options).await?;
            let prompts = git.create("acme/prompts").await?;
            let program = format!("image: {{repository: {repository}, digest: '{digest}'}}\n");
            let redis = format!("redis: {{image: {{repository: {}, digest: '{}'}}}}\n", redis.repository, redis.digest);
            Ok::<_, anyhow::Error>((cluster, git, prompts, program, redis))
        })?;
        let echo = Behaviour { reply: Reply::Echo, ..Behaviour::default() };
        let vendor = FakeVendor::start_at(cluster.host_address(), echo)?;
        Ok(Some(Self { world, folder, vendor, prompts, git, program, redis, cluster, runtime }))
    }

    /// `helm install`, in a namespace of its own, acting on `default`; both are "restricted".
    pub fn install(&self) -> Result<()> {
        self.kubectl(&["create", "namespace", NAMESPACE])?;
        for namespace in [NAMESPACE, "default"] {
            self.kubectl(&["label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted"])?;
        }
        let mirrors = json!({"https://github.com/": format!("{}/", self.git.url())});
        let values = format!(
            "{}{}watchNamespaces: [default]\noperator: {{sourceMirrors: {mirrors}}}\n",
            self.program, self.redis
        );
        let file = self.folder.join("values.yaml");
        fs::write(&file, values)?;
        let mut helm = Command::new(HELM.find()?);
        helm.args(["install", "fleet", "--namespace", NAMESPACE, "--values"]).arg(&file);
        helm.arg(self.world.root.join("charts/arena-fleet")).env("KUBECONFIG", self.cluster.access().kubeconfig());
        for name in ["HOME", "HELM_CONFIG_HOME", "HELM_CACHE_HOME", "HELM_DATA_HOME"] {
            helm.env(name, &self.folder);
        }
        process::capture(&mut helm, LONG)?;
        for part in PARTS {
            if let Err(error) = self.kubectl(&["--namespace", NAMESPACE, "rollout", "status", part, "--timeout=100s"]) {
                bail!("{error:#}\n{}", self.story());
            }
        }
        Ok(())
    }

    /// kubectl, with its output.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        Ok(self.runtime.block_on(self.cluster.kubectl().run(arguments))?)
    }

    /// Applies YAML.
    pub fn apply(&self, yaml: &str) -> Result<()> {
        Ok(self.runtime.block_on(self.cluster.kubectl().apply(yaml)).map(drop)?)
    }

    /// A jsonpath of an object.
    pub fn get(&self, object: &str, path: &str) -> Result<String> {
        self.kubectl(&["get", object, "-o", &format!("jsonpath={{{path}}}")])
    }

    /// Status of a condition.
    pub fn condition(&self, object: &str, kind: &str) -> Result<String> {
        self.get(object, &format!(".status.conditions[?(@.type==\"{kind}\")].status"))
    }

    /// Waits as a user would.
    pub fn wait(&self, object: &str, condition: &str) -> Result<()> {
        let (condition, timeout) = (format!("--for=condition={condition}"), format!("--timeout={}s", LONG.as_secs()));
        if let Err(error) = self.kubectl(&["wait", &condition, object, &timeout]) {
            let state = self.kubectl(&["get", object, "-o", "yaml"]).unwrap_or_default();
            bail!("{error:#}\n{state}\n{}", self.story());
        }
        Ok(())
    }

    /// Commits a folder as all there is on `main`, and gives the commit.
    pub fn push(&self, folder: &Path) -> Result<String> {
        Ok(self.runtime.block_on(self.prompts.commit_folder("main", "a bundle", folder))?)
    }

    /// What the pods say and what has happened to them.
    fn story(&self) -> String {
        let mut story = String::new();
        for arguments in [
            &["get", "pods", "-A", "-o", "wide"][..],
            &["get", "events", "-A", "--sort-by=.lastTimestamp"],
            &[
                "logs",
                "-n",
                NAMESPACE,
                "-l",
                "app.kubernetes.io/name=arena-fleet",
                "--prefix",
                "--tail=30",
                "--ignore-errors",
            ],
            &["logs", "-l", "app.kubernetes.io/name=arena-worker", "--prefix", "--tail=30", "--ignore-errors"],
        ] {
            // A question that fails is part of it.
            story += &self.kubectl(arguments).unwrap_or_else(|error| error.to_string());
        }
        story
    }

    /// The results of a job as a person gets them.
    pub fn results(&self, job: &str) -> Result<PathBuf> {
        let uid = self.get(&format!("arenajob/{job}"), ".metadata.uid")?;
        let exec = ["--namespace", NAMESPACE, "exec", PARTS[1], "--", "arena", "results", "token"];
        let token = ["--key-file=/etc/arena/store/key", "--namespace=default", &format!("--job={uid}")];
        let token = self.kubectl(&[&exec[..], &token[..]].concat())?;
        let pod =
            ["--namespace", NAMESPACE, "get", "pod", "fleet-arena-fleet-store-0", "-o", "jsonpath={.status.podIP}"];
        let url = format!("http://{}:8080/v1/default/results/{uid}/", self.kubectl(&pod)?);
        let out = self.folder.join(format!("results-{job}"));
        let mut command = self.world.arena();
        command.args(["results", "get", &url, "--out"]).arg(&out).env("ARENA_STORE_TOKEN", token.trim());
        process::capture(&mut command, LONG)?;
        Ok(out)
    }

    /// A folder of this node's bar.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}
