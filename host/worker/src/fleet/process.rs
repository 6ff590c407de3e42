//! The loop of a worker process. One task owns its state; cases, the upload, the look after the others and the end of
//! the job are tasks beside it, so that the heartbeat goes on whatever they wait for.

mod recover;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arena_evaluate::CaseInput;
use arena_model::{Outcome, Record};
use arena_queue::{CaseAt, Claim, Claimed, Exhausted, Finalize, Heartbeat, MAX_CLAIM, Register, Settled, WorkerId};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use super::batch::{ClosedBatch, OpenBatch, Sent};
use super::patience::{ask, next};
use super::task::{Task, end_of};
use super::{FleetRun, ending};
use crate::stored::Stored;
use crate::{Ended, Observer, Planned, Stop, WorkerError, bare};

type Finished = Result<(Claim, Stored), WorkerError>;

type Upload = (Arc<ClosedBatch>, Task<Result<Sent, WorkerError>>);

/// A lane as this process sees it.
#[derive(Clone, Copy)]
struct LaneView {
    /// It will give no further case.
    closed: bool,
    /// When it makes sense to ask again.
    ask_at: Instant,
}

/// The state of a worker process.
pub(crate) struct Process {
    run: Arc<FleetRun>,
    stop: watch::Receiver<Stop>,
    worker: WorkerId,
    /// Newest batch under `worker`.
    seq: u64,
    lanes: Vec<LaneView>,
    /// Where the next round of claims begins.
    turn: usize,
    tasks: JoinSet<Finished>,
    /// Every lease of this worker: cases in flight, and finished ones whose batch is not committed yet.
    held: HashMap<CaseAt, (Claim, AbortHandle)>,
    open: OpenBatch,
    upload: Option<Upload>,
    /// Burying the silent.
    look: Option<Task<Result<(), WorkerError>>>,
    last_step: Option<Task<Result<(), WorkerError>>>,
    beat_at: Instant,
    look_at: Instant,
    end_at: Instant,
    pause: Duration,
    /// The queue says that nothing more is taken.
    sealed: bool,
    /// When all was well last.
    well_at: Instant,
    /// Since when the queue has forgotten things, again and again.
    lost_at: Option<Instant>,
}

impl Process {
    pub fn new(run: Arc<FleetRun>) -> Result<Self, WorkerError> {
        let now = Instant::now();
        let lanes = vec![LaneView { closed: false, ask_at: now }; run.matrix.plan.lanes().len()];
        Ok(Self {
            stop: run.stop.clone(),
            worker: WorkerId::random()?,
            seq: 0,
            lanes,
            turn: 0,
            tasks: JoinSet::new(),
            held: HashMap::new(),
            open: OpenBatch::default(),
            upload: None,
            look: None,
            last_step: None,
            beat_at: now,
            look_at: now + run.settings.lease,
            end_at: now,
            pause: run.settings.pause.0,
            sealed: false,
            well_at: now,
            lost_at: None,
            run,
        })
    }

    /// Takes a new id. What is in flight is dropped; what is finished is stored under the new id.
    async fn renew(&mut self) -> Result<(), WorkerError> {
        tracing::warn!(worker = %self.worker, "this worker's leases were taken from it; it goes on under a new id");
        self.tasks.shutdown().await;
        self.held.clear();
        self.worker = WorkerId::random()?;
        self.seq = 0;
        self.register().await
    }

    async fn register(&mut self) -> Result<(), WorkerError> {
        loop {
            let run = &self.run;
            match ask(run, || run.queue.register(&run.job, self.worker)).await? {
                Register::Registered => break,
                Register::Known => self.worker = WorkerId::random()?,
                Register::Sealed => {
                    self.sealed = true;
                    break;
                }
            }
        }
        self.beat_at = Instant::now() + self.run.settings.lease / 3;
        Ok(())
    }

    pub async fn run(mut self, observer: &mut dyn Observer) -> Result<Ended, WorkerError> {
        // The first process after a loss has nobody who put the queue right before it came.
        let mut stepped = self.register().await.map(|()| None);
        loop {
            match stepped {
                Ok(None) => (self.well_at, self.lost_at) = (Instant::now(), None),
                Ok(Some(ended)) => return Ok(ended),
                Err(WorkerError::Queue(error)) => self.recover(error).await?,
                Err(error) => return Err(error),
            }
            stepped = self.step(observer).await;
        }
    }

    /// One round: claim, send, end or wait.
    async fn step(&mut self, observer: &mut dyn Observer) -> Result<Option<Ended>, WorkerError> {
        let stop = *self.stop.borrow_and_update();
        if stop == Stop::Now {
            self.tasks.shutdown().await;
            return Ok(Some(Ended::Stopped));
        }
        if self.sealed {
            self.tasks.shutdown().await;
            self.held.clear();
            self.open = OpenBatch::default();
        }
        if stop == Stop::No && !self.sealed {
            self.fill().await?;
        }
        self.send(stop)?;
        let idle = self.tasks.is_empty() && self.open.len() == 0 && self.upload.is_none();
        if idle && stop == Stop::Drain && self.last_step.is_none() {
            return Ok(Some(Ended::Stopped));
        }
        if idle && self.last_step.is_none() && Instant::now() >= self.end_at && self.exhausted() {
            return Ok(self.finalize().await?.then_some(Ended::Complete));
        }
        self.wait(idle, observer).await?;
        Ok(None)
    }

    /// Whether no lane has a case that this process may still take.
    fn exhausted(&self) -> bool {
        self.sealed || self.lanes.iter().all(|lane| lane.closed)
    }

    /// Claims until enough cases are in flight or no lane has one now.
    async fn fill(&mut self) -> Result<(), WorkerError> {
        let settings = self.run.settings.clone();
        let count = self.lanes.len();
        let mut asked = 0;
        while asked < count {
            let unstored = self.open.len() + self.upload.as_ref().map_or(0, |(batch, _)| batch.settled.len());
            let held = self.tasks.len() + unstored;
            let bound = settings.concurrency + settings.batch_cases;
            let room = (settings.concurrency - self.tasks.len().min(settings.concurrency)).min(bound - held.min(bound));
            if room == 0 {
                return Ok(());
            }
            let at = (self.turn + asked) % count;
            asked += 1;
            if self.lanes[at].closed || self.lanes[at].ask_at > Instant::now() {
                continue;
            }
            let run = self.run.clone();
            let k = room.div_ceil(count).clamp(1, MAX_CLAIM);
            // Not asked again: after a lost answer the leases must be told first.
            match run.queue.claim(&run.job, self.worker, at as u32, k).await? {
                Claimed::Cases(claims) => {
                    self.pause = settings.pause.0;
                    asked = 0;
                    self.turn = (at + 1) % count;
                    for claim in claims {
                        self.start_case(claim)?;
                    }
                }
                Claimed::Nothing { retry_in } => {
                    self.lanes[at].ask_at =
                        Instant::now() + retry_in.unwrap_or(self.pause).clamp(settings.pause.0, settings.pause.1);
                }
                Claimed::Closed => self.lanes[at].closed = true,
                Claimed::Sealed => self.sealed = true,
                Claimed::Gone => return self.renew().await,
            }
        }
        Ok(())
    }

    fn start_case(&mut self, claim: Claim) -> Result<(), WorkerError> {
        let unplanned = move || WorkerError::Unplanned { lane: claim.lane, j: claim.j };
        let index = self.run.matrix.plan.index(claim.lane, claim.j).ok_or_else(unplanned)?;
        let (matrix, runner) = (self.run.matrix.clone(), self.run.runner.clone());
        let worker = self.worker.to_string();
        let task = self.tasks.spawn(async move {
            let Planned { case, refused } = matrix.read(index, claim.attempt).await?.ok_or_else(unplanned)?;
            let record = match (claim.exhausted, refused) {
                (Some(why), _) => exhausted(&case, why, &worker),
                (None, Some(why)) => bare::refused(&case, &why, &worker),
                (None, None) => attempt(runner, &case, &worker).await,
            };
            let encode = |error: serde_json::Error| WorkerError::Encode { detail: error.to_string() };
            Ok((claim, Stored::new(record, arena_results::MAX_RECORD_BYTES).map_err(encode)?))
        });
        self.held.insert(claim.at(), (claim, task));
        Ok(())
    }

    /// Closes the open batch and starts its upload, if it is time and no other is under way.
    fn send(&mut self, stop: Stop) -> Result<(), WorkerError> {
        let Some(due) = self.open.due(&self.run.settings) else { return Ok(()) };
        let nothing_more = self.tasks.is_empty() && (stop != Stop::No || self.exhausted());
        if self.upload.is_some() || (due > Instant::now() && !nothing_more) {
            return Ok(());
        }
        self.seq += 1;
        let batch = self.open.close(self.worker, self.seq)?;
        self.start_upload(batch);
        Ok(())
    }

    fn start_upload(&mut self, batch: Arc<ClosedBatch>) {
        let (run, sent) = (self.run.clone(), batch.clone());
        let task = Task::spawn(async move { sent.send(&run).await });
        self.upload = Some((batch, task));
    }

    async fn uploaded(&mut self, batch: Arc<ClosedBatch>, sent: Result<Sent, WorkerError>) -> Result<(), WorkerError> {
        let sent = match sent {
            Err(WorkerError::Queue(error)) => {
                self.recover(error).await?;
                self.start_upload(batch);
                return Ok(());
            }
            sent => sent?,
        };
        match sent {
            Sent::Committed => batch.settled.iter().for_each(|case| drop(self.held.remove(&case.at()))),
            Sent::Sealed => self.sealed = true,
            Sent::Taken => {
                if batch.worker == self.worker {
                    self.renew().await?;
                }
                self.seq += 1;
                self.start_upload(batch.renamed(self.worker, self.seq));
            }
        }
        Ok(())
    }

    /// Waits for whatever comes first and deals with it.
    async fn wait(&mut self, idle: bool, observer: &mut dyn Observer) -> Result<(), WorkerError> {
        let wake = self.wake(idle);
        tokio::select! {
            Some(joined) = self.tasks.join_next() => {
                let finished = match joined {
                    Err(error) if error.is_cancelled() => return Ok(()),
                    joined => joined?,
                };
                let (claim, Stored { record, line }) = finished?;
                observer.stored(&record);
                let settled = Settled {
                    lane: claim.lane,
                    j: claim.j,
                    outcome: record.outcome,
                    cost_usd_micro: record.cost_usd_micro,
                };
                self.open.push(settled, &line)?;
            }
            sent = end_of(self.upload.as_mut().map(|(_, task)| task)) => {
                if let Some((batch, _)) = self.upload.take() {
                    self.uploaded(batch, sent?).await?;
                }
            }
            looked = end_of(self.look.as_mut()) => {
                self.look = None;
                self.look_at = Instant::now() + self.run.settings.lease;
                looked??;
            }
            ended = end_of(self.last_step.as_mut()) => {
                self.last_step = None;
                ended??;
                self.end_at = Instant::now();
            }
            changed = self.stop.changed() => {
                if changed.is_err() {
                    // Nobody is left who could stop this process.
                    let (send, receive) = watch::channel(Stop::No);
                    self.stop = receive;
                    tokio::spawn(async move { send.closed().await });
                }
            }
            () = tokio::time::sleep_until(wake.into()) => self.tick().await?,
        }
        Ok(())
    }

    /// When there is something to do though nothing happened.
    fn wake(&self, idle: bool) -> Instant {
        let mut wake = self.beat_at;
        if self.look.is_none() {
            wake = wake.min(self.look_at);
        }
        if self.upload.is_none()
            && let Some(due) = self.open.due(&self.run.settings)
        {
            wake = wake.min(due);
        }
        if self.tasks.len() < self.run.settings.concurrency && !self.sealed {
            let open = self.lanes.iter().filter(|lane| !lane.closed).map(|lane| lane.ask_at);
            wake = open.min().map_or(wake, |ask_at| wake.min(ask_at.max(Instant::now() + self.run.settings.pause.0)));
        }
        if idle && self.last_step.is_none() { wake.min(self.end_at) } else { wake }
    }

    /// Heartbeat, and a look at the others once in a lease.
    async fn tick(&mut self) -> Result<(), WorkerError> {
        let (run, now) = (self.run.clone(), Instant::now());
        if now >= self.beat_at {
            self.beat_at = now + run.settings.lease / 3;
            let gone = ask(&run, || run.queue.heartbeat(&run.job, self.worker)).await? == Heartbeat::Gone;
            if gone && !self.sealed {
                self.renew().await?;
            }
        }
        if now >= self.look_at && self.look.is_none() {
            let worker = self.worker;
            self.look = Some(Task::spawn(async move { run.bury_all(worker).await }));
        }
        Ok(())
    }

    /// Asks for the last step. Gives whether the job is over.
    async fn finalize(&mut self) -> Result<bool, WorkerError> {
        let run = self.run.clone();
        match ask(&run, || run.queue.finalize(&run.job, self.worker)).await? {
            Finalize::Leased => {
                let (run, worker) = (run.clone(), self.worker);
                self.last_step = Some(Task::spawn(async move { ending::end(&run, worker).await }));
            }
            Finalize::NotYet { .. } | Finalize::Held { .. } => {
                self.pause = next(self.pause, run.settings.pause.1);
                self.end_at = Instant::now() + self.pause;
            }
            Finalize::Finished => return Ok(true),
            Finalize::Failed => return Err(WorkerError::FinalizeFailed),
            Finalize::Gone => self.renew().await?,
        }
        Ok(false)
    }
}

/// Runs a case in a task of its own, so that a panic in it is that case's error and nothing else.
async fn attempt(runner: Arc<dyn super::CaseRunner>, case: &CaseInput, worker: &str) -> Record {
    let input = case.clone();
    match end_of(Some(&mut Task::spawn(async move { runner.run(&input).await }))).await {
        Ok(record) => record,
        Err(error) => {
            let text = format!("the case's task died: {error}");
            bare::record(case, Outcome::Error, Some("TaskDied"), &text, worker)
        }
    }
}

fn exhausted(case: &CaseInput, why: Exhausted, worker: &str) -> Record {
    let (name, text) = match why {
        Exhausted::Attempts => ("AttemptsExhausted", "every attempt failed in a way that could have passed"),
        Exhausted::Stalls => ("WorkersLost", "too many workers were lost while they ran this case"),
        Exhausted::Poison => ("CasePoisonous", "the case broke what ran it, more often than is forgiven"),
    };
    bare::record(case, Outcome::Error, Some(name), text, worker)
}
