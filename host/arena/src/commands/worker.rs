//! `arena worker`: one process of a job, in a pod or anywhere else that reaches store and Redis.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arena_bundle::Bundle;
use arena_model::{Counts, Record};
use arena_queue::{JobId, JobSpec};
use arena_worker::{Ended, FleetRun, FleetSettings, Frozen, Observer, Stop};
use tempfile::TempDir;

use crate::exit::{Exit, Failure, OrFail};
use crate::fleet::Assignment;
use crate::frozen::refuse_changes;
use crate::session::Session;
use crate::stop::watch_signals;
use crate::terminal::print_warning;

/// Silence between two lines on progress.
const INTERVAL: Duration = Duration::from_secs(10);

/// Arguments of `arena worker`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folder with the job's `ticket.json` and its providers' keys, as the operator puts them into a Secret.
    #[arg(long, value_name = "DIR")]
    job_dir: PathBuf,
}

/// Works until the job is over. Exit code 0 says that, whatever the cases came to; 2 that trying again is no use.
pub async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    // Before anything else: a pod may be stopped while it is still fetching.
    let stop = watch_signals(&[Stop::Drain, Stop::Now], print_warning);
    let scratch = TempDir::with_prefix("arena-worker-").map_err(|error| {
        Failure::machinery("ScratchFolder", format!("no folder for the bundle: {error}")).hint("set TMPDIR")
    })?;
    let opened = async {
        let assignment = Assignment::fetch(&arguments.job_dir, &scratch).await?;
        let session = Session::open(&assignment.inputs, "worker").await?;
        Ok::<_, Failure>((assignment, session))
    };
    let (Assignment { ticket, manifest, results, queue, .. }, session) = tokio::select! {
        opened = opened => opened?,
        () = Stop::reached(stop.clone(), Stop::Drain) => return Ok(Exit::Interrupted),
    };
    refuse_changes(&manifest, &session.work, Path::new("the bundle of the job"))?;
    let lanes = session.matrix.plan.lanes().iter().map(|lane| lane.len);
    let lease = Duration::from_millis(ticket.queue.lease_ms);
    tracing::info!(job = ticket.job_name, cases = session.matrix.plan.len(), "at work");
    let run = FleetRun {
        queue: Arc::new(queue),
        store: Arc::new(results),
        job: JobId::new(ticket.job.clone()).or_fail()?,
        matrix: session.matrix.clone(),
        runner: session.evaluator.clone(),
        spec: JobSpec::of_fleet(lanes, ticket.queue),
        manifest,
        bundle: Arc::new(Unpacked(session.bundle.clone())),
        settings: FleetSettings::new(ticket.concurrency as usize, lease, scratch.path().to_owned()),
        stop,
    };
    let mut progress = Progress { counts: Counts::default(), last: Instant::now() };
    let ended = run.run(&mut progress).await.or_fail()?;
    progress.tell();
    Ok(match ended {
        Ended::Complete => Exit::Passed,
        // A fleet has none.
        Ended::OutOfBudget => Exit::NoVerdict,
        Ended::Stopped => Exit::Interrupted,
    })
}

/// The bundle in the scratch folder.
struct Unpacked(Arc<Bundle>);

impl Frozen for Unpacked {
    fn labels(&self, scenario: &str) -> BTreeMap<String, String> {
        let found = self.0.scenarios.iter().find(|known| known.id == scenario);
        found.map(|scenario| scenario.labels.clone()).unwrap_or_default()
    }

    fn gates(&self) -> Vec<arena_gate::Gate> {
        self.0.gates.clone()
    }
}

/// A line in the log now and then.
struct Progress {
    counts: Counts,
    last: Instant,
}

impl Progress {
    fn tell(&self) {
        let Counts { planned, passed, failed, error, skipped, .. } = self.counts;
        tracing::info!(cases = planned, passed, failed, error, skipped, "finished here");
    }
}

impl Observer for Progress {
    fn stored(&mut self, record: &Record) {
        self.counts.add(record.outcome);
        if self.last.elapsed() >= INTERVAL {
            self.last = Instant::now();
            self.tell();
        }
    }
}
