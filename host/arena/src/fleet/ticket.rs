//! What a worker is given: its ticket, and through it manifest and bundle, all checked against their digests.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::ops::RangeInclusive;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use arena_artifact::{ARCHIVE_BYTES, ClientSettings, DOCUMENT_BYTES, JobResults, Name, StoreClient};
use arena_bundle::{Limits, archive};
use arena_model::{Digest, Endpoint, Manifest, Ticket};
use arena_queue::{RedisOptions, RedisQueue};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use tempfile::TempDir;

use crate::exit::{Failure, OrFail};
use crate::files::{self, FILE_BYTES};
use crate::work::{ENGINE, Inputs, run_spec};

/// File of the ticket in the job's folder.
const TICKET: &str = "ticket.json";

/// Most cases at once in one process, and what a lease may be; as the definitions and the operator's flags have it.
const CONCURRENCY: u32 = 4096;
const LEASE_MS: RangeInclusive<u64> = 1000..=3_600_000;

/// One job as a worker has it.
pub struct Assignment {
    /// As the operator wrote it.
    pub ticket: Ticket,
    /// What the run is.
    pub manifest: Manifest,
    /// What to make the run from: the bundle in the scratch folder.
    pub inputs: Inputs,
    /// Where batches go.
    pub results: JobResults,
    /// Where cases come from.
    pub queue: RedisQueue,
}

impl Assignment {
    /// Reads the ticket in `job_dir`, and fetches what it names into `scratch`.
    ///
    /// Errors: `TicketInvalid`, `ManifestInvalid`, `ArtifactMissing`, those of the store's client and of archives.
    pub async fn fetch(job_dir: &Path, scratch: &TempDir) -> Result<Self, Failure> {
        let ticket = read_ticket(job_dir)?;
        let failed = |error| Failure::machinery("FolderUnknown", format!("{}: {error}", job_dir.display()));
        // Key files are opened later, from wherever their provider is connected.
        let job_dir = std::path::absolute(job_dir).map_err(failed)?;
        let endpoints = endpoints(&ticket.endpoints, &job_dir);
        for file in endpoints.values().filter_map(|endpoint| endpoint.credential_file.as_deref()) {
            // Before any case is claimed: each would end in this error.
            files::read(Path::new(file), FILE_BYTES)?;
        }
        let store =
            StoreClient::new(&ticket.store.url, ticket.store.token.clone(), ClientSettings::default()).or_fail()?;
        let manifest = manifest(&store, &ticket).await?;
        let folder = bundle(&store, &ticket, scratch.path()).await?;
        let dataset = match &ticket.dataset {
            Some(pin) => Some(super::table::open(&store, &ticket, pin).await?),
            None => None,
        };
        let mut options = RedisOptions::new(ticket.redis.url.clone());
        options.username = Some(ticket.redis.username.clone());
        options.password = Some(ticket.redis.password.clone());
        let inputs = Inputs {
            run: run_spec(&manifest.work)?,
            permits: Some(Arc::new(super::permits::SharedPermits::new(&endpoints, options.clone()))),
            endpoints,
            dataset,
            concurrency: Some(ticket.concurrency),
            seed: manifest.work.seed,
            ..Inputs::of(folder.join(&manifest.work.entry))
        };
        let queue = RedisQueue::new(options).or_fail()?;
        let results = JobResults::new(store, ticket.namespace.clone(), ticket.job.clone());
        Ok(Self { ticket, manifest, inputs, results, queue })
    }
}

fn read_ticket(job_dir: &Path) -> Result<Ticket, Failure> {
    let path = job_dir.join(TICKET);
    let invalid = |why: String| {
        // The parser's words could repeat a token.
        Failure::input("TicketInvalid", format!("{}: {why}", path.display()))
            .hint("the operator writes it into the job's Secret; operator and worker must be of one version")
    };
    let ticket: Ticket = serde_json::from_slice(&files::read(&path, FILE_BYTES)?).map_err(|error| {
        invalid(format!("it is no ticket of this version, at line {} column {}", error.line(), error.column()))
    })?;
    if ticket.v != 1 {
        return Err(invalid(format!("version {} is not known here", ticket.v)));
    }
    if !(1..=CONCURRENCY).contains(&ticket.concurrency) {
        return Err(invalid(format!("concurrency {} is not from 1 to {CONCURRENCY}", ticket.concurrency)));
    }
    if !LEASE_MS.contains(&ticket.queue.lease_ms) {
        return Err(invalid(format!("a lease of {} ms is not from 1 s to 1 h", ticket.queue.lease_ms)));
    }
    Ok(ticket)
}

/// Name of one of the job's artifacts.
pub(super) fn artifact(ticket: &Ticket, digest: &Digest) -> Name {
    Name::Artifact { namespace: ticket.namespace.clone(), digest: digest.clone() }
}

/// The error of an artifact that is not there.
pub(super) fn missing(what: &str, digest: &Digest) -> Failure {
    Failure::input("ArtifactMissing", format!("the job's {what} {digest} is not in the store"))
        .hint("delete the job and create it again")
}

async fn manifest(store: &StoreClient, ticket: &Ticket) -> Result<Manifest, Failure> {
    let digest = &ticket.manifest;
    let bytes = store.get(&artifact(ticket, digest), DOCUMENT_BYTES).await.or_fail()?;
    let bytes = bytes.ok_or_else(|| missing("manifest", digest))?;
    let invalid = |why: &str| {
        Failure::input("ManifestInvalid", format!("manifest {digest}: {why}"))
            .hint("operator and worker must be of one version")
    };
    let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|error| invalid(&error.to_string()))?;
    check(&manifest).map_err(|why| invalid(&why))?;
    Ok(manifest)
}

/// Whether a manifest is one that this engine can work on.
fn check(manifest: &Manifest) -> Result<(), String> {
    if manifest.v != 1 {
        return Err(format!("version {} is not known here", manifest.v));
    }
    if manifest.origin.engine != ENGINE {
        return Err(format!("it is of engine {:?}, and this is {ENGINE:?}", manifest.origin.engine));
    }
    let work = Digest::of_json(&manifest.work).map_err(|error| error.to_string())?;
    if work != manifest.work_digest {
        return Err(format!("its work has digest {work}, not {}", manifest.work_digest));
    }
    let entry = Path::new(&manifest.work.entry);
    match entry.components().all(|part| matches!(part, Component::Normal(_))) {
        true => Ok(()),
        false => Err(format!("its entry {:?} leads out of the bundle", manifest.work.entry)),
    }
}

/// Fetches and unpacks the bundle, and gives its folder.
async fn bundle(store: &StoreClient, ticket: &Ticket, scratch: &Path) -> Result<PathBuf, Failure> {
    let (packed, folder) = (scratch.join("bundle.tar"), scratch.join("bundle"));
    let name = artifact(ticket, &ticket.archive);
    if store.download(&name, &packed, ARCHIVE_BYTES).await.or_fail()?.is_none() {
        return Err(missing("bundle", &ticket.archive));
    }
    let failed = |error: std::io::Error| Failure::machinery("ScratchFolder", format!("{}: {error}", scratch.display()));
    std::fs::create_dir(&folder).map_err(failed)?;
    let dir = Dir::open_ambient_dir(&folder, ambient_authority()).map_err(failed)?;
    archive::unpack(BufReader::new(File::open(&packed).map_err(failed)?), &dir, &Limits::default()).or_fail()?;
    std::fs::remove_file(&packed).map_err(failed)?;
    Ok(folder)
}

/// Keys lie beside the ticket.
fn endpoints(given: &BTreeMap<String, Endpoint>, job_dir: &Path) -> BTreeMap<String, Endpoint> {
    let beside = |endpoint: &Endpoint| Endpoint {
        credential_file: endpoint.credential_file.as_ref().map(|file| job_dir.join(file).display().to_string()),
        ..endpoint.clone()
    };
    given.iter().map(|(id, endpoint)| (id.clone(), beside(endpoint))).collect()
}
