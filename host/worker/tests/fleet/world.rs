//! A job of made-up cases, a store in memory, and worker processes that can be killed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arena_bundle::Scenario;
use arena_evaluate::CaseInput;
use arena_model::*;
use arena_plan::{Plan, PlanInput, PlanScenario};
use arena_queue::{JobId, JobSpec, LaneSpec, MemoryQueue, OsTokens, Queue, RetryPolicy};
use arena_worker::{CaseRunner, Ended, FleetRun, FleetSettings, Frozen, Matrix, Observer, Stop, WorkerError};
use async_trait::async_trait;
use tokio::sync::{Notify, watch};

use crate::pulse::Pulse;

/// Objects by name; can be told to be away.
#[derive(Default)]
pub struct MemoryStore {
    pub objects: Mutex<BTreeMap<String, Vec<u8>>>,
    pub away: AtomicBool,
    /// An object that another stores when a list of batches is asked for.
    pub late: Mutex<Option<(String, Vec<u8>)>>,
}

impl MemoryStore {
    fn check(&self, name: &str) -> Result<(), StoreError> {
        if !self.away.load(Ordering::SeqCst) {
            return Ok(());
        }
        Err(StoreError::Unavailable { name: name.to_owned(), detail: "it is away".into() })
    }

    pub fn names(&self) -> Vec<String> {
        self.objects.lock().unwrap().keys().cloned().collect()
    }

    pub fn text(&self, name: &str) -> String {
        String::from_utf8(self.objects.lock().unwrap()[name].clone()).unwrap()
    }

    pub fn summary(&self) -> Summary {
        serde_json::from_str(&self.text("summary.json")).unwrap()
    }
}

#[async_trait]
impl ResultStore for MemoryStore {
    async fn create(&self, name: &str, bytes: &[u8]) -> Result<Stored, StoreError> {
        self.check(name)?;
        let mut objects = self.objects.lock().unwrap();
        if let Some(found) = objects.get(name) {
            return Ok(if found == bytes { Stored::Same } else { Stored::Other(Digest::of(found)) });
        }
        objects.insert(name.to_owned(), bytes.to_vec());
        Ok(Stored::Created)
    }

    async fn create_from(&self, name: &str, file: &Path) -> Result<Stored, StoreError> {
        self.create(name, &std::fs::read(file).unwrap()).await
    }

    async fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.check(name)?;
        let bytes = self.objects.lock().unwrap().get(name).cloned();
        assert!(bytes.as_ref().is_none_or(|bytes| bytes.len() as u64 <= limit));
        Ok(bytes)
    }

    async fn workers(&self) -> Result<Vec<String>, StoreError> {
        self.check("workers")?;
        let mut workers: Vec<_> =
            self.names().iter().filter_map(|name| Some(name.split_once('/')?.0.to_owned())).collect();
        workers.dedup();
        Ok(workers)
    }

    async fn batches(&self, worker: &str) -> Result<Vec<u64>, StoreError> {
        self.check(worker)?;
        self.objects.lock().unwrap().extend(self.late.lock().unwrap().take());
        let number = |name: &String| name.strip_prefix(worker)?.strip_prefix('/')?.parse().ok();
        let mut numbers: Vec<u64> = self.names().iter().filter_map(number).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }
}

/// Gives every case a record, counts, and rings when a number of calls is reached.
#[derive(Default)]
pub struct Counting {
    pub calls: AtomicU64,
    pub ring_at: AtomicU64,
    pub bell: Notify,
    /// Case that panics.
    pub panics: Option<u64>,
    /// While set, cases do not end.
    pub held: AtomicBool,
}

#[async_trait]
impl CaseRunner for Counting {
    async fn run(&self, case: &CaseInput) -> Record {
        assert_ne!(self.panics, Some(case.index), "as told");
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        if call == self.ring_at.load(Ordering::SeqCst) {
            self.bell.notify_one();
        }
        while self.held.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        tokio::task::yield_now().await;
        let failed = case.index % 10 == 3;
        Record {
            v: 1,
            key: case.id.key(),
            index: case.index,
            input: Digest::of(b"input"),
            scenario: case.id.scenario.clone(),
            provider: case.id.provider.clone(),
            region: None,
            trial: case.id.trial,
            row: None,
            variant: None,
            outcome: if failed { Outcome::Failed } else { Outcome::Passed },
            reason: failed.then(|| "as told".into()),
            error: None,
            messages: vec![Message::text(Role::Assistant, Author::Model, format!("reply {}", case.index))],
            events: vec![],
            looks: None,
            checks: vec![],
            usage: Usage { input: 1, output: 1, cached: 0, ..Usage::default() },
            cost_usd_micro: Some(2),
            measured: Measured { latency_ms: 1.0, attempts: case.attempt, ..Measured::default() },
        }
    }
}

struct NoBundle;

impl Frozen for NoBundle {
    fn labels(&self, _: &str) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    fn gates(&self) -> Vec<arena_gate::Gate> {
        vec![arena_gate::Gate::parse("pass_rate >= 0").unwrap()]
    }
}

pub struct Nobody;

impl Observer for Nobody {
    fn stored(&mut self, _: &Record) {}
}

/// One job and all it needs.
pub struct World {
    pub queue: Arc<MemoryQueue>,
    pub store: Arc<MemoryStore>,
    pub runner: Arc<Counting>,
    pub job: JobId,
    pub pulse: Arc<Pulse>,
    pub concurrency: usize,
    pub scratch: tempfile::TempDir,
    spec: JobSpec,
    scenarios: u32,
}

/// Two providers, so two lanes of `scenarios` cases each.
const PROVIDERS: [&str; 2] = ["p0", "p1"];

impl World {
    pub async fn new(scenarios: u32, runner: Counting) -> Self {
        let (lease, lane) = (Duration::from_secs(30), LaneSpec::new(scenarios.into(), 64));
        let (backoff, backoff_max) = (Duration::from_millis(1), Duration::from_millis(5));
        let spec = JobSpec {
            lanes: vec![lane; 2],
            retry: RetryPolicy { attempts: 0, stalls: 100, poison: 0, backoff, backoff_max },
            lease,
            budget_usd_micro: None,
            max_workers: 100,
            max_losers: 10_000,
        };
        let pulse = Pulse::new(lease);
        let world = Self {
            queue: Arc::new(MemoryQueue::new(pulse.clock.clone(), Box::<OsTokens>::default())),
            store: Arc::default(),
            runner: Arc::new(runner),
            job: JobId::new("job-1").unwrap(),
            pulse,
            concurrency: 8,
            scratch: tempfile::tempdir().unwrap(),
            spec: spec.clone(),
            scenarios,
        };
        world.queue.create(&world.job, spec).await.unwrap();
        world
    }

    fn matrix(&self) -> Matrix {
        let ids: Vec<String> = (0..self.scenarios).map(|at| format!("s{at:06}")).collect();
        let planned =
            |id: &String| PlanScenario { id: id.clone(), providers: vec![0, 1], trials: 1, rows: None, variants: None };
        let input = PlanInput {
            scenarios: ids.iter().map(planned).collect(),
            providers: PROVIDERS.map(str::to_owned).to_vec(),
            regions: vec![None],
            cap: 1_000_000,
        };
        let scenario = |id: &String| {
            Arc::new(Scenario {
                id: id.clone(),
                description: String::new(),
                labels: BTreeMap::new(),
                task_type: "none".into(),
                turns: vec![],
                providers: vec![],
                provider_group: None,
                required_capabilities: vec![],
                variables: BTreeMap::new(),
                trials: 1,
                perturbations: arena_bundle::Perturbations::default(),
                streaming: None,
                context: None,
                duplex: None,
                seed_memories: vec![],
                tool_policy: None,
                conversation_assertions: vec![],
                dataset: None,
                recording: None,
                file: "scenario.yaml".into(),
            })
        };
        Matrix::new(Plan::new(&input).unwrap(), input, ids.iter().map(scenario).collect(), vec![None; ids.len()])
    }

    pub fn cases(&self) -> u64 {
        u64::from(self.scenarios) * 2
    }

    fn manifest(&self, matrix: &Matrix) -> Manifest {
        let work = Work {
            bundle: Digest::of(b"bundle"),
            entry: "arena.yaml".into(),
            evaluators: BTreeMap::new(),
            config: serde_json::json!({}),
            models: BTreeMap::new(),
            plan: PlanPin { digest: matrix.plan.digest().clone(), cases: matrix.plan.len() },
            seed: 1,
            epoch: "2026-01-01T00:00:00Z".into(),
        };
        Manifest { v: 1, work_digest: Digest::of_json(&work).unwrap(), work, origin: Origin::default() }
    }

    /// A worker process and the handle that stops it.
    pub fn process(&self) -> (FleetRun, watch::Sender<Stop>) {
        self.process_over(self.queue.clone(), self.store.clone())
    }

    /// A worker process over another queue and store.
    pub fn process_over(&self, queue: Arc<dyn Queue>, store: Arc<dyn ResultStore>) -> (FleetRun, watch::Sender<Stop>) {
        let (send, stop) = watch::channel(Stop::No);
        let matrix = self.matrix();
        let scratch = PathBuf::from(self.scratch.path());
        // How often a heartbeat goes out; how long a lease lasts is a matter of the pulse.
        let mut settings = FleetSettings::new(self.concurrency, Duration::from_millis(60), scratch);
        settings.batch_age = Duration::from_millis(20);
        settings.batch_cases = 16;
        settings.pause = (Duration::from_millis(1), Duration::from_millis(10));
        let run = FleetRun {
            queue: self.pulse.of_process(queue),
            store,
            job: self.job.clone(),
            manifest: self.manifest(&matrix),
            matrix: Arc::new(matrix),
            runner: self.runner.clone(),
            spec: self.spec.clone(),
            bundle: Arc::new(NoBundle),
            settings,
            stop,
        };
        (run, send)
    }

    /// Runs a process to its end.
    pub async fn work(&self) -> Result<Ended, WorkerError> {
        let (run, _stop) = self.process();
        run.run(&mut Nobody).await
    }

    /// Starts a process and kills it at the `call`-th call from now.
    pub async fn kill_at(&self, call: u64) {
        let (run, _stop) = self.process();
        self.kill_of(run, call).await;
    }

    /// The same of a process over another queue and store.
    pub async fn kill_of(&self, run: FleetRun, call: u64) {
        let at = self.runner.calls.load(Ordering::SeqCst) + call;
        self.runner.ring_at.store(at, Ordering::SeqCst);
        let mut nobody = Nobody;
        tokio::select! {
            ended = run.run(&mut nobody) => { ended.unwrap(); }
            () = self.runner.bell.notified() => {}
        }
    }

    /// Every case once, all numbers right.
    pub fn check(&self) {
        self.check_summary(&self.store.summary());
    }

    /// The same of a summary from elsewhere.
    pub fn check_summary(&self, summary: &Summary) {
        let counts = summary.cases;
        assert_eq!(counts.planned, self.cases());
        assert_eq!(counts.failed, (0..self.cases()).filter(|index| index % 10 == 3).count() as u64);
        assert_eq!(counts.passed + counts.failed, self.cases(), "{counts:?}");
    }
}
