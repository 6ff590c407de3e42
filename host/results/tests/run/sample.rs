//! Small made-up runs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use arena_model::*;
use arena_results::{Journal, Recovered, Result, RunDir, Settings, finalize};
use serde_json::json;

pub fn manifest(cases: u64) -> Manifest {
    let work = Work {
        bundle: Digest::of(b"bundle"),
        entry: "arena.yaml".into(),
        evaluators: BTreeMap::new(),
        config: json!({"trials": 2}),
        models: BTreeMap::new(),
        plan: PlanPin { digest: Digest::of(b"plan"), cases },
        seed: 7,
        epoch: "2026-01-01T00:00:00Z".into(),
    };
    let origin = Origin { engine: "0.1.0".into(), source: "here".into(), ..Origin::default() };
    Manifest { v: 1, work_digest: Digest::of_json(&work).unwrap(), work, origin }
}

pub fn create(dir: &Path, cases: u64) -> RunDir {
    RunDir::create(dir, &manifest(cases), |bundle| {
        fs::create_dir_all(bundle.join("deep"))?;
        fs::write(bundle.join("deep/arena.yaml"), "kind: Arena")
    })
    .unwrap()
}

pub fn check(kind: &str, outcome: Outcome) -> CheckRecord {
    CheckRecord {
        scope: Scope::Turn,
        turn: Some(0),
        index: 0,
        id: None,
        kind: kind.into(),
        params: json!({}),
        outcome,
        score: Some(0.1 + 0.2),
        reason: Some(format!("{kind} says so")),
        error: None,
        pass_threshold: None,
        message: None,
        label: None,
        evidence: vec![],
        evaluator: Some(EvaluatorRef { name: "text".into(), digest: Digest::of(b"text") }),
        fuel: 100 + u64::from(kind == "contains"),
        memory_bytes: 65536,
        reused: false,
        calls: vec![],
    }
}

/// Case `index` of that plan.
pub fn record(index: u64, outcome: Outcome) -> Record {
    let id = id(index);
    let trial = id.trial;
    let ran = matches!(outcome, Outcome::Passed | Outcome::Failed | Outcome::Error);
    let usage = Usage { input: 10, output: 5, cached: 1, ..Usage::default() };
    let mut reply = Message::text(Role::Assistant, Author::Model, format!("reply {index} – ünï"));
    (reply.usage, reply.cost_usd_micro) = (Some(usage), Some(20));
    Record {
        v: 1,
        key: id.key(),
        index,
        input: Digest::of(b"input"),
        scenario: id.scenario,
        provider: id.provider,
        region: None,
        trial,
        row: None,
        variant: None,
        outcome,
        reason: (outcome != Outcome::Passed).then(|| format!("why {index}")),
        error: (outcome == Outcome::Error).then(|| "ProviderTimeout".into()),
        messages: if ran { vec![Message::text(Role::User, Author::Script, "hi"), reply] } else { vec![] },
        events: vec![],
        looks: None,
        checks: if ran { vec![check("contains", outcome)] } else { vec![] },
        usage: if ran { usage } else { Usage::default() },
        cost_usd_micro: ran.then_some(20),
        measured: Measured {
            started: format!("2026-01-05T09:30:{:02}Z", index),
            latency_ms: if ran { 100.0 + index as f64 } else { 0.0 },
            checks_us: vec![12],
            attempts: 1,
            ..Measured::default()
        },
    }
}

/// Outcomes of the standard run of eight cases.
pub const OUTCOMES: [Outcome; 8] = [
    Outcome::Passed,
    Outcome::Failed,
    Outcome::Error,
    Outcome::Passed,
    Outcome::Skipped,
    Outcome::NotRun,
    Outcome::Passed,
    Outcome::NotRun,
];

/// The executed cases of the standard run in the order they happened to finish, and those that were not run.
pub fn standard() -> (Vec<Record>, Vec<Record>) {
    let all = (0..8).map(|index| record(index, OUTCOMES[index as usize]));
    let (not_run, mut done): (Vec<_>, Vec<_>) = all.partition(|record| record.outcome == Outcome::NotRun);
    done.reverse();
    done.swap(1, 3);
    (done, not_run)
}

/// Ids of case `index` of a plan of scenarios `s0`, `s1`, ... with four cases each: two providers, two trials.
fn id(index: u64) -> CaseId {
    let (scenario, provider) = (format!("s{}", index / 4), format!("p{}", index / 2 % 2));
    let trial = (index % 2) as u32;
    CaseId { scenario, provider, region: None, trial, row: None, variant: None }
}

/// Opens the journal of a run of that plan.
pub fn open(run: &RunDir) -> Result<(Journal, Recovered)> {
    Journal::open(run, |index| Some(id(index).key()))
}

pub fn put(journal: &mut Journal, record: &Record) -> Result<()> {
    journal.append(record.index, &serde_json::to_vec(record).unwrap())
}

pub fn append(run: &RunDir, records: &[Record]) {
    let (mut journal, _) = open(run).unwrap();
    records.iter().for_each(|record| put(&mut journal, record).unwrap());
    journal.sync().unwrap();
}

pub fn labels(scenario: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("team".to_owned(), if scenario == "s0" { "red" } else { "blue" }.to_owned())])
}

pub fn finish(run: &RunDir, not_run: Vec<Record>) -> Result<Summary> {
    finalize(run, run.manifest().work.plan.cases, not_run.into_iter(), labels, Settings::default(), || false)
}

/// A standard run, finalized.
pub fn finished(dir: &Path) -> RunDir {
    let run = create(dir, 8);
    let (done, not_run) = standard();
    append(&run, &done);
    finish(&run, not_run).unwrap();
    run
}

/// Copies a folder as a kill would leave it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
