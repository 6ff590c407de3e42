//! Random walks: the same operations on the queue and on the naive model must give the same answers, and every
//! invariant must hold after each of them.

use std::collections::BTreeSet;

use arena_model::Outcome;
use proptest::prelude::*;

use super::model::{Given, Model};
use super::{Done, LEASE, Rig, SECOND, spec};
use crate::{CaseAt, Claim, Claimed, Commit, Failure, FailureClass, JobId, JobSpec, Register, Seal, Settled, WorkerId};

/// One operation. Workers, leases and cases are picked by taking the number modulo what there is.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is a call of the contract")]
pub enum Op {
    Register,
    Advance { seconds: u32 },
    Heartbeat { worker: usize },
    Claim { worker: usize, lane: usize, k: usize },
    Release { lease: usize },
    Fail { lease: usize, class: FailureClass, cost: Option<u64> },
    Commit { worker: usize, leases: Vec<usize>, strays: Vec<usize>, seq: Seq, outcome: Outcome, cost: Option<u64> },
    Reclaim { worker: usize, newest: bool },
    Cancel,
    Finalize { worker: usize },
    Seal,
}

/// Which batch a commit says it is.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Seq {
    Next,
    Repeat,
    Ahead,
}

/// A job and what happens to it.
#[derive(Clone, Debug)]
pub struct Walk {
    spec: JobSpec,
    ops: Vec<Op>,
}

/// Walks of up to 120 operations over two short lanes, with and without a budget.
pub fn walks() -> impl Strategy<Value = Walk> {
    let job = (1..9u64, 0..5u64, 1..4u32, 1..3u32, proptest::option::of(20..200u64));
    (job, proptest::collection::vec(op(), 1..120)).prop_map(|((first, second, in_flight, backlog, budget), ops)| {
        let mut spec = spec(&[first, second]);
        (spec.max_workers, spec.max_losers, spec.budget_usd_micro) = (1000, 10_000, budget);
        for (lane, price) in spec.lanes.iter_mut().zip([10, 7]) {
            (lane.in_flight, lane.retry_backlog, lane.reserve_usd_micro) = (in_flight, backlog, Some(price));
        }
        Walk { spec, ops }
    })
}

fn op() -> impl Strategy<Value = Op> {
    let cost = || proptest::option::weighted(0.9, 0..12u64);
    let class = proptest::sample::select(vec![FailureClass::Retryable, FailureClass::Fatal, FailureClass::Poison]);
    let outcome = proptest::sample::select(vec![Outcome::Passed, Outcome::Failed, Outcome::Error, Outcome::Skipped]);
    let seq = prop_oneof![8 => Just(Seq::Next), 1 => Just(Seq::Repeat), 1 => Just(Seq::Ahead)];
    let picks = |most| proptest::collection::vec(any::<usize>(), 0..most);
    prop_oneof![
        2 => Just(Op::Register),
        4 => (0..40u32).prop_map(|seconds| Op::Advance { seconds }),
        3 => any::<usize>().prop_map(|worker| Op::Heartbeat { worker }),
        12 => (any::<usize>(), 0..2usize, 1..4usize).prop_map(|(worker, lane, k)| Op::Claim { worker, lane, k }),
        4 => any::<usize>().prop_map(|lease| Op::Release { lease }),
        8 => (any::<usize>(), class, cost()).prop_map(|(lease, class, cost)| Op::Fail { lease, class, cost }),
        8 => (any::<usize>(), picks(4), picks(2), seq, outcome, cost()).prop_map(
            |(worker, leases, strays, seq, outcome, cost)| Op::Commit { worker, leases, strays, seq, outcome, cost }
        ),
        5 => (any::<usize>(), proptest::bool::weighted(0.8))
            .prop_map(|(worker, newest)| Op::Reclaim { worker, newest }),
        1 => Just(Op::Cancel),
        2 => any::<usize>().prop_map(|worker| Op::Finalize { worker }),
        2 => Just(Op::Seal),
    ]
}

/// Walks, then lets a fresh worker do what is left: every case must end done or not run, and the job must seal.
///
/// # Errors
/// Any error of the queue: a walk makes only calls that must be answered.
///
/// # Panics
/// Where queue and model differ, or an invariant does not hold.
pub async fn follow(rig: &dyn Rig, walk: &Walk) -> Done {
    let job = JobId::new("walk")?;
    rig.queue().create(&job, walk.spec.clone()).await?;
    let model = Model::new(walk.spec.clone());
    let mut walker = Walker { rig, job, model, workers: vec![], claims: vec![], won: BTreeSet::new() };
    // An exhausted case is due since the beginning of time: no other may be due at that very moment.
    rig.advance(SECOND).await;
    walker.model.now += SECOND;
    walker.register().await?;
    walker.check().await?;
    for op in &walk.ops {
        walker.step(op, &walk.spec).await?;
        walker.check().await?;
    }
    walker.drain().await
}

struct Walker<'a> {
    rig: &'a dyn Rig,
    job: JobId,
    model: Model,
    workers: Vec<WorkerId>,
    /// Every claim ever given; the model numbers its leases alike.
    claims: Vec<Claim>,
    /// Cases whose record counts.
    won: BTreeSet<CaseAt>,
}

impl Walker<'_> {
    async fn register(&mut self) -> Done {
        if self.model.sealed() {
            return Ok(());
        }
        let worker = WorkerId(self.workers.len() as u128 + 1);
        assert_eq!(self.rig.queue().register(&self.job, worker).await?, Register::Registered);
        self.model.register(worker);
        self.workers.push(worker);
        Ok(())
    }

    fn worker(&self, pick: usize) -> WorkerId {
        self.workers[pick % self.workers.len()]
    }

    async fn step(&mut self, op: &Op, spec: &JobSpec) -> Done {
        let (queue, job) = (self.rig.queue(), self.job.clone());
        match op {
            Op::Register => self.register().await?,
            Op::Advance { seconds } => {
                self.rig.advance(SECOND * *seconds).await;
                self.model.now += SECOND * *seconds;
            }
            Op::Heartbeat { worker } => {
                let worker = self.worker(*worker);
                assert_eq!(queue.heartbeat(&job, worker).await?, self.model.heartbeat(worker));
            }
            Op::Claim { worker, lane, k } => {
                self.claim(self.worker(*worker), *lane, *k).await?;
            }
            Op::Release { lease } if !self.claims.is_empty() => {
                let lease = lease % self.claims.len();
                assert_eq!(queue.release(&job, &self.claims[lease]).await?, self.model.release(lease));
            }
            Op::Fail { lease, class, cost } if !self.claims.is_empty() => {
                let lease = lease % self.claims.len();
                let failure = Failure { class: *class, cost_usd_micro: *cost };
                let answer = queue.fail(&job, &self.claims[lease], failure).await?;
                assert_eq!(answer, self.model.fail(lease, failure));
            }
            Op::Release { .. } | Op::Fail { .. } => {}
            Op::Commit { worker, leases, strays, seq, outcome, cost } => {
                let worker = self.worker(*worker);
                let mine: Vec<_> =
                    self.model.leases.iter().filter(|lease| lease.0 == worker).map(|lease| lease.1).collect();
                let all: Vec<_> = (0..spec.lanes.len() as u32)
                    .flat_map(|lane| (0..spec.lanes[lane as usize].length).map(move |j| CaseAt { lane, j }))
                    .collect();
                let picked = leases.iter().filter_map(|pick| mine.get(pick % mine.len().max(1)));
                let batch: BTreeSet<_> = picked.chain(strays.iter().map(|pick| &all[pick % all.len()])).collect();
                let batch: Vec<_> = batch
                    .into_iter()
                    .map(|at| Settled { lane: at.lane, j: at.j, outcome: *outcome, cost_usd_micro: *cost })
                    .collect();
                let seq = match seq {
                    Seq::Next => self.model.last(worker) + 1,
                    Seq::Repeat => self.model.last(worker).max(1),
                    Seq::Ahead => self.model.last(worker) + 2,
                };
                self.commit(worker, seq, &batch).await?;
            }
            Op::Reclaim { worker, newest } => {
                let worker = self.worker(*worker);
                let last = self.model.last(worker) + u64::from(!newest);
                assert_eq!(queue.reclaim(&job, worker, last).await?, self.model.reclaim(worker, last));
            }
            Op::Cancel => assert_eq!(queue.cancel(&job).await?, self.model.cancel()),
            Op::Finalize { worker } => {
                let worker = self.worker(*worker);
                assert_eq!(queue.finalize(&job, worker).await?, self.model.finalize(worker));
            }
            Op::Seal => assert_eq!(queue.seal(&job).await?, self.model.seal()),
        }
        Ok(())
    }

    /// Claims on both; gives the cases and whether the lane is closed.
    async fn claim(
        &mut self,
        worker: WorkerId,
        lane: usize,
        k: usize,
    ) -> Result<(Vec<Claim>, bool), crate::QueueError> {
        let answer = self.rig.queue().claim(&self.job, worker, lane as u32, k).await?;
        let given = match &answer {
            Claimed::Cases(claims) => Given::Cases(claims.iter().map(|c| (c.j, c.attempt, c.exhausted)).collect()),
            Claimed::Nothing { retry_in } => Given::Nothing(*retry_in),
            Claimed::Closed => Given::Closed,
            Claimed::Sealed => Given::Sealed,
            Claimed::Gone => Given::Gone,
        };
        assert_eq!(given, self.model.claim(worker, lane, k));
        let claims = if let Claimed::Cases(claims) = answer { claims } else { vec![] };
        for claim in &claims {
            assert!(!self.won.contains(&claim.at()), "a case whose record counts is never given out again");
            self.claims.push(*claim);
        }
        Ok((claims, matches!(given, Given::Closed | Given::Sealed)))
    }

    async fn commit(&mut self, worker: WorkerId, seq: u64, batch: &[Settled]) -> Done {
        let fresh = !self.model.sealed() && seq == self.model.last(worker) + 1;
        let answer = self.rig.queue().commit(&self.job, worker, seq, batch).await?;
        assert_eq!(answer, self.model.commit(worker, seq, batch));
        if let (true, Commit::Committed { losers }) = (fresh, answer) {
            for at in batch.iter().map(Settled::at) {
                assert_eq!(self.won.insert(at), !losers.contains(&at), "each case counts once");
            }
        }
        Ok(())
    }

    /// What holds after every step.
    async fn check(&self) -> Done {
        let snapshot = self.rig.queue().snapshot(&self.job).await?;
        for lane in &snapshot.lanes {
            assert_eq!(lane.length, lane.done + lane.in_flight + lane.waiting + lane.not_run, "conservation: {lane:?}");
            assert_eq!(lane.done, lane.outcomes.total());
        }
        assert_eq!(snapshot.lanes, self.model.counts());
        let money = (snapshot.budget_spent_usd_micro, snapshot.reserved_usd_micro, snapshot.charged_usd_micro);
        assert_eq!((money.0, money.1, money.2, snapshot.losers), self.model.totals());
        assert_eq!(snapshot.total().done, self.won.len() as u64);
        Ok(())
    }

    async fn drain(mut self) -> Done {
        self.rig.advance(LEASE).await;
        self.model.now += LEASE;
        for worker in self.workers.clone() {
            let last = self.model.last(worker);
            assert_eq!(self.rig.queue().reclaim(&self.job, worker, last).await?, self.model.reclaim(worker, last));
        }
        self.register().await?;
        let worker = self.worker(self.workers.len() - 1);
        // Every round either settles a case or lets the one retry of each become due.
        let mut closed = self.model.sealed();
        let rounds = 2 * self.model.counts().iter().map(|lane| lane.length).sum::<u64>() + 4;
        for _ in 0..rounds {
            if closed {
                break;
            }
            closed = true;
            for lane in 0..2 {
                let (claims, lane_closed) = self.claim(worker, lane, 64).await?;
                closed &= lane_closed;
                let done = |claim: &Claim| {
                    let (outcome, cost_usd_micro) = (Outcome::Passed, Some(1));
                    Settled { lane: claim.lane, j: claim.j, outcome, cost_usd_micro }
                };
                let batch: Vec<_> = claims.iter().map(done).collect();
                self.commit(worker, self.model.last(worker) + 1, &batch).await?;
                self.check().await?;
            }
            self.rig.advance(SECOND).await;
            self.model.now += SECOND;
        }
        assert!(closed, "a worker that goes on gets to the end");
        let sealed = self.rig.queue().seal(&self.job).await?;
        assert!(matches!(sealed, Seal::Sealed(_)), "{sealed:?}");
        assert_eq!(sealed, self.model.seal());
        Ok(())
    }
}
