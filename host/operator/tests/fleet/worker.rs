//! A worker with nothing but its Secret: settles every case without running it.

use std::collections::BTreeMap;

use arena_artifact::{ClientSettings, JobResults, Name, StoreClient};
use arena_model::{Counts, Digest, Manifest, Outcome, ResultStore as _, Summary, Ticket};
use arena_queue::{
    Claimed, Commit, Finalize, Finish, JobId, Queue as _, RedisOptions, RedisQueue, Register, Seal, Settled, WorkerId,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::stand::Stand;

pub struct Worker {
    pub ticket: Ticket,
    pub keys: BTreeMap<String, Vec<u8>>,
    pub manifest: Manifest,
}

impl Worker {
    /// Reads the Secret, and what the ticket leads to.
    pub async fn new(stand: &Stand, job: &str) -> Self {
        let secret = stand.kubectl().run(&["get", "secret", &format!("{job}-worker"), "-o", "json"]).await.unwrap();
        let secret: Value = serde_json::from_str(&secret).unwrap();
        let mut keys = BTreeMap::new();
        for (name, value) in secret["data"].as_object().unwrap() {
            keys.insert(name.clone(), STANDARD.decode(value.as_str().unwrap()).unwrap());
        }
        let ticket: Ticket = serde_json::from_slice(&keys.remove("ticket.json").unwrap()).unwrap();
        let store = store(&ticket);
        let name = |digest: &Digest| Name::Artifact { namespace: ticket.namespace.clone(), digest: digest.clone() };
        let manifest = store.get(&name(&ticket.manifest), 1 << 20).await.unwrap().unwrap();
        assert!(store.size(&name(&ticket.archive)).await.unwrap().is_some());
        Self { manifest: serde_json::from_slice(&manifest).unwrap(), ticket, keys }
    }

    pub fn queue(&self) -> (RedisQueue, JobId) {
        let mut options = RedisOptions::new(self.ticket.redis.url.clone());
        options.username = Some(self.ticket.redis.username.clone());
        options.password = Some(self.ticket.redis.password.clone());
        (RedisQueue::new(options).unwrap(), JobId::new(self.ticket.job.clone()).unwrap())
    }

    /// Settles all cases but for those that were not run, the first `failed` of them as failed, and ends the job.
    pub async fn work(&self, failed: u64) -> Digest {
        let (queue, job) = self.queue();
        let worker = WorkerId::random().unwrap();
        assert_eq!(queue.register(&job, worker).await.unwrap(), Register::Registered);
        let (mut counts, mut seq) = (Counts::default(), 0);
        let lanes = queue.snapshot(&job).await.unwrap().lanes.len();
        for lane in 0..lanes {
            while let Claimed::Cases(claims) = queue.claim(&job, worker, lane as u32, 16).await.unwrap() {
                let mut settled = Vec::new();
                for claim in claims {
                    let outcome = if counts.failed < failed { Outcome::Failed } else { Outcome::Passed };
                    counts.add(outcome);
                    settled.push(Settled { lane: claim.lane, j: claim.j, outcome, cost_usd_micro: Some(10) });
                }
                seq += 1;
                let committed = queue.commit(&job, worker, seq, &settled).await.unwrap();
                assert_eq!(committed, Commit::Committed { losers: vec![] });
            }
        }
        for lane in queue.snapshot(&job).await.unwrap().lanes {
            (0..lane.not_run).for_each(|_| counts.add(Outcome::NotRun));
        }
        assert_eq!(queue.finalize(&job, worker).await.unwrap(), Finalize::Leased);
        assert!(matches!(queue.seal(&job).await.unwrap(), Seal::Sealed(_)));
        let summary = serde_json::to_vec(&self.summary(counts)).unwrap();
        let results = JobResults::new(store(&self.ticket), &*self.ticket.namespace, &*self.ticket.job);
        results.create("summary.json", &summary).await.unwrap();
        let digest = Digest::of(&summary);
        assert_eq!(queue.finish(&job, &digest).await.unwrap(), Finish::Finished);
        digest
    }

    fn summary(&self, cases: Counts) -> Summary {
        let latency = [("p50", 800.0), ("p95", 1500.0)].map(|(name, ms)| (name.to_owned(), ms));
        Summary {
            pass_rate: cases.pass_rate(),
            cost_usd_micro: Some(10 * cases.planned),
            cases,
            measured: arena_model::MeasuredSummary { latency_ms: latency.into(), ..Default::default() },
            ..Summary::empty(self.manifest.work_digest.clone())
        }
    }
}

fn store(ticket: &Ticket) -> StoreClient {
    StoreClient::new(&ticket.store.url, ticket.store.token.clone(), ClientSettings::default()).unwrap()
}
