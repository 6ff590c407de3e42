//! The life of the child: one request on standard input, one answer on standard output, files into folders that it was
//! given, under limits of its own. It starts with an empty environment and ends after the one request.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use arena_bundle::Limits;
use arena_bundle::archive::TreeWriter;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};

use crate::error::Reason;
use crate::oci::Artifact;
use crate::{Auth, Revision, Source, SourceError, git, oci};

/// Largest request, bytes.
const REQUEST_BYTES: u64 = 4 << 20;

/// How much a remote may make us do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchLimits {
    /// Bytes of the list of refs.
    pub refs_bytes: u64,
    /// Bytes of a pack, or of a layer.
    pub download_bytes: u64,
    /// Files and folders.
    pub files: usize,
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Bytes of all files.
    pub total_bytes: u64,
    /// Address space of the child, bytes.
    pub memory_bytes: u64,
    /// CPU seconds of the child.
    pub cpu_seconds: u64,
}

impl Default for FetchLimits {
    /// 64 MiB of refs, 1 GiB of download, files as [`Limits`] has them, 4 GiB of memory, 120 s of CPU.
    fn default() -> Self {
        let Limits { files, file_bytes, total_bytes, .. } = Limits::default();
        Self {
            refs_bytes: 64 << 20,
            download_bytes: 1 << 30,
            files,
            file_bytes,
            total_bytes,
            memory_bytes: 4 << 30,
            cpu_seconds: 120,
        }
    }
}

impl FetchLimits {
    /// Those of the tree.
    pub fn tree(&self) -> Limits {
        Limits { files: self.files, file_bytes: self.file_bytes, total_bytes: self.total_bytes, ..Limits::default() }
    }
}

/// What the child is asked.
#[derive(Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) source: Source,
    pub(crate) auth: Auth,
    pub(crate) limits: FetchLimits,
    pub(crate) ask: Ask,
}

/// What is to be found out.
#[derive(Serialize, Deserialize)]
pub(crate) enum Ask {
    Revision,
    /// What an artifact says of itself.
    Artifact,
    Tree(FetchOrder),
}

/// What to fetch, and where to.
#[derive(Serialize, Deserialize)]
pub(crate) struct FetchOrder {
    pub(crate) revision: Revision,
    /// Empty folder for the files.
    pub(crate) to: PathBuf,
    /// Empty folder for what is needed on the way.
    pub(crate) scratch: PathBuf,
}

/// What it answers.
#[derive(Serialize, Deserialize)]
pub(crate) enum Answer {
    Revision(Revision),
    Artifact(Artifact),
    Tree { files: usize, bytes: u64 },
}

/// The whole life of the child. Needs a rustls provider installed in the process. Exit status 0 with an answer, good or
/// bad; anything else is a limit or a crash.
pub fn fetch_child_main() -> ExitCode {
    let answer = serve();
    let Ok(bytes) = serde_json::to_vec(&answer) else { return ExitCode::FAILURE };
    match std::io::stdout().write_all(&bytes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve() -> Result<Answer, SourceError> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().take(REQUEST_BYTES).read_to_end(&mut bytes);
    read.map_err(|error| Reason::Failed.because(format!("the child has no request: {error}")))?;
    let request: Request = serde_json::from_slice(&bytes)
        .map_err(|error| Reason::Failed.because(format!("the child cannot read its request: {error}")))?;
    limit(&request.limits)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Reason::Failed.because(format!("the child cannot start: {error}")))?;
    runtime.block_on(answer(&request))
}

/// Limits this process for good.
fn limit(limits: &FetchLimits) -> Result<(), SourceError> {
    // The largest file is a pack or its index, or one of the tree.
    let file = limits.download_bytes.max(limits.total_bytes).saturating_mul(2);
    for (resource, most) in [
        (Resource::As, limits.memory_bytes),
        (Resource::Cpu, limits.cpu_seconds),
        (Resource::Fsize, file),
        (Resource::Core, 0),
    ] {
        // What was inherited may be less, and may not be raised.
        let most = getrlimit(resource).maximum.map_or(most, |inherited| inherited.min(most));
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })
            .map_err(|error| Reason::Failed.because(format!("the child cannot limit itself: {error}")))?;
    }
    Ok(())
}

async fn answer(request: &Request) -> Result<Answer, SourceError> {
    let Request { source, auth, limits, ask } = request;
    match (ask, source) {
        (Ask::Revision, Source::Git(source)) => git::probe(source, auth, limits).await.map(Answer::Revision),
        (Ask::Revision, Source::Oci(source)) => oci::probe(source, auth).await.map(Answer::Revision),
        (Ask::Artifact, Source::Git(_)) => Err(Reason::Failed.because("a repository is no artifact")),
        (Ask::Artifact, Source::Oci(source)) => oci::inspect(source, auth).await.map(Answer::Artifact),
        (Ask::Tree(order), _) => tree(request, order).await,
    }
}

async fn tree(request: &Request, order: &FetchOrder) -> Result<Answer, SourceError> {
    let (Request { source, auth, limits, .. }, FetchOrder { revision, to, scratch }) = (request, order);
    let dir = Dir::open_ambient_dir(to, ambient_authority())
        .map_err(|error| Reason::Failed.because(format!("{} cannot be opened: {error}", to.display())))?;
    let tree_limits = limits.tree();
    let mut tree = TreeWriter::new(&dir, &tree_limits);
    match source {
        Source::Git(source) => git::fetch(source, revision, auth, limits, scratch, &mut tree).await?,
        Source::Oci(source) => oci::fetch(source, revision, auth, limits, scratch, &mut tree).await?,
    }
    let files = tree.finish();
    Ok(Answer::Tree { files: files.len(), bytes: files.iter().map(|file| file.size).sum() })
}
