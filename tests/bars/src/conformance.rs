//! Bar 02.2: a bundle nobody here wrote, judged as its original runner judged it, and so are small changes to it; and
//! verdicts come from the component: with one that says the opposite in its place they all turn over.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use arena_model::Record;
use serde::Deserialize;

use crate::bar::Bar;
use crate::opposite::{Opposite, Turned};
use crate::process;
use crate::records;
use crate::world::World;

/// Longest time of one of the Python scripts.
const PATIENCE: Duration = Duration::from_secs(60);

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    arena: String,
    kinds: Vec<String>,
    may_deviate: Vec<String>,
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
}

#[derive(Deserialize)]
struct Verdict {
    #[serde(default)]
    suspect: Option<serde_json::Value>,
}

/// The folder of bundles beside the checkout.
struct Shelf {
    folder: PathBuf,
    arena: PathBuf,
    mutants: PathBuf,
}

/// One bundle's run with the standard components, and what stands in its records.
struct Ran {
    code: i32,
    jsonl: PathBuf,
    records: Vec<Record>,
}

/// Skips the bundles if there are none beside the checkout, but not in CI.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let opposite = Opposite::build(world)?;
    let mut turned = opposite.every_type(world)?;
    let folder = world.root.join("../shared/conformance");
    if folder.is_dir() {
        let arena = folder.join(&limits.arena);
        let shelf = Shelf { mutants: folder.join("mutants").join(format!("{}.json", limits.arena)), folder, arena };
        turned += third_party(world, limits, bar, &shelf, &opposite)?;
    } else {
        bar.skip("no ../shared/conformance beside the checkout")?;
    }
    bar.all("verdicts that turn over under an opposite text component", turned.over, turned.of);
    bar.all("verdicts with fuel", turned.fuelled, turned.judged);
    Ok(())
}

fn third_party(world: &World, limits: &Limits, bar: &mut Bar, shelf: &Shelf, opposite: &Opposite) -> Result<Turned> {
    let work = world.scratch("conformance");
    std::fs::create_dir_all(&work)?;
    let plain = work.join("plain");
    copy(&shelf.arena.join("bundle"), &plain)?;
    let ran = shelf.run(world, &plain)?;
    let words = shelf.compare(&ran, None)?;
    bar.line(&limits.arena, words.trim_end(), "full agreement", ran.records.len(), agrees(&words));
    let mut turned = opposite.turn_over(world, &plain, &ran.records)?;

    let mutants = std::fs::read(&shelf.mutants).with_context(|| shelf.mutants.display().to_string())?;
    let mutants: Vec<Mutant> = serde_json::from_slice(&mutants).context("the mutants")?;
    let wanted = mutants.iter().filter(|mutant| limits.kinds.contains(&mutant.patch.kind));
    let (mut agree, mut of, mut deviate) = (0, 0, Vec::new());
    for Patch { id, .. } in wanted.filter(|mutant| mutant.verdict.suspect.is_none()).map(|mutant| &mutant.patch) {
        let bundle = work.join(id);
        shelf.apply(id, &bundle)?;
        let ran = shelf.run(world, &bundle)?;
        let words = shelf.compare(&ran, Some(id))?;
        if agrees(&words) || !limits.may_deviate.contains(id) {
            of += 1;
            agree += usize::from(agrees(&words));
            if !agrees(&words) {
                bar.note(&format!("{id}: {}", words.trim_end().replace('\n', "; ")));
            }
        } else {
            deviate.push(id.as_str());
        }
        turned += opposite.turn_over(world, &bundle, &ran.records)?;
    }
    if !deviate.is_empty() {
        bar.note(&format!("deviate and may: {}", deviate.join(", ")));
    }
    bar.all(&format!("mutants that agree, of kinds {}", limits.kinds.join(" and ")), agree, of);
    Ok(turned)
}

/// The last line of `compare.py` says so; its exit code is what this reads it from.
pub fn agrees(words: &str) -> bool {
    let counts = words.trim_end().lines().last().and_then(|line| line.strip_prefix("agree "));
    counts.and_then(|counts| counts.split_once(" of ")).is_some_and(|(agree, of)| agree == of && of != "0")
}

impl Shelf {
    fn run(&self, world: &World, bundle: &Path) -> Result<Ran> {
        let out = bundle.with_extension("out");
        let ended = world.run_mocked(bundle, &out, &[])?;
        let code = ended.status.code().context("the run was stopped by a signal")?;
        if code > 1 {
            bail!("arena run in {} ended with {code}", bundle.display());
        }
        let jsonl = bundle.with_extension("jsonl");
        std::fs::write(&jsonl, records::export(world, &out)?)?;
        Ok(Ran { code, jsonl, records: records::read(world, &out)? })
    }

    /// What `compare.py` prints. It ends with 1 if something disagrees.
    fn compare(&self, ran: &Ran, mutant: Option<&str>) -> Result<String> {
        let mut command = Command::new("python3");
        command.arg(self.folder.join("compare.py")).arg(&ran.jsonl).arg(self.arena.join("expected.json"));
        command.args(["--exit-code", &ran.code.to_string()]);
        if let Some(id) = mutant {
            command.arg("--mutant").arg(&self.mutants).arg(id);
        }
        process::capture_to(&[0, 1], &mut command, PATIENCE)
    }

    fn apply(&self, id: &str, to: &Path) -> Result<()> {
        let mut command = Command::new("python3");
        command.arg(self.folder.join("apply.py")).arg(self.arena.join("bundle")).arg(to).arg(&self.mutants).arg(id);
        process::capture(&mut command, PATIENCE).map(drop)
    }
}

/// Copies a folder of files.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_full_agreement_agrees() {
        assert!(agrees("agree 12 of 12\n"));
        for words in ["", "agree 11 of 12\n", "agree 0 of 0\n", "x: expected a, got b\nagree 1 of 2\n", "Traceback\n"] {
            assert!(!agrees(words), "{words}");
        }
    }
}
