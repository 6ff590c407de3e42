//! Asks and fetches in children, which are limited in number, time and everything else.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::sync::Semaphore;

use crate::child::{Answer, Ask, FetchOrder, Request};
use crate::error::Reason;
use crate::oci::Artifact;
use crate::{Auth, FetchLimits, Mirror, OciSource, Revision, Source, SourceError};

/// Longest answer of a child, bytes: the config of an artifact, with room for its escapes.
const ANSWER_BYTES: u64 = 8 << 20;

/// How to start this program again as a child: `program arguments...` must end up in [`crate::fetch_child_main`].
#[derive(Clone, Debug)]
pub struct FetchChild {
    /// Usually `/proc/self/exe`.
    pub program: PathBuf,
    /// Usually one hidden subcommand.
    pub arguments: Vec<String>,
}

/// Of a [`Fetcher`].
#[derive(Clone, Debug)]
pub struct Settings {
    /// How to start a child.
    pub child: FetchChild,
    /// Children at once; more wait.
    pub children: usize,
    /// See there.
    pub limits: FetchLimits,
    /// Where URLs lead instead.
    pub mirrors: Vec<Mirror>,
    /// Folder in which trees are made.
    pub folder: PathBuf,
}

/// Asks and fetches.
#[async_trait]
pub trait Fetch: Send + Sync {
    /// The revision of a source now, for one question to its remote.
    async fn probe(&self, source: &Source, auth: &Auth, timeout: Duration) -> Result<Revision, SourceError>;

    /// The files of a revision.
    async fn fetch(
        &self,
        source: &Source,
        revision: &Revision,
        auth: &Auth,
        timeout: Duration,
    ) -> Result<Tree, SourceError>;
}

/// A fetched tree. Dropped, it is removed.
#[derive(Debug)]
pub struct Tree {
    folder: TempDir,
    /// Number of files.
    pub files: usize,
    /// Bytes of all files.
    pub bytes: u64,
}

impl Tree {
    /// The folder with the files.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join(FILES)
    }
}

const FILES: &str = "files";
const SCRATCH: &str = "scratch";

/// [`Fetch`] by children of this program.
#[derive(Clone, Debug)]
pub struct Fetcher {
    settings: Arc<Settings>,
    places: Arc<Semaphore>,
}

impl Fetcher {
    /// A fetcher with these settings.
    pub fn new(settings: Settings) -> Self {
        let places = Arc::new(Semaphore::new(settings.children));
        Self { settings: Arc::new(settings), places }
    }

    async fn ask(&self, request: &Request, timeout: Duration) -> Result<Answer, SourceError> {
        let over = || {
            Reason::Timeout.because(format!("the source took longer than {} s; raise `timeout`", timeout.as_secs_f64()))
        };
        let work = async {
            let place = self.places.acquire().await;
            let _place = place.map_err(|_| Reason::Failed.because("the fetcher is closed"))?;
            run(&self.settings.child, request).await
        };
        // Dropped at the end of its time, the child is killed.
        tokio::time::timeout(timeout, work).await.unwrap_or_else(|_| Err(over()))
    }

    fn request(&self, source: &Source, auth: &Auth, ask: Ask) -> Request {
        let source = source.clone().mirrored(&self.settings.mirrors);
        Request { source, auth: auth.clone(), limits: self.settings.limits, ask }
    }

    /// What an artifact says of itself; its layers stay where they are.
    pub async fn inspect(&self, source: &OciSource, auth: &Auth, timeout: Duration) -> Result<Artifact, SourceError> {
        match self.ask(&self.request(&Source::Oci(source.clone()), auth, Ask::Artifact), timeout).await? {
            Answer::Artifact(artifact) => Ok(artifact),
            _ => Err(another()),
        }
    }
}

#[async_trait]
impl Fetch for Fetcher {
    async fn probe(&self, source: &Source, auth: &Auth, timeout: Duration) -> Result<Revision, SourceError> {
        match self.ask(&self.request(source, auth, Ask::Revision), timeout).await? {
            Answer::Revision(revision) => Ok(revision),
            _ => Err(another()),
        }
    }

    async fn fetch(
        &self,
        source: &Source,
        revision: &Revision,
        auth: &Auth,
        timeout: Duration,
    ) -> Result<Tree, SourceError> {
        let failed = |error: std::io::Error| Reason::Failed.because(format!("no folder for the files: {error}"));
        let folder = TempDir::with_prefix_in("fetch-", &self.settings.folder).map_err(failed)?;
        let (to, scratch) = (folder.path().join(FILES), folder.path().join(SCRATCH));
        for part in [&to, &scratch] {
            std::fs::create_dir(part).map_err(failed)?;
        }
        let order = FetchOrder { revision: revision.clone(), to, scratch: scratch.clone() };
        let answer = self.ask(&self.request(source, auth, Ask::Tree(order)), timeout).await?;
        let Answer::Tree { files, bytes } = answer else { return Err(another()) };
        remove(&scratch).await;
        Ok(Tree { folder, files, bytes })
    }
}

fn another() -> SourceError {
    Reason::Failed.because("the child answered another question")
}

/// What stays is removed with the tree.
async fn remove(folder: &Path) {
    if let Err(error) = tokio::fs::remove_dir_all(folder).await {
        tracing::warn!(%error, "the pack of a fetch cannot be removed yet");
    }
}

/// One child, from its start to its end.
async fn run(child: &FetchChild, request: &Request) -> Result<Answer, SourceError> {
    let broken = |why: String| Reason::Failed.because(format!("the fetching child cannot be used: {why}"));
    let request = serde_json::to_vec(request).map_err(|error| broken(error.to_string()))?;
    let mut process = Command::new(&child.program)
        .args(&child.arguments)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| broken(format!("starting {} failed: {error}", child.program.display())))?;
    let (Some(mut stdin), Some(stdout)) = (process.stdin.take(), process.stdout.take()) else {
        return Err(broken("it has no pipes".to_owned()));
    };
    let write = async {
        // A child that dies early closes the pipe; its exit status says why.
        let _ = stdin.write_all(&request).await;
        drop(stdin);
    };
    let mut answer = Vec::new();
    let mut stdout = stdout.take(ANSWER_BYTES);
    let (_, read) = tokio::join!(write, stdout.read_to_end(&mut answer));
    read.map_err(|error| broken(error.to_string()))?;
    let status = process.wait().await.map_err(|error| broken(error.to_string()))?;
    if !status.success() {
        let message = format!("fetching ran into its limits of memory or CPU ({status}); use a smaller repository");
        return Err(Reason::Limit.because(message));
    }
    serde_json::from_slice::<Result<Answer, SourceError>>(&answer).map_err(|error| broken(error.to_string()))?
}
