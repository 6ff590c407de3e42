//! One process with the queue in memory and the journal on its disk.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use arena_evaluate::Evaluator;
use arena_model::Record;
use arena_queue::{
    Claim, Claimed, Commit, JobId, JobSpec, LaneSpec, MAX_BATCH, MemoryQueue, Queue, Register, Restored, RetryPolicy,
    Settled, WorkerId,
};
use arena_results::{Done, Journal, ResultsError};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use crate::stored::Stored;
use crate::{Allowance, Matrix, Planned, Shuffle, WorkerError, bare};

/// Lease of a process that shares its queue with nobody: longer than any case may take.
const LEASE: Duration = Duration::from_secs(24 * 3600);

/// Whether a run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// It does.
    No,
    /// Claim nothing more, finish what is in flight.
    Drain,
    /// Drop what is in flight, too.
    Now,
}

impl Stop {
    /// Done once it is this or more; never, if nobody is left to say so.
    pub async fn reached(mut stop: watch::Receiver<Self>, wanted: Self) {
        if stop.wait_for(|now| *now >= wanted).await.is_err() {
            std::future::pending().await
        }
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every case has a record.
    Complete,
    /// The budget kept cases from being run.
    OutOfBudget,
    /// It was stopped; the journal can be resumed.
    Stopped,
}

/// Is told of every record once it is durable.
pub trait Observer: Send {
    /// Called in the order of storing.
    fn stored(&mut self, record: &Record);

    /// Called with the number of cases under way whenever it changed.
    fn in_flight(&mut self, _cases: usize) {}
}

/// A run on this machine.
pub struct LocalRun {
    /// Plan and scenarios.
    pub matrix: Arc<Matrix>,
    /// Runs cases.
    pub evaluator: Arc<Evaluator>,
    /// Where records go.
    pub journal: Journal,
    /// What an earlier life of the run has recorded.
    pub done: Vec<Done>,
    /// Cases at once, at least 1.
    pub concurrency: usize,
    /// What may be spent; none is no limit.
    pub allowance: Option<Allowance>,
    /// The order of cases; none for that of the plan.
    pub shuffle: Option<Shuffle>,
    /// Changes to stop the run.
    pub stop: watch::Receiver<Stop>,
}

/// A finished case on its way to the journal.
type Finished = (Claim, serde_json::Result<Stored>);

/// What became of its task.
type Joined = Result<Result<Finished, WorkerError>, JoinError>;

fn whole(joined: Joined) -> Result<(Claim, Stored), WorkerError> {
    let (claim, stored) = joined??;
    Ok((claim, stored.map_err(|error| ResultsError::RecordInvalid { detail: error.to_string() })?))
}

impl LocalRun {
    /// Runs every case that is not done. On an error the journal holds all that was stored before it.
    pub async fn run(mut self, observer: &mut dyn Observer) -> Result<Ended, WorkerError> {
        let job = JobId::new("local")?;
        let queue = MemoryQueue::default();
        queue.create(&job, self.spec()).await?;
        self.done = Vec::new();
        let worker = WorkerId::random()?;
        if queue.register(&job, worker).await? != Register::Registered {
            return Err(WorkerError::Commit(Commit::Sealed));
        }

        let mut tasks: JoinSet<Result<Finished, WorkerError>> = JoinSet::new();
        let mut open: VecDeque<u32> = (0..self.matrix.plan.lanes().len() as u32).collect();
        let mut seq = 0;
        let mut left_out = false;
        loop {
            let stop = *self.stop.borrow_and_update();
            if stop == Stop::Now {
                tasks.shutdown().await;
                return Ok(Ended::Stopped);
            }
            if stop == Stop::No {
                left_out |= self.fill(&queue, &job, worker, &mut open, &mut tasks).await?;
            }
            observer.in_flight(tasks.len());
            let Some(first) = (tokio::select! {
                joined = tasks.join_next() => joined,
                changed = self.stop.changed() => {
                    if changed.is_ok() {
                        continue;
                    }
                    tasks.join_next().await
                }
            }) else {
                break;
            };
            // What ended meanwhile is stored with it, in one write.
            let mut ended = vec![first];
            ended.extend(std::iter::from_fn(|| tasks.try_join_next()).take(MAX_BATCH - 1));
            seq += 1;
            left_out |= self.store(&queue, &job, (worker, seq), ended, observer).await?;
        }
        self.journal.sync()?;
        Ok(match open.is_empty() {
            false => Ended::Stopped,
            true if left_out => Ended::OutOfBudget,
            true => Ended::Complete,
        })
    }

    /// Makes finished cases durable, then settles them. True if the budget cut one of them short.
    async fn store(
        &mut self,
        queue: &MemoryQueue,
        job: &JobId,
        (worker, seq): (WorkerId, u64),
        ended: Vec<Joined>,
        observer: &mut dyn Observer,
    ) -> Result<bool, WorkerError> {
        let mut cut = false;
        let (mut stored, mut settled) = (Vec::with_capacity(ended.len()), Vec::with_capacity(ended.len()));
        // What can be stored is, whatever became of the others.
        let mut trouble = None;
        for joined in ended {
            match whole(joined) {
                Ok((Claim { lane, j, .. }, case)) => {
                    if let Some(allowance) = &mut self.allowance
                        && !allowance.settle(lane, &case.record)?
                    {
                        cut = true;
                        continue;
                    }
                    let Record { outcome, cost_usd_micro, .. } = case.record;
                    settled.push(Settled { lane, j, outcome, cost_usd_micro });
                    stored.push(case);
                }
                Err(error) => trouble = trouble.or(Some(error)),
            }
        }
        let lines: Vec<_> = stored.iter().map(|case| (case.record.index, case.line.as_slice())).collect();
        self.journal.append_all(&lines)?;
        match queue.commit(job, worker, seq, &settled).await? {
            Commit::Committed { .. } => stored.iter().for_each(|case| observer.stored(&case.record)),
            refused => return Err(WorkerError::Commit(refused)),
        }
        trouble.map_or(Ok(cut), Err)
    }

    /// Claims, lane by lane in turn, until enough cases are in flight or no lane has one. True if a lane was given up for
    /// want of money: with nothing in flight its next case does not fit.
    async fn fill(
        &mut self,
        queue: &MemoryQueue,
        job: &JobId,
        worker: WorkerId,
        open: &mut VecDeque<u32>,
        tasks: &mut JoinSet<Result<Finished, WorkerError>>,
    ) -> Result<bool, WorkerError> {
        let (mut idle, mut given_up) = (0, false);
        while tasks.len() < self.concurrency && idle < open.len() {
            let Some(lane) = open.pop_front() else { break };
            if self.allowance.as_ref().is_some_and(|allowance| !allowance.fits(lane)) {
                if tasks.is_empty() {
                    // It may have no case left that could be given up.
                    given_up |=
                        queue.snapshot(job).await?.lanes.get(lane as usize).is_some_and(|lane| lane.waiting > 0);
                } else {
                    idle += 1;
                    open.push_back(lane);
                }
                continue;
            }
            match queue.claim(job, worker, lane, 1).await? {
                Claimed::Cases(claims) => {
                    idle = 0;
                    for claim in claims {
                        self.start(claim, tasks)?;
                    }
                    open.push_back(lane);
                }
                Claimed::Closed | Claimed::Sealed => {}
                Claimed::Nothing { .. } | Claimed::Gone => {
                    idle += 1;
                    open.push_back(lane);
                }
            }
        }
        Ok(given_up)
    }

    fn start(&mut self, claim: Claim, tasks: &mut JoinSet<Result<Finished, WorkerError>>) -> Result<(), WorkerError> {
        let unplanned = move || WorkerError::Unplanned { lane: claim.lane, j: claim.j };
        let j = self.place(claim.lane, claim.j);
        let index = self.matrix.plan.index(claim.lane, j).ok_or_else(unplanned)?;
        if let Some(allowance) = &mut self.allowance {
            allowance.claim(claim.lane, index)?;
        }
        let (matrix, evaluator) = (self.matrix.clone(), self.evaluator.clone());
        let limit = self.journal.max_record_bytes();
        // Boxed, so that it is moved once.
        tasks.spawn(Box::pin(async move {
            let Planned { case, refused } = matrix.read(index, claim.attempt).await?.ok_or_else(unplanned)?;
            let record = match refused {
                Some(why) => bare::refused(&case, &why, &evaluator.parts().worker),
                None => evaluator.run(&case).await,
            };
            Ok((claim, Stored::new(record, limit)))
        }));
        Ok(())
    }

    /// The place in its lane of what the queue has as number `turn`.
    fn place(&self, lane: u32, turn: u64) -> u64 {
        let length = self.matrix.plan.lanes().get(lane as usize).map_or(0, |lane| lane.len);
        self.shuffle.map_or(turn, |shuffle| shuffle.place(lane, length, turn))
    }

    fn spec(&self) -> JobSpec {
        let plan = &self.matrix.plan;
        let in_flight = u32::try_from(self.concurrency).unwrap_or(u32::MAX).max(1);
        let mut restored: Vec<_> = plan.lanes().iter().map(|lane| Restored::new(lane.len)).collect();
        for done in &self.done {
            if let Some((lane, j)) = plan.lane(done.index)
                && let (Some(restored), Some(planned)) =
                    (restored.get_mut(lane as usize), plan.lanes().get(lane as usize))
            {
                let turn = self.shuffle.map_or(j, |shuffle| shuffle.turn(lane, planned.len, j));
                restored.insert(turn, done.outcome, done.cost_usd_micro);
            }
        }
        let lanes = plan
            .lanes()
            .iter()
            .zip(restored)
            .map(|(lane, restored)| LaneSpec { restored: Some(restored), ..LaneSpec::new(lane.len, in_flight) });
        JobSpec {
            lanes: lanes.collect(),
            // Providers retry their calls and the sandbox its timeouts; what fails after that is the record.
            retry: RetryPolicy {
                attempts: 0,
                stalls: 0,
                poison: 0,
                backoff: Duration::from_millis(100),
                backoff_max: Duration::from_secs(1),
            },
            lease: LEASE,
            budget_usd_micro: None,
            max_workers: 1,
            max_losers: 1,
        }
    }
}
