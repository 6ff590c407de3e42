//! A namespace as it was seen: objects to change and plan over.

#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::BTreeMap;
use std::time::Duration;

use arena_crd::{
    ArenaConfig, ArenaJob, ArenaSource, Artifact, Condition, ConditionStatus, Provider, ProviderStatus, SourceStatus,
};
use arena_model::{Counts, Digest, MeasuredSummary, Summary};
use arena_operator::{ConfigObservation, Frozen, JobObservation, JobPlan, Observed, plan_config, plan_job};
use arena_queue::{LaneCounts, OutcomeCounts, Phase, Snapshot};
use k8s_openapi::api::batch::v1::{Job, JobCondition, JobSpec, JobStatus};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

pub const START: i64 = 1_800_000_000;
pub const GRACE: Duration = Duration::from_secs(3600);

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(START + seconds).unwrap()
}

pub fn object<T: serde::de::DeserializeOwned>(kind: &str, name: &str, spec: Value) -> T {
    let metadata = json!({"name": name, "namespace": "team-a", "uid": format!("uid-of-{name}"), "generation": 1});
    let api = "omnia.altairalabs.ai/v1alpha1";
    serde_json::from_value(json!({"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec})).unwrap()
}

pub struct World {
    pub job: ArenaJob,
    pub config: Option<ArenaConfig>,
    pub source: Option<ArenaSource>,
    pub dataset: Option<ArenaSource>,
    pub providers: BTreeMap<String, Provider>,
    pub children: Vec<ArenaJob>,
    pub run: Observed,
    pub now: Timestamp,
}

impl World {
    /// The mission's objects, all ready, nothing started.
    pub fn new() -> Self {
        let mut source: ArenaSource =
            object("ArenaSource", "my-prompts", json!({"type": "git", "git": {"url": "https://git/acme/prompts"}}));
        source.status = Some(Default::default());
        let mut provider: Provider = object("Provider", "claude-provider", json!({"type": "openai", "model": "m"}));
        provider.status = Some(ProviderStatus { observed_generation: Some(1), conditions: vec![ready()] });
        let mut world = Self {
            job: object("ArenaJob", "evaluation-run-001", json!({"configRef": {"name": "evaluation-config"}})),
            config: Some(object(
                "ArenaConfig",
                "evaluation-config",
                json!({"sourceRef": {"name": "my-prompts"}, "providerRef": {"name": "claude-provider"}, "workers": 4}),
            )),
            source: Some(source),
            dataset: None,
            providers: [("claude-provider".to_owned(), provider)].into(),
            children: Vec::new(),
            run: Observed::default(),
            now: at(0),
        };
        world.revision("main@sha1:abc");
        world
    }

    /// The source is at this revision.
    pub fn revision(&mut self, revision: &str) {
        let status = self.source.as_mut().unwrap().status.as_mut().unwrap();
        status.artifact = Some(artifact(revision));
    }

    /// The run is frozen, its workers are at it, the queue has these counts.
    pub fn running(&mut self, lane: LaneCounts) {
        self.run.frozen = Some(Frozen {
            manifest: Digest::of(b"manifest"),
            work: Digest::of(b"work"),
            source: SourceStatus {
                name: "my-prompts".to_owned(),
                revision: "main@sha1:abc".to_owned(),
                digest: Digest::of(b"bundle").as_str().to_owned(),
            },
            gates: self.config.as_ref().map(|config| config.spec.gates.clone()).unwrap_or_default(),
            workers: 4,
            at: at(0),
        });
        self.run.queue = Some(snapshot(lane));
        self.run.workers = Some(workers(4, None));
        self.run.credentials = true;
    }

    /// The queue says finished, and the summary has these counts.
    pub fn summary(&mut self, cases: Counts) {
        let digest = Digest::of(b"summary");
        if let Some(queue) = &mut self.run.queue {
            queue.phase = Phase::Finished(digest.clone());
        }
        self.run.summary = Some((digest, Box::new(summary(cases))));
    }

    pub fn plan(&self) -> JobPlan {
        plan_job(&JobObservation {
            job: &self.job,
            config: self.config.as_ref(),
            source: self.source.as_ref(),
            dataset: self.dataset.as_ref(),
            providers: &self.providers,
            children: &self.children,
            run: &self.run,
            store_url: "http://store:8080",
            grace: GRACE,
            now: self.now,
        })
    }

    /// Plans, and takes the status over as if it had been written.
    pub fn step(&mut self) -> JobPlan {
        let plan = self.plan();
        self.job.status = Some(plan.status.clone());
        plan
    }

    pub fn plan_config(&self) -> arena_crd::ArenaConfigStatus {
        let config = self.config.as_ref().unwrap();
        let (source, dataset) = (self.source.as_ref(), self.dataset.as_ref());
        let (providers, now) = (&self.providers, self.now);
        plan_config(&ConfigObservation { config, source, dataset, providers, now })
    }
}

pub fn ready() -> Condition {
    Condition {
        type_: "Ready".to_owned(),
        status: ConditionStatus::True,
        observed_generation: Some(1),
        last_transition_time: "2026-01-01T00:00:00Z".to_owned(),
        reason: "Ready".to_owned(),
        message: String::new(),
    }
}

pub fn artifact(revision: &str) -> Artifact {
    Artifact {
        revision: revision.to_owned(),
        digest: Digest::of(revision.as_bytes()).as_str().to_owned(),
        url: "http://store:8080/v1/team-a/artifacts/0".to_owned(),
        size: 1,
        observed_generation: 1,
        last_update_time: "2026-01-01T00:00:00Z".to_owned(),
    }
}

pub fn snapshot(lane: LaneCounts) -> Snapshot {
    Snapshot {
        phase: Phase::Open,
        cancelled: false,
        lanes: vec![lane],
        budget_spent_usd_micro: 0,
        reserved_usd_micro: 0,
        charged_usd_micro: 0,
        workers: 4,
        losers: 0,
    }
}

/// 40 cases, of which `passed` and `failed` are done and at most 2 in flight.
pub fn lane(passed: u64, failed: u64) -> LaneCounts {
    let done = passed + failed;
    let in_flight = (40 - done).min(2);
    let outcomes = OutcomeCounts { passed, failed, error: 0, skipped: 0 };
    LaneCounts {
        length: 40,
        done,
        in_flight,
        waiting: 40 - done - in_flight,
        outcomes,
        spent_usd_micro: 1_250_000,
        ..LaneCounts::default()
    }
}

pub fn summary(cases: Counts) -> Summary {
    let latency = [("p50", 800.4), ("p95", 1500.5), ("p99", 2000.0)].map(|(name, ms)| (name.to_owned(), ms));
    Summary {
        cases,
        pass_rate: cases.pass_rate(),
        cost_usd_micro: Some(1_250_000),
        measured: MeasuredSummary { latency_ms: latency.into(), ..MeasuredSummary::default() },
        ..Summary::empty(Digest::of(b"work"))
    }
}

/// The workers' Kubernetes Job with active pods, and a condition by type, reason and message.
pub fn workers(active: i32, condition: Option<(&str, &str, &str)>) -> Job {
    let condition = condition.map(|(type_, reason, message)| JobCondition {
        type_: type_.to_owned(),
        status: "True".to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        ..JobCondition::default()
    });
    let conditions = condition.map(|condition| vec![condition]);
    let status = JobStatus { active: Some(active), conditions, ..JobStatus::default() };
    Job { spec: Some(JobSpec::default()), status: Some(status), ..Job::default() }
}

/// `type=status/reason` of each condition.
pub fn said(conditions: &[Condition]) -> Vec<String> {
    conditions.iter().map(|c| format!("{}={:?}/{}", c.type_, c.status, c.reason)).collect()
}
