//! A fleet of processes: store, operator and workers are the binary under test, their peers are the test world's. There
//! is no node, so the bar starts the workers, from the Secret that a pod would have.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use arena_harness::{
    AppendOnly, ControlPlane, ControlPlaneOptions, GitServer, Need, Redis, RedisOptions, Repository, runs_here,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::runtime::Runtime;

use crate::bar::Bar;
use crate::process::{self, Running, Transcript};
use crate::world::World;

/// Longest wait for anything.
pub const LONG: Duration = Duration::from_secs(180);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// The store's secret; nothing of it is worth anything.
const STORE_KEY: &str = "0123456789abcdef0123456789abcdef";
/// Where users' URLs lead instead.
const UPSTREAM: &str = "https://github.com/";

/// What differs between bars.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// How long a worker may be silent.
    pub queue_lease: &'static str,
    /// How long credentials outlive a deadline.
    pub token_grace: &'static str,
}

impl Default for Times {
    fn default() -> Self {
        Self { queue_lease: "5s", token_grace: "1h" }
    }
}

/// All of a fleet but its workers.
pub struct Stand<'w> {
    world: &'w World,
    times: Times,
    operator: Option<Running>,
    store: Option<Running>,
    store_address: String,
    folder: PathBuf,
    /// One repository, `acme/prompts` on what users know as github.com.
    pub prompts: Repository,
    /// Its server.
    pub git: GitServer,
    /// The queue's.
    pub redis: Redis,
    plane: ControlPlane,
    runtime: Runtime,
}

impl<'w> Stand<'w> {
    /// Everything up; none where the machine lacks a peer, which the bar is told.
    pub fn start(world: &'w World, bar: &mut Bar, name: &str, times: Times) -> Result<Option<Self>> {
        let needs = [Need::Controllers, Need::Redis, Need::Git];
        if !runs_here(&format!("bar: {name}"), &needs)? {
            bar.note("left out: the machine lacks a peer");
            return Ok(None);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let redis = RedisOptions { append_only: AppendOnly::EverySecond, ..RedisOptions::default() };
        let (plane, redis, git) = runtime.block_on(async {
            let plane = ControlPlane::start_with(ControlPlaneOptions { controllers: true });
            tokio::join!(plane, Redis::start_with(redis), GitServer::start())
        });
        let (plane, redis, git) = (plane?, redis?, git?);
        let prompts = runtime.block_on(git.create("acme/prompts"))?;
        let folder = world.scratch(name);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("store-key"), STORE_KEY)?;
        fs::write(folder.join("redis-url"), redis.url())?;
        let (operator, store, store_address) = (None, None, String::new());
        let mut stand =
            Self { world, times, operator, store, store_address, folder, prompts, git, redis, plane, runtime };
        let definitions = world.root.join("crd/generated");
        stand.kubectl(&["apply", "-f", &definitions.display().to_string()])?;
        stand.kubectl(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"])?;
        stand.start_store()?;
        stand.start_operator()?;
        Ok(Some(stand))
    }

    /// kubectl, with its output.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        Ok(self.runtime.block_on(self.plane.kubectl().run(arguments))?)
    }

    /// Applies YAML.
    pub fn apply(&self, yaml: &str) -> Result<()> {
        Ok(self.runtime.block_on(self.plane.kubectl().apply(yaml)).map(drop)?)
    }

    /// A jsonpath of an object.
    pub fn get(&self, object: &str, path: &str) -> Result<String> {
        self.kubectl(&["get", object, "-o", &format!("jsonpath={{{path}}}")])
    }

    /// Waits until a jsonpath of an object satisfies the check.
    pub fn until(&self, object: &str, path: &str, check: impl Fn(&str) -> bool) -> Result<String> {
        let path = format!("jsonpath={{{path}}}");
        let found = self.runtime.block_on(self.plane.kubectl().until(&["get", object, "-o", &path], LONG, check));
        found.or_else(|error| {
            let state = self.kubectl(&["get", object, "-o", "yaml"]).unwrap_or_default();
            bail!("{error}\n{state}\n{}", self.log("operator"))
        })
    }

    /// Waits until a condition of an object has this status or reason.
    pub fn condition(&self, object: &str, kind: &str, word: &str) -> Result<()> {
        let path = |field: &str| format!(".status.conditions[?(@.type==\"{kind}\")].{field}");
        let field = if matches!(word, "True" | "False") { "status" } else { "reason" };
        self.until(object, &path(field), |found| found == word).map(drop)
    }

    /// Waits until an object is gone.
    pub fn gone(&self, object: &str) -> Result<()> {
        let arguments = ["get", object, "--ignore-not-found", "-o", "name"];
        Ok(self.runtime.block_on(self.plane.kubectl().until(&arguments, LONG, str::is_empty)).map(drop)?)
    }

    /// Commits a folder as all there is on a branch, and gives the commit.
    pub fn push(&self, branch: &str, folder: &Path) -> Result<String> {
        Ok(self.runtime.block_on(self.prompts.commit_folder(branch, "a bundle", folder))?)
    }

    /// Runs async work of the test world.
    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// What a process has logged, the last of it.
    pub fn log(&self, name: &str) -> String {
        let text = fs::read_to_string(self.folder.join(format!("{name}.log"))).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// Standard error of a process goes on in one file.
    fn logged(&self, name: &str) -> Result<Stdio> {
        let path = self.folder.join(format!("{name}.log"));
        Ok(fs::OpenOptions::new().create(true).append(true).open(&path)?.into())
    }

    /// Starts the store, where it was before if it ran before.
    pub fn start_store(&mut self) -> Result<()> {
        let listen = if self.store_address.is_empty() { "127.0.0.1:0" } else { &self.store_address };
        let output = Transcript::new()?;
        let mut command = self.world.arena();
        command.args(["store", "--listen", listen, "--dir"]).arg(self.folder.join("store"));
        command.arg("--key-file").arg(self.folder.join("store-key"));
        let running =
            Running::start(command.stdin(Stdio::null()).stdout(output.pipe()?).stderr(self.logged("store")?))?;
        let end = std::time::Instant::now() + LONG;
        loop {
            if let Some(address) = output.read()?.strip_prefix("store on ") {
                self.store_address = address.trim().to_owned();
                break;
            }
            if running.ended_within(LOOK)? || std::time::Instant::now() > end {
                bail!("the store does not start: {}", self.log("store"));
            }
        }
        self.store = Some(running);
        Ok(())
    }

    /// `http://HOST:PORT` of the store.
    pub fn store_url(&self) -> String {
        format!("http://{}", self.store_address)
    }

    /// Starts the operator.
    pub fn start_operator(&mut self) -> Result<()> {
        let mut command = self.world.arena();
        command.args(["operator", "--namespaces=default", "--worker-image=none", "--store-url", &self.store_url()]);
        command.arg("--store-key-file").arg(self.folder.join("store-key"));
        command.arg("--redis-url-file").arg(self.folder.join("redis-url"));
        command.arg(format!("--queue-lease={}", self.times.queue_lease));
        command.arg(format!("--token-grace={}", self.times.token_grace));
        command.arg(format!("--source-mirror={UPSTREAM}={}/", self.git.url()));
        command.env("KUBECONFIG", self.plane.access().kubeconfig()).env("TMPDIR", &self.folder);
        let log = self.logged("operator")?;
        self.operator = Some(Running::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log))?);
        Ok(())
    }

    /// kill -9, and a new one.
    pub fn kill_operator(&mut self) -> Result<()> {
        self.operator.take().map(Running::kill).transpose()?;
        self.start_operator()
    }

    /// kill -9, and a new one on the same folder and port.
    pub fn kill_store(&mut self) -> Result<()> {
        self.store.take().map(Running::kill).transpose()?;
        self.start_store()
    }

    /// kill -9, and a new one, with its data or without.
    pub fn kill_redis(&mut self, data: bool) -> Result<()> {
        self.redis.kill9();
        let redis = &mut self.redis;
        match data {
            true => self.runtime.block_on(redis.restart())?,
            false => self.runtime.block_on(redis.restart_without_data())?,
        }
        Ok(())
    }

    /// The folder that a pod of the job would have, once its Secret is there.
    pub fn job_dir(&self, job: &str) -> Result<PathBuf> {
        let secret = format!("secret/{job}-worker");
        self.until(&secret, ".metadata.name", |name| !name.is_empty())?;
        let secret: serde_json::Value = serde_json::from_str(&self.kubectl(&["get", &secret, "-o", "json"])?)?;
        let folder = self.folder.join(format!("job-{job}"));
        fs::create_dir_all(&folder)?;
        for (name, value) in secret["data"].as_object().context("an empty Secret")? {
            fs::write(folder.join(name), STANDARD.decode(value.as_str().unwrap_or_default())?)?;
        }
        Ok(folder)
    }

    /// A worker process of a job.
    pub fn worker(&self, job_dir: &Path) -> Result<Running> {
        let mut command = self.world.arena();
        command.arg("worker").arg(format!("--job-dir={}", job_dir.display())).env("TMPDIR", &self.folder);
        Running::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(self.logged("worker")?))
    }

    /// Runs a job with one worker to its end.
    pub fn work(&self, job: &str) -> Result<()> {
        let ended = self.worker(&self.job_dir(job)?)?.wait(LONG)?;
        if ended.status.code() != Some(0) {
            bail!("a worker of {job} ended with {}: {}", ended.status, self.log("worker"));
        }
        self.condition(&format!("arenajob/{job}"), "Finished", "True")
    }

    /// The results of a job as a person gets them, in a run's folder.
    pub fn results(&self, job: &str) -> Result<PathBuf> {
        self.results_of(job, &self.get(&format!("arenajob/{job}"), ".metadata.uid")?)
    }

    /// The same by the job's UID, under a name of its own.
    pub fn results_of(&self, name: &str, uid: &str) -> Result<PathBuf> {
        let mut command = self.world.arena();
        command.args(["results", "token", "--namespace=default", "--job", uid, "--key-file"]);
        let token = process::capture(command.arg(self.folder.join("store-key")), LONG)?;
        let out = self.folder.join(format!("results-{name}"));
        let mut command = self.world.arena();
        command.args(["results", "get", &format!("{}/v1/default/results/{uid}/", self.store_url()), "--out"]);
        process::capture(command.arg(&out).env("ARENA_STORE_TOKEN", token.trim()), LONG)?;
        Ok(out)
    }

    /// The program.
    pub fn arena(&self) -> Command {
        self.world.arena()
    }

    /// A folder of this stand.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}
