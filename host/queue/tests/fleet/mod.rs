//! Workers that follow the protocol over a store that loses nothing, and a server to which anything may happen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arena_queue::{
    Claim, Claimed, Commit, Failed, Failure, FailureClass, Finalize, JobId, ManualClock, Phase, Queue, QueueError,
    Reassert, Rebuilt, RedisQueue, Seal, Settled, WorkerId,
};
use proptest::prelude::*;

use crate::rig::jobs::{LEASE, settled, spec};
use crate::rig::{Copy, Server};

type Done = Result<(), QueueError>;

/// Something happens. Workers are picked modulo those alive.
#[derive(Clone, Copy, Debug)]
pub enum Op {
    Claim(usize),
    Commit(usize),
    /// The server is killed between the store and the queue.
    CommitOverKill(usize),
    Fail(usize),
    Join,
    /// A worker falls silent.
    Die(usize),
    Kill,
    /// Remembers what the server has on disk.
    Mark,
    /// Sets the server back to the last mark.
    SetBack,
    Empty,
}

pub fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        8 => any::<usize>().prop_map(Op::Claim),
        6 => any::<usize>().prop_map(Op::Commit),
        1 => any::<usize>().prop_map(Op::CommitOverKill),
        2 => any::<usize>().prop_map(Op::Fail),
        2 => Just(Op::Join),
        1 => any::<usize>().prop_map(Op::Die),
        1 => Just(Op::Kill),
        1 => Just(Op::Mark),
        2 => Just(Op::SetBack),
        1 => Just(Op::Empty),
    ];
    proptest::collection::vec(op, 1..40)
}

/// A live worker and the leases it has in hand.
struct Hand {
    id: WorkerId,
    claims: Vec<Claim>,
}

pub struct Fleet {
    server: Server,
    queue: RedisQueue,
    clock: Arc<ManualClock>,
    job: JobId,
    length: u64,
    hands: Vec<Hand>,
    ids: u128,
    /// Batches that are durable, by worker.
    store: BTreeMap<WorkerId, Vec<Vec<Settled>>>,
    mark: Option<Copy>,
    pub rebuilds: usize,
}

impl Fleet {
    /// A server, a job and one worker.
    pub async fn start(length: u64) -> Result<Self, QueueError> {
        let (server, clock) = (Server::start_durable(), Arc::new(ManualClock::default()));
        let queue = RedisQueue::with_clock(server.options(), clock.clone())?;
        let job = JobId::new("fleet")?;
        queue.create(&job, spec(length)).await?;
        let (hands, store) = (vec![], BTreeMap::new());
        let mut fleet = Self { server, queue, clock, job, length, hands, ids: 0, store, mark: None, rebuilds: 0 };
        fleet.step(Op::Join).await?;
        Ok(fleet)
    }

    pub async fn step(&mut self, op: Op) -> Done {
        let pick = |of: usize| of % self.hands.len();
        match op {
            Op::Claim(of) => self.claim(pick(of)).await?,
            Op::Commit(of) => self.commit(pick(of), false).await?,
            Op::CommitOverKill(of) => self.commit(pick(of), true).await?,
            Op::Fail(of) => self.fail(pick(of)).await?,
            Op::Join => {
                self.ids += 1;
                self.queue.register(&self.job, WorkerId(self.ids)).await?;
                self.hands.push(Hand { id: WorkerId(self.ids), claims: vec![] });
            }
            Op::Die(of) if self.hands.len() > 1 => drop(self.hands.remove(of % self.hands.len())),
            Op::Die(_) => {}
            Op::Kill => self.restart(|_| {}).await?,
            Op::Mark => self.mark = Some(self.server.copy()),
            Op::SetBack => {
                if let Some(mark) = self.mark.take() {
                    self.restart(|server| server.put_back(&mark)).await?;
                }
            }
            Op::Empty => {
                self.mark = None;
                self.restart(Server::forget).await?;
            }
        }
        self.check().await
    }

    /// What holds at every moment.
    async fn check(&self) -> Done {
        let total = self.queue.snapshot(&self.job).await?.total();
        assert_eq!(total.length, total.done + total.in_flight + total.waiting + total.not_run, "conservation");
        assert_eq!(total.done, total.outcomes.total());
        assert_eq!(total.done, self.durable().len() as u64, "what is durable is done, and nothing else");
        let mut held = BTreeSet::new();
        for claim in self.hands.iter().flat_map(|hand| &hand.claims) {
            assert!(held.insert(claim.j), "no two workers have the same case");
        }
        Ok(())
    }

    fn durable(&self) -> BTreeSet<u64> {
        self.store.values().flatten().flatten().map(|case| case.j).collect()
    }

    async fn claim(&mut self, of: usize) -> Done {
        let id = self.hands[of].id;
        let mut answer = self.queue.claim(&self.job, id, 0, 4).await;
        if let Err(QueueError::Rebuild { .. }) = answer {
            assert!(self.rebuilds > 0 && self.hands[of].claims.is_empty(), "it joined after a rebuild");
            assert_eq!(self.queue.reassert(&self.job, id, &[]).await?, Reassert::Held { lost: vec![] });
            answer = self.queue.claim(&self.job, id, 0, 4).await;
        }
        let Claimed::Cases(claims) = answer? else { return Ok(()) };
        let durable = self.durable();
        for claim in claims {
            assert!(!durable.contains(&claim.j), "a case whose record is durable is never called again");
            self.hands[of].claims.push(claim);
        }
        Ok(())
    }

    async fn fail(&mut self, of: usize) -> Done {
        let Some(claim) = self.hands[of].claims.pop() else { return Ok(()) };
        let failure = Failure { class: FailureClass::Retryable, cost_usd_micro: None };
        if self.queue.fail(&self.job, &claim, failure).await? == Failed::Final {
            self.hands[of].claims.push(claim);
        }
        Ok(())
    }

    /// Stores half of what the worker has in hand, then commits it.
    async fn commit(&mut self, of: usize, kill: bool) -> Done {
        let hand = &mut self.hands[of];
        let batch: Vec<_> = hand.claims.drain(..hand.claims.len().div_ceil(2)).map(|claim| settled(claim.j)).collect();
        let id = hand.id;
        let batches = self.store.entry(id).or_default();
        batches.push(batch.clone());
        let seq = batches.len() as u64;
        if kill {
            self.server.kill(|_| {});
            self.server.restart();
        }
        match self.queue.commit(&self.job, id, seq, &batch).await {
            Ok(Commit::Committed { losers }) => assert!(losers.is_empty(), "the worker had the leases"),
            Err(QueueError::Rebuild { .. }) => self.rebuild().await?,
            other => panic!("commit answers {other:?}"),
        }
        Ok(())
    }

    async fn restart(&mut self, files: impl FnOnce(&Server)) -> Done {
        self.server.kill(files);
        self.server.restart();
        let lost = self.queue.snapshot(&self.job).await;
        assert_eq!(lost, Err(QueueError::Rebuild { job: self.job.clone() }));
        self.rebuild().await
    }

    /// What the worker that sees it does, then what every live worker does.
    async fn rebuild(&mut self) -> Done {
        self.rebuilds += 1;
        assert_ne!(self.queue.rebuild(&self.job, spec(self.length)).await?, Rebuilt::Current);
        self.adopt().await?;
        for hand in &mut self.hands {
            match self.queue.reassert(&self.job, hand.id, &hand.claims).await? {
                Reassert::Held { lost } => hand.claims.retain(|claim| !lost.contains(&claim.at())),
                other => panic!("reassert answers {other:?}"),
            }
        }
        for _ in 0..2 {
            self.clock.advance(LEASE / 2);
            for hand in &self.hands {
                self.queue.heartbeat(&self.job, hand.id).await?;
            }
        }
        Ok(())
    }

    /// Commits every batch of the store that the queue does not know of.
    async fn adopt(&self) -> Done {
        let known: BTreeSet<_> = self.queue.workers(&self.job).await?.iter().map(|worker| worker.id).collect();
        for (&id, batches) in &self.store {
            if !known.contains(&id) {
                self.queue.register(&self.job, id).await?;
            }
            let last = self.queue.last(&self.job, id).await?;
            for (seq, batch) in (1..).zip(batches).skip(last as usize) {
                let answer = self.queue.commit(&self.job, id, seq, batch).await?;
                assert!(matches!(answer, Commit::Committed { .. }), "{answer:?}");
            }
        }
        Ok(())
    }

    /// Finishes the job with one new worker, seals it and builds the index.
    pub async fn end(mut self) -> Done {
        for of in 0..self.hands.len() {
            while !self.hands[of].claims.is_empty() {
                self.commit(of, false).await?;
            }
        }
        self.hands.clear();
        self.clock.advance(LEASE);
        for worker in self.queue.workers(&self.job).await? {
            self.queue.reclaim(&self.job, worker.id, worker.last).await?;
        }
        self.step(Op::Join).await?;
        for _ in 0..4 * self.length {
            self.step(Op::Claim(0)).await?;
            self.step(Op::Commit(0)).await?;
        }
        let Seal::Sealed(mut sealed) = self.queue.seal(&self.job).await? else { panic!("everything is done") };
        let mut index = BTreeMap::new();
        for worker in &sealed.workers {
            let batches = self.store.get(&worker.id).map(Vec::as_slice).unwrap_or_default();
            assert_eq!(worker.last as usize, batches.len(), "no batch is left out");
            for (number, batch) in batches.iter().enumerate() {
                let losers = worker.losers.get(&(number as u64 + 1));
                for case in batch.iter().filter(|case| !losers.is_some_and(|losers| losers.contains(&case.at()))) {
                    *index.entry(case.j).or_insert(0) += 1;
                }
            }
        }
        assert_eq!(index, (0..self.length).map(|j| (j, 1)).collect(), "each case is in the index once");
        // The seal itself may be lost, and with it whoever stored nothing; made again over the same store it counts the
        // same batches.
        self.server.kill(|_| {});
        self.server.restart();
        assert!(self.queue.seal(&self.job).await.is_err());
        self.queue.rebuild(&self.job, spec(self.length)).await?;
        if self.queue.snapshot(&self.job).await?.phase == Phase::Open {
            self.adopt().await?;
        }
        let Seal::Sealed(mut again) = self.queue.seal(&self.job).await? else { panic!("everything is done again") };
        for sealed in [&mut sealed, &mut again] {
            sealed.workers.retain(|worker| worker.last > 0);
        }
        assert_eq!(again, sealed);
        assert_eq!(self.queue.finalize(&self.job, WorkerId(self.ids)).await?, Finalize::Leased);
        Ok(())
    }
}
