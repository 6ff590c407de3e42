//! A cluster of a developer's own, and who keeps it.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use arena_harness::{Cluster, Identity, build_redis_image, remove_leftovers};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};

use crate::say;

/// Longest start and longest end of a cluster, with another test's turn before it.
const LIMIT: Duration = Duration::from_secs(25 * 60);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// Volumes that claims find.
const VOLUMES: u32 = 4;

/// What `up` and `down` know of the cluster that runs.
#[derive(Serialize, Deserialize)]
struct State {
    /// Who keeps it.
    keeper: String,
    kubeconfig: PathBuf,
    kubectl: PathBuf,
    registry: String,
    redis: String,
}

/// Starts one and says how to reach it.
pub async fn up() -> Result<()> {
    arena_harness::set_up(&mut say)?;
    let folder = folder()?;
    if let Some(state) = State::read(&folder) {
        say("the cluster is up already");
        state.show();
        return Ok(());
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let log = folder.join("log");
    let out = fs::File::create(&log).with_context(|| format!("cannot create {}", log.display()))?;
    // In a session of its own: the end of this terminal is not its end.
    let mut keeper = Command::new("setsid");
    keeper.arg(std::env::current_exe().context("where is this program?")?).arg("keep");
    keeper.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out).current_dir("/");
    let mut keeper = keeper.spawn().context("cannot start setsid")?;
    say("starting the cluster");
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(state) = State::read(&folder) {
            state.show();
            return Ok(());
        }
        // setsid is replaced by the keeper, as it leads no group of ours.
        if let Some(status) = keeper.try_wait()? {
            bail!("the cluster did not start: {status}\n{}", fs::read_to_string(&log).unwrap_or_default());
        }
        if Instant::now() >= end {
            keeper.kill()?;
            keeper.wait()?;
            bail!("the cluster was not up after {} s; see {}", LIMIT.as_secs(), log.display());
        }
        sleep(PAUSE).await;
    }
}

/// Stops it.
pub async fn down() -> Result<()> {
    let folder = folder()?;
    if let Some(state) = State::read(&folder) {
        let keeper: Identity = state.keeper.parse()?;
        keeper.signal(Signal::TERM);
        let end = Instant::now() + Duration::from_secs(60);
        while keeper.alive() && Instant::now() < end {
            sleep(PAUSE).await;
        }
        keeper.signal(Signal::KILL);
    }
    remove_leftovers().await?;
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    say("no cluster is left");
    Ok(())
}

/// Has it until asked to end.
pub async fn keep() -> Result<()> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let asked = async {
        tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
    };
    tokio::pin!(asked);
    let cluster = tokio::select! {
        cluster = Cluster::up_for_developer() => cluster?,
        () = &mut asked => return Ok(()),
    };
    for number in 1..=VOLUMES {
        cluster.volume(&format!("volume-{number}")).await?;
    }
    let state = State {
        keeper: Identity::own().to_string(),
        kubeconfig: cluster.access().kubeconfig().to_owned(),
        kubectl: cluster.kubectl().program().to_owned(),
        registry: cluster.registry(),
        redis: build_redis_image(&cluster.registry()).await?.to_string(),
    };
    state.write(&folder()?)?;
    asked.await;
    Ok(())
}

impl State {
    const FILE: &str = "state.json";

    /// The state of a cluster whose keeper runs.
    fn read(folder: &Path) -> Option<Self> {
        let mut text = String::new();
        fs::File::open(folder.join(Self::FILE)).ok()?.take(64 << 10).read_to_string(&mut text).ok()?;
        let state: Self = serde_json::from_str(&text).ok()?;
        state.keeper.parse::<Identity>().ok()?.alive().then_some(state)
    }

    fn write(&self, folder: &Path) -> Result<()> {
        let (partial, path) = (folder.join("state.partial"), folder.join(Self::FILE));
        fs::write(&partial, serde_json::to_vec(self)?).and_then(|()| fs::rename(&partial, &path))?;
        Ok(())
    }

    fn show(&self) {
        let Self { kubeconfig, kubectl, registry, redis, .. } = self;
        say("the cluster is up");
        say(&format!("export KUBECONFIG={}", kubeconfig.display()));
        say(&format!("kubectl: {} (or your own)", kubectl.display()));
        say(&format!("registry: {registry} (http), for this machine and for pods"));
        say(&format!("in it: {redis}"));
        say(&format!("volumes: {VOLUMES}, without a storage class"));
    }
}

/// Where the state of the developer's cluster and its log lie.
fn folder() -> Result<PathBuf> {
    Ok(arena_harness::cache_folder()?.join("cluster"))
}
