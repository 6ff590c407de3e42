//! Bars 04.1 and 04.2: all bundles nobody here wrote, by their own command lines, and all small changes to them, judged
//! as their original runner judged them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use arena_model::{Message, Outcome, Record, Role, Scope};
use serde::Deserialize;
use serde_json::Value;

use crate::bar::Bar;
use crate::conformance::{agrees, copy};
use crate::renamed::Names;
use crate::world::World;
use crate::{process, records};

const PATIENCE: Duration = Duration::from_secs(120);
/// Runs at once.
const THREADS: usize = 3;

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arenas {
    /// How many bundles there are.
    arenas: usize,
}

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutants {
    /// How many of the changes are not suspected to have met a bug of the original runner.
    mutants: usize,
    /// Share of them that must agree fully.
    share: f64,
}

#[derive(Deserialize)]
struct Mutant {
    patch: Patch,
    verdict: Verdict,
}

#[derive(Deserialize)]
struct Patch {
    id: String,
    kind: String,
    note: String,
}

#[derive(Deserialize)]
struct Verdict {
    #[serde(default)]
    suspect: Option<Value>,
}

/// Every bundle.
pub fn measure_arenas(world: &World, limits: &Arenas, bar: &mut Bar) -> Result<()> {
    let shelf = world.root.join("../shared/conformance");
    if !shelf.is_dir() {
        return bar.skip("no ../shared/conformance beside the checkout");
    }
    for renamed in [false, true] {
        let (mut agree, mut same, mut runs) = (0, 0, 0);
        let with = if renamed { ", everything renamed" } else { "" };
        for name in &arenas(&shelf)? {
            let arena = shelf.join(name);
            let work = world.scratch(&format!("upstream-{name}-{renamed}"));
            let ran = run_arena(world, &arena, &work, renamed)?;
            let words = compare(&shelf, name, &ran, None)?;
            agree += usize::from(agrees(&words));
            if !agrees(&words) {
                bar.note(&format!("{name}{with}: {}", words.trim_end().replace('\n', "; ")));
            }
            let expected: Value = serde_json::from_slice(&fs::read(arena.join("expected.json"))?)?;
            for wanted in expected["runs"].as_array().into_iter().flatten() {
                runs += 1;
                match differs(wanted, &ran.records) {
                    None => same += 1,
                    Some(why) => {
                        bar.note(&format!("{name}{with}, {}/{}: {why}", wanted["scenario"], wanted["provider"]))
                    }
                }
            }
        }
        bar.all(&format!("bundles whose verdicts all agree{with}"), agree, limits.arenas);
        bar.all(&format!("runs with the same prompt, last reply and guardrails{with}"), same, runs);
    }
    Ok(())
}

/// Runs a bundle as it is, or with other names all over.
fn run_arena(world: &World, arena: &Path, work: &Path, renamed: bool) -> Result<Ran> {
    fs::create_dir_all(work)?;
    let bundle = work.join("bundle");
    let recordings = arena.join("session-replay");
    if recordings.is_dir() {
        copy(&recordings, &work.join("session-replay"))?;
    }
    if renamed {
        let names = Names::write(&arena.join("bundle"), &bundle)?;
        run(world, arena, &bundle, &work.join("out"), Some(&names))
    } else {
        copy(&arena.join("bundle"), &bundle)?;
        run(world, arena, &bundle, &work.join("out"), None)
    }
}

/// Every change to them.
pub fn measure_mutants(world: &World, limits: &Mutants, bar: &mut Bar) -> Result<()> {
    let shelf = world.root.join("../shared/conformance");
    if !shelf.is_dir() {
        return bar.skip("no ../shared/conformance beside the checkout");
    }
    let mut jobs = Vec::new();
    for name in arenas(&shelf)? {
        let file = shelf.join("mutants").join(format!("{name}.json"));
        let mutants: Vec<Mutant> = serde_json::from_slice(&fs::read(&file)?).context("the mutants")?;
        jobs.extend(mutants.into_iter().map(|mutant| (name.clone(), mutant)));
    }
    let (next, done) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some((at, (name, mutant))) = {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    jobs.get(at).map(|job| (at, job))
                } {
                    let judged = judge(world, &shelf, name, &mutant.patch.id);
                    let words = judged.unwrap_or_else(|error| format!("{error:#}"));
                    done.lock().unwrap_or_else(PoisonError::into_inner).insert(at, words);
                }
            });
        }
    });
    let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (mut agree, mut of) = (0, 0);
    for (words, (_, mutant)) in done.values().zip(&jobs).filter(|(_, (_, mutant))| mutant.verdict.suspect.is_none()) {
        of += 1;
        agree += usize::from(agrees(words));
        if !agrees(words) {
            let Patch { id, kind, note } = &mutant.patch;
            bar.note(&format!("{id} ({kind}, {note}): {}", words.lines().next().unwrap_or_default()));
        }
    }
    bar.all("changes that were tried", of, limits.mutants);
    let share = f64::from(agree as u32) / of as f64;
    let (shown, limit) = (format!("{agree} of {of}, {:.2} %", share * 100.0), format!("{} %", limits.share * 100.0));
    bar.line("changes that agree fully", &shown, &limit, of, share >= limits.share);
    Ok(())
}

/// Names of the bundles, sorted.
pub fn arenas(shelf: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(shelf)? {
        let entry = entry?;
        if entry.path().join("command.txt").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// What a run came to.
struct Ran {
    code: i32,
    jsonl: PathBuf,
    records: Vec<Record>,
}

/// Runs a bundle by the original runner's command line. Records have the names that the bundle had first.
fn run(world: &World, arena: &Path, bundle: &Path, out: &Path, names: Option<&Names>) -> Result<Ran> {
    let line = fs::read_to_string(arena.join("command.txt"))?;
    let mut command = world.arena();
    let argument = |word: &str| names.map_or_else(|| word.to_owned(), |names| names.argument(word));
    command.current_dir(bundle).args(line.split_whitespace().skip(1).map(argument));
    command.arg("--out").arg(out).arg("--quiet");
    let ended = process::run(command.stdout(Stdio::null()), PATIENCE)?;
    let code = ended.status.code().context("the run was stopped by a signal")?;
    let jsonl = out.with_extension("jsonl");
    // Of a bundle that was not loaded there are no records.
    let text = if out.join("manifest.json").is_file() { records::export(world, out)? } else { String::new() };
    let text = match names {
        Some(names) => names.back(&text),
        None => text,
    };
    fs::write(&jsonl, &text)?;
    let records = text.lines().map(|line| serde_json::from_str(line).context("a record")).collect::<Result<_>>()?;
    Ok(Ran { code, jsonl, records })
}

fn judge(world: &World, shelf: &Path, name: &str, id: &str) -> Result<String> {
    let (arena, work) = (shelf.join(name), world.scratch(&format!("mutant-{id}")));
    let bundle = work.join("bundle");
    let mut apply = Command::new("python3");
    apply.arg(shelf.join("apply.py")).arg(arena.join("bundle")).arg(&bundle);
    apply.arg(shelf.join("mutants").join(format!("{name}.json"))).arg(id);
    fs::create_dir_all(&work)?;
    process::capture(&mut apply, PATIENCE)?;
    if name == "eval-test" {
        copy(&arena.join("session-replay"), &work.join("session-replay"))?;
    }
    let ran = run(world, &arena, &bundle, &work.join("out"), None)?;
    let words = compare(shelf, name, &ran, Some(id))?;
    fs::remove_dir_all(&work)?;
    Ok(words)
}

/// What `compare.py` prints. It ends with 1 if something disagrees.
fn compare(shelf: &Path, name: &str, ran: &Ran, mutant: Option<&str>) -> Result<String> {
    let mut command = Command::new("python3");
    command.arg(shelf.join("compare.py")).arg(&ran.jsonl).arg(shelf.join(name).join("expected.json"));
    command.args(["--exit-code", &ran.code.to_string()]);
    if let Some(id) = mutant {
        command.arg("--mutant").arg(shelf.join("mutants").join(format!("{name}.json"))).arg(id);
    }
    process::capture_to(&[0, 1], &mut command, PATIENCE)
}

/// In what the run differs from the expected one: the prompt in force at the end of the first turn, the last reply, the
/// guardrails that fired.
fn differs(wanted: &Value, records: &[Record]) -> Option<String> {
    let text = |key: &str| wanted[key].as_str();
    let found = |record: &&Record| {
        text("scenario") == Some(&record.scenario) && text("provider") == Some(&record.provider) && record.trial == 0
    };
    let Some(record) = records.iter().find(found) else { return Some("there is no record".to_owned()) };
    let users = |message: &&Message| message.role == Role::User;
    let second = record.messages.iter().enumerate().filter(|(_, message)| users(message)).nth(1).map(|(at, _)| at);
    let first = &record.messages[..second.unwrap_or(record.messages.len())];
    let system = first.iter().rfind(|message| message.role == Role::System).map(|message| message.content.text());
    if system.as_deref() != text("system_prompt") {
        return Some(format!("the system prompt is {system:?}"));
    }
    let last = record.messages.iter().rfind(|message| message.role == Role::Assistant);
    let last = last.map(|message| message.content.text());
    if last.as_deref() != text("final_message") {
        return Some(format!("the last reply is {last:?}"));
    }
    let fired =
        record.checks.iter().filter(|check| check.scope == Scope::Guardrail && check.outcome == Outcome::Failed);
    let fired: Vec<&str> = fired.map(|check| check.kind.as_str()).collect();
    let guardrails = wanted["guardrails"].as_array().into_iter().flatten();
    // A recording has those of the run it is of, which passed.
    let theirs: Vec<&str> =
        guardrails.filter(|it| it["passed"] == Value::Bool(false)).filter_map(|it| it["type"].as_str()).collect();
    (fired != theirs).then(|| format!("guardrails {fired:?} fired, not {theirs:?}"))
}
