//! Bar 06.5: the mathematics of results is that of SciPy and statsmodels, comparisons of equals raise few alarms, a drop is
//! found as often as was said, and intervals cover what they should.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use arena_model::{
    CaseId, CheckRecord, Digest, Manifest, Measured, Origin, Outcome, PlanPin, Record, Scope, Usage, Work,
};
use arena_results::compare::{Question, Verdict, compare};
use arena_results::{Journal, RunDir, RunView};
use arena_statistics::{
    Cluster, Clusters, PERMUTATIONS, adjusted_paired, benjamini_hochberg, bootstrap_mean, cohen_h, holm,
    mcnemar_corrected, mcnemar_exact, minimum_detectable, normal_quantile, paired_power, pairs_needed, sign_flip,
    student_t, student_t_quantile, wilson,
};
use fastrand::Rng;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::bar::Bar;
use crate::process;
use crate::providers::python;
use crate::world::World;

/// Longest time of the referee.
const PATIENCE: Duration = Duration::from_secs(600);
/// Everything simulated is drawn from this: the verdict of the bar is no chance.
const SEED: u64 = 65;
const CONFIDENCE: f64 = 0.95;

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    tables: usize,
    equals: usize,
    alarms: f64,
    drops: usize,
    power: f64,
    simulations: usize,
    covered: [f64; 2],
}

/// All of it.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    referee(world, limits, bar)?;
    equals(world, limits, bar)?;
    drops(world, limits, bar)?;
    coverage(limits, bar);
    Ok(())
}

/// Random data with what our functions say of them, recomputed by the referee packages.
fn referee(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let folder = world.root.join("tests/statistics");
    let python = python::with(&folder.join("requirements.txt"), &[])?;
    let (mut random, mut lines) = (Rng::with_seed(SEED), String::new());
    let mut kinds = std::collections::BTreeMap::<&str, usize>::new();
    let mut say = |kind: &'static str, given: Value, said: Value| {
        *kinds.entry(kind).or_default() += 1;
        lines.push_str(&json!({"kind": kind, "given": given, "said": said, "draws": PERMUTATIONS}).to_string());
        lines.push('\n');
    };
    for number in 0..limits.tables {
        let size = [20, 200, 5000, 100_000][number % 4];
        let [both, better, worse, neither] = [(); 4].map(|()| random.u64(0..size));
        let table = json!([both, better, worse, neither]);
        say("mcnemar", table.clone(), json!(mcnemar_exact(better, worse)));
        if better != worse {
            // At equal counts statsmodels corrects beyond zero.
            say("mcnemar_corrected", table, json!(mcnemar_corrected(better, worse)));
        }
        let few: Vec<i64> = (0..random.usize(2..12)).map(|_| random.i64(-1000..=1000)).collect();
        say("signs_exact", json!(few), json!(sign_flip(&few)));
        let of = random.u64(1..2000);
        let (passed, confidence) = (random.u64(0..=of), random.choice([0.8, 0.9, 0.95, 0.99]).unwrap_or(0.95));
        say("wilson", json!([passed, of, confidence]), json!(wilson(passed as f64, of as f64, confidence)));
        let (mean, error, n) = (random.f64(), random.f64(), random.u64(2..500));
        say("student_t", json!([mean, error, n, confidence]), json!(student_t(mean, error, n, confidence)));
        let p_values: Vec<f64> = (0..random.usize(1..30)).map(|_| random.f64().powi(3)).collect();
        say("holm", json!(p_values), json!(holm(&p_values)));
        say("fdr_bh", json!(p_values), json!(benjamini_hochberg(&p_values)));
        let (from, to) = (random.f64(), random.f64());
        say("cohen_h", json!([from, to]), json!(cohen_h(from, to)));
        let (deviation, pairs, alpha) = (0.1 + random.f64(), random.u64(5..2000), 0.001 + 0.1 * random.f64());
        let (difference, power) = (0.2 * random.f64(), 0.75 + 0.2 * random.f64());
        let said = paired_power(deviation, difference, pairs, alpha);
        say("power", json!([deviation, difference, pairs, alpha]), json!(said));
        let said = minimum_detectable(deviation, pairs, alpha, power);
        say("detectable", json!([deviation, pairs, alpha, power]), json!(said));
        let p = random.f64().powi(6);
        say("normal_quantile", json!(p), json!(normal_quantile(p)));
        let (p, freedom) = (random.f64().powi(3), 1.0 + (random.f64() * 12.0).exp());
        say("t_quantile", json!([p, freedom]), json!(student_t_quantile(p, freedom)));
        if number % 10 == 0 {
            let many: Vec<i64> = (0..random.usize(18..23)).map(|_| random.i64(-700..=1000)).collect();
            say("signs_drawn", json!(many), json!(sign_flip(&many)));
            let values: Vec<i64> = (0..random.usize(20..200)).map(|_| random.i64(0..1_000_000)).collect();
            say("bootstrap", json!([values, CONFIDENCE]), json!(bootstrap_mean(&values, CONFIDENCE)));
        }
    }
    let file = world.scratch("statistics.jsonl");
    fs::write(&file, lines)?;
    let mut command = Command::new(python);
    command.current_dir(&folder).arg("referee.py").arg(&file);
    let said = process::capture_to(&[0, 1], &mut command, PATIENCE)?;
    said.lines().filter(|line| line.starts_with("FAILED")).take(20).for_each(|line| bar.note(line));
    for (kind, count) in kinds {
        let good = said.lines().filter(|line| line.strip_prefix("ok ") == Some(kind)).count();
        bar.all(&format!("{kind} as SciPy and statsmodels have it"), good, count);
    }
    Ok(())
}

/// One case of a simulated run: whether it passes, and a score.
type Case = (bool, f64);

/// A run of items with so many trials each, as a journal.
fn run(dir: &Path, items: &[Vec<Case>]) -> Result<RunView> {
    let _ = fs::remove_dir_all(dir);
    let cases: Vec<(CaseId, Case)> = items
        .iter()
        .enumerate()
        .flat_map(|(row, trials)| trials.iter().enumerate().map(move |(trial, case)| (id(row, trial), *case)))
        .collect();
    let manifest = manifest(cases.len() as u64)?;
    let run = RunDir::create(dir, &manifest, |bundle| fs::create_dir(bundle))?;
    let (mut journal, _) = Journal::open(&run, |index| Some(cases.get(index as usize)?.0.key()))?;
    for (index, (id, case)) in cases.iter().enumerate() {
        journal.append(index as u64, &serde_json::to_vec(&record(index as u64, id, *case))?)?;
    }
    drop(journal);
    drop(run);
    Ok(RunView::open(dir)?)
}

fn id(row: usize, trial: usize) -> CaseId {
    let (scenario, provider) = ("simulated".to_owned(), "model".to_owned());
    CaseId { scenario, provider, region: None, trial: trial as u32, row: Some(row.to_string()), variant: None }
}

fn manifest(cases: u64) -> Result<Manifest> {
    let work = Work {
        bundle: Digest::of(b"simulated"),
        entry: "arena.yaml".to_owned(),
        evaluators: Default::default(),
        config: json!({}),
        models: Default::default(),
        plan: PlanPin { digest: Digest::of(b"plan"), cases },
        seed: 1,
        epoch: "2026-01-01T00:00:00Z".to_owned(),
    };
    Ok(Manifest { v: 1, work_digest: Digest::of_json(&work)?, work, origin: Origin::default() })
}

fn record(index: u64, id: &CaseId, (passed, score): Case) -> Record {
    let outcome = if passed { Outcome::Passed } else { Outcome::Failed };
    let check = |kind: &str, index: u32, score: f64| CheckRecord {
        scope: Scope::Conversation,
        turn: None,
        index,
        id: None,
        kind: kind.to_owned(),
        params: json!({}),
        outcome,
        score: Some(score),
        reason: None,
        error: None,
        message: None,
        pass_threshold: None,
        label: None,
        evidence: Vec::new(),
        evaluator: None,
        fuel: 1,
        memory_bytes: 1,
        reused: false,
        calls: Vec::new(),
    };
    let CaseId { scenario, provider, region, trial, row, variant } = id.clone();
    Record {
        v: 1,
        key: id.key(),
        index,
        input: Digest::of(b"input"),
        scenario,
        provider,
        region,
        trial,
        row,
        variant,
        outcome,
        reason: None,
        error: None,
        messages: Vec::new(),
        events: Vec::new(),
        looks: None,
        checks: vec![check("contains", 0, f64::from(passed)), check("similarity", 1, score)],
        usage: Usage::default(),
        cost_usd_micro: Some(0),
        measured: Measured::default(),
    }
}

/// Items of a difficulty each, so that before and after are alike but for chance.
fn draw(random: &mut Rng, chances: &[f64], trials: usize) -> Vec<Vec<Case>> {
    let case =
        |random: &mut Rng, chance: f64| (random.f64() < chance, (chance + 0.3 * (random.f64() - 0.5)).clamp(0.0, 1.0));
    chances.iter().map(|chance| (0..trials).map(|_| case(random, *chance)).collect()).collect()
}

/// Comparisons of a thing with itself.
fn equals(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let (mut random, mut alarms) = (Rng::with_seed(SEED), 0);
    let [a, b] = ["equal-a", "equal-b"].map(|name| world.scratch(name));
    for number in 0..limits.equals {
        let (items, trials) = [(100, 1), (40, 3), (200, 1), (12, 10)][number % 4];
        let chances: Vec<f64> = (0..items).map(|_| random.f64().sqrt()).collect();
        let before = run(&a, &draw(&mut random, &chances, trials))?;
        let after = run(&b, &draw(&mut random, &chances, trials))?;
        let found = compare(&before, &after, &Question { flips: 0, ..Question::default() })?;
        alarms += usize::from(matches!(found.verdict, Verdict::Better | Verdict::Worse));
    }
    let share = alarms as f64 / limits.equals as f64;
    bar.at_most("comparisons of equals that say better or worse", share, limits.alarms, "", limits.equals);
    Ok(())
}

/// A drop of ten points with as many items as are said to find it.
fn drops(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let (mut random, mut found) = (Rng::with_seed(SEED), 0);
    // Of all items 15 in 100 get worse and 5 better.
    let (worse, better) = (0.15f64, 0.05f64);
    let deviation = (worse + better - (worse - better).powi(2)).sqrt();
    // Two metrics share the chance of a false alarm.
    let items = pairs_needed(deviation, worse - better, 0.05 / 2.0, limits.power).context("a number of items")?;
    let [a, b] = ["drop-a", "drop-b"].map(|name| world.scratch(name));
    for _ in 0..limits.drops {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for _ in 0..items {
            let drawn = random.f64();
            let (was, is) = if drawn < worse {
                (true, false)
            } else if drawn < worse + better {
                (false, true)
            } else {
                [(true, true), (false, false)][usize::from(random.f64() < 0.2)]
            };
            let scores = [0.5 + 0.2 * random.f64(), 0.5 + 0.2 * random.f64()];
            before.push(vec![(was, scores[0])]);
            after.push(vec![(is, scores[1])]);
        }
        let comparison = compare(&run(&a, &before)?, &run(&b, &after)?, &Question { flips: 0, ..Question::default() })?;
        found += usize::from(comparison.verdict == Verdict::Worse);
    }
    let share = found as f64 / limits.drops as f64;
    let power = limits.power;
    let what = format!("drops of 10 points found with {items} items, which are said to find {power}");
    bar.line(&what, &format!("{share:.3}"), &format!("at least {power}"), limits.drops, share >= power);
    Ok(())
}

/// How often intervals hold the truth.
fn coverage(limits: &Limits, bar: &mut Bar) {
    let mut random = Rng::with_seed(SEED);
    let mut report = |what: &str, mut once: Box<dyn FnMut(&mut Rng) -> bool>| {
        let covered = (0..limits.simulations).filter(|_| once(&mut random)).count();
        let share = covered as f64 / limits.simulations as f64;
        let [low, high] = limits.covered;
        let figure = format!("{:.1} %", share * 100.0);
        let limit = format!("{:.0} to {:.0} %", low * 100.0, high * 100.0);
        bar.line(what, &figure, &limit, limits.simulations, (low..=high).contains(&share));
    };
    let holds =
        |bounds: Option<(f64, f64)>, truth: f64| bounds.is_some_and(|(low, high)| low <= truth && truth <= high);
    report(
        "Wilson over 80 cases holds the rate",
        Box::new(move |random| {
            let truth = 0.5 + 0.45 * random.f64();
            let passed = (0..80).filter(|_| random.f64() < truth).count();
            holds(wilson(passed as f64, 80.0, CONFIDENCE), truth)
        }),
    );
    // Difficulties from 0 to 1 whose square root is even: 2/3 on average.
    let clusters = |random: &mut Rng, items: u64, trials: usize| {
        let mut clusters = Clusters::default();
        for item in 0..items {
            let chance = random.f64().sqrt();
            for _ in 0..trials {
                let (passed, score) = (random.f64() < chance, chance * (0.8 + 0.4 * (random.f64() - 0.5)));
                let score_nano = (score.clamp(0.0, 1.0) * 1e9) as u64;
                clusters.add(item, &Cluster { cases: 1, passed: passed.into(), scored: 1, score_nano });
            }
        }
        clusters
    };
    for (items, trials) in [(30, 5), (60, 3), (1500, 2)] {
        report(
            &format!("clustered Wilson over {items} items of {trials} trials holds the rate"),
            Box::new(move |random| {
                let bounds = clusters(random, items, trials).pass_rate(CONFIDENCE);
                holds(bounds.map(|bounds| (bounds.low, bounds.high)), 2.0 / 3.0)
            }),
        );
    }
    for (items, trials) in [(30, 3), (100, 1)] {
        report(
            &format!("clustered bootstrap over {items} items of {trials} trials holds the mean score"),
            Box::new(move |random| {
                let bounds = clusters(random, items, trials).mean_score(CONFIDENCE);
                // The mean of a chance is 2/3, of the factor 0.8.
                holds(bounds.map(|bounds| (bounds.low, bounds.high)), 0.8 * 2.0 / 3.0)
            }),
        );
    }
    report(
        "paired interval over 150 items holds the difference",
        Box::new(move |random| {
            let differences: Vec<f64> = (0..150)
                .map(|_| match random.f64() {
                    drawn if drawn < 0.15 => -1.0,
                    drawn if drawn < 0.2 => 1.0,
                    _ => 0.0,
                })
                .collect();
            holds(adjusted_paired(&differences, CONFIDENCE), -0.1)
        }),
    );
}
