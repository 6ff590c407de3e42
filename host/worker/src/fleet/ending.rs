//! The end of a job: every stored batch is adopted, the set of results sealed, the run's folder built from the
//! winners and stored. Whatever dies on the way, the next worker does it again and finds its own bytes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arena_dataset::DatasetError;
use arena_model::{Digest, Outcome, Record, Stored};
use arena_queue::{CaseAt, Finish, Seal, SealedJob, WorkerId};
use arena_results::{Journal, RunDir, RunGate, Settings, StoredBatch, finalize};

use super::batch::name;
use super::index::{self, INDEX};
use super::patience::ask;
use super::stored_name::stored_name;
use super::{FleetRun, Frozen};
use crate::{Matrix, Planned, WorkerError, bare};

/// Name of the folder while it is built.
const FOLDER: &str = "run";
/// What is stored last, and so says that all of the folder is.
const SUMMARY: &str = "summary.json";
/// Folders and files that are not stored: the place of the bundle, and this process's lock.
const LEFT_OUT: [&str; 2] = ["bundle", "lock"];
/// Limit of a summary, bytes; it is written with 256 KiB at most.
const SUMMARY_BYTES: u64 = 1 << 20;

/// Ends the job, or returns without having done so if a case is open again or the seal was lost.
pub(crate) async fn end(run: &FleetRun, worker: WorkerId) -> Result<(), WorkerError> {
    for view in ask(run, || run.queue.workers(&run.job)).await? {
        run.adopt(view.id).await?;
    }
    let sealed = match ask(run, || run.queue.seal(&run.job)).await? {
        Seal::Sealed(sealed) => sealed,
        Seal::Refused { .. } => return Ok(()),
    };
    let bytes = index::encode(run, &sealed)?;
    let sealed = match ask(run, || run.store.create(INDEX, &bytes)).await? {
        Stored::Created | Stored::Same => sealed,
        // The queue was lost and made again after an earlier seal, which stands.
        Stored::Other(found) => {
            let bytes = ask(run, || run.store.read(INDEX, index::LIMIT)).await?;
            bytes.and_then(|bytes| index::decode(run, &bytes)).ok_or(WorkerError::IndexDiffers { found })?
        }
    };
    let stored = ask(run, || run.store.read(SUMMARY, SUMMARY_BYTES)).await?;
    let digest = match stored {
        Some(bytes) => Digest::of(&bytes),
        None => build(run, worker, &sealed).await?,
    };
    match ask(run, || run.queue.finish(&run.job, &digest)).await? {
        Finish::Finished => Ok(()),
        // The seal was lost and another made the queue again: what was stored stands, and is found next time.
        Finish::NotSealed => Ok(()),
        Finish::Differs { digest: found } => Err(WorkerError::SummaryDiffers { found }),
        Finish::Failed => Err(WorkerError::FinalizeFailed),
    }
}

/// Builds the folder, stores it and gives the digest of its summary.
async fn build(run: &FleetRun, worker: WorkerId, sealed: &SealedJob) -> Result<Digest, WorkerError> {
    let scratch = Scratch::new(&run.settings.scratch, worker)?;
    let bundle = run.bundle.clone();
    // The bundle is an artifact of its own: what is stored says nothing of files that are not.
    let folder = RunDir::create(&scratch.0.join(FOLDER), &run.manifest, |to| std::fs::create_dir(to))?;
    let seen = gather(run, sealed, &folder).await?;
    let unread = Arc::default();
    let rest = Rest { matrix: run.matrix.clone(), seen, not_run: sealed.not_run.clone(), unread: Arc::clone(&unread) };
    let path = folder.path().to_owned();
    // Other runs cannot be read from here: a gate that compares with one has no data.
    let gates = bundle.gates().into_iter().map(|gate| RunGate { gate, baseline: None }).collect();
    let settings = Settings { gates, ..Settings::default() };
    let ended = tokio::task::spawn_blocking(move || {
        let labels = |scenario: &str| Frozen::labels(bundle.as_ref(), scenario);
        finalize(&folder, rest.matrix.plan.len(), rest.records(), labels, settings, || false)
    });
    let ended = ended.await?;
    if let Some(error) = unread.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Err(error.into());
    }
    ended?;
    for file in files(&path)? {
        if file != Path::new(SUMMARY) {
            store(run, &path, &file).await?;
        }
    }
    store(run, &path, Path::new(SUMMARY)).await?;
    // What stands in the store counts, whoever wrote it.
    let bytes = ask(run, || run.store.read(SUMMARY, SUMMARY_BYTES)).await?;
    bytes.map(|bytes| Digest::of(&bytes)).ok_or(WorkerError::SummaryMissing)
}

async fn store(run: &FleetRun, folder: &Path, file: &Path) -> Result<(), WorkerError> {
    let (name, path) = (stored_name(file), folder.join(file));
    if let Stored::Other(found) = ask(run, || run.store.create_from(&name, &path)).await? {
        tracing::warn!(name, %found, "an earlier worker stored other bytes, which stand");
    }
    Ok(())
}

/// Copies the winners' lines into the journal. Gives one bit per case of the plan.
async fn gather(run: &FleetRun, sealed: &SealedJob, folder: &RunDir) -> Result<Vec<u8>, WorkerError> {
    let plan = &run.matrix.plan;
    let mut seen = vec![0u8; plan.len().div_ceil(8) as usize];
    let key = |index| run.matrix.key(index);
    let (mut journal, _) = Journal::open(folder, key)?;
    let limit = run.settings.object_limit();
    for worker in &sealed.workers {
        for seq in 1..=worker.last {
            let name = name(worker.id, seq);
            let Some(bytes) = ask(run, || run.store.read(&name, limit)).await? else { continue };
            let batch = StoredBatch::open(&bytes)
                .and_then(|batch| Ok((batch.lines(run.settings.lines_limit())?, batch.entries)));
            let (lines, entries) = match batch {
                Ok(batch) => batch,
                Err(error) => {
                    tracing::warn!(name, "{error}; its cases are lost");
                    continue;
                }
            };
            let losers = worker.losers.get(&seq).map_or(&[][..], Vec::as_slice);
            for ((index, _), line) in entries.into_iter().zip(lines) {
                let (lane, j) = plan.lane(index).ok_or(WorkerError::Foreign { index })?;
                if losers.binary_search(&CaseAt { lane, j }).is_ok() {
                    continue;
                }
                let (byte, bit) = ((index / 8) as usize, 1u8 << (index % 8));
                if seen[byte] & bit != 0 {
                    return Err(WorkerError::Twice { index });
                }
                seen[byte] |= bit;
                journal.append(index, &line)?;
            }
        }
    }
    Ok(seen)
}

/// Cases without a stored record.
struct Rest {
    matrix: Arc<Matrix>,
    seen: Vec<u8>,
    not_run: Vec<u64>,
    /// Why the names of a case could not be read; then its record is missing, too.
    unread: Arc<Mutex<Option<DatasetError>>>,
}

impl Rest {
    /// Their records in plan order. In a lane that misses more records than were not run, a case cannot be told to be
    /// the one or the other, and all are errors.
    fn records(self) -> impl Iterator<Item = Record> {
        let Self { matrix, seen, not_run, unread } = self;
        let stored = move |index: u64| seen[(index / 8) as usize] >> (index % 8) & 1 == 1;
        let cases = matrix.plan.len();
        let mut missing = vec![0u64; matrix.plan.lanes().len()];
        for index in (0..cases).filter(|index| !stored(*index)) {
            if let Some((lane, _)) = matrix.plan.lane(index) {
                missing[lane as usize] += 1;
            }
        }
        let lost = move |lane: u32| missing.get(lane as usize) != not_run.get(lane as usize);
        (0..cases).filter(move |index| !stored(*index)).filter_map(move |index| {
            let planned = matrix.case(index, 0).unwrap_or_else(|error| {
                unread.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                None
            });
            let Planned { case, .. } = planned?;
            let (lane, _) = matrix.plan.lane(index)?;
            Some(if lost(lane) {
                let text = "the stored record is gone or broken";
                bare::record(&case, Outcome::Error, Some("ResultLost"), text, "")
            } else {
                bare::record(&case, Outcome::NotRun, None, "the job ended before this case began", "")
            })
        })
    }
}

/// A folder of this process that goes with the value.
struct Scratch(PathBuf);

impl Scratch {
    fn new(parent: &Path, worker: WorkerId) -> Result<Self, WorkerError> {
        let path = parent.join(format!("finalize-{worker}"));
        clear(&path).and_then(|()| std::fs::create_dir(&path)).map_err(scratch(&path))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = clear(&self.0) {
            tracing::warn!(path = %self.0.display(), "the scratch folder cannot be removed: {error}");
        }
    }
}

fn clear(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn scratch(path: &Path) -> impl FnOnce(std::io::Error) -> WorkerError {
    let path = path.to_owned();
    move |source| WorkerError::Scratch { path, source }
}

/// Files of the folder to store, relative and sorted.
fn files(folder: &Path) -> Result<Vec<PathBuf>, WorkerError> {
    let (mut found, mut waiting) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(relative) = waiting.pop() {
        let path = folder.join(&relative);
        for entry in std::fs::read_dir(&path).map_err(scratch(&path))? {
            let entry = entry.map_err(scratch(&path))?;
            let name = relative.join(entry.file_name());
            if LEFT_OUT.iter().any(|left_out| name == Path::new(left_out)) {
                continue;
            }
            let kind = entry.file_type().map_err(scratch(&path))?;
            if kind.is_dir() { waiting.push(name) } else { found.push(name) }
        }
    }
    found.sort();
    Ok(found)
}
