//! Bar 06.4: order and concurrency change nothing in bundles nobody here wrote, and what a run left proves itself: `arena verify`
//! passes, makes every verdict again, and finds each byte that was changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use arena_results::RunView;
use serde::Deserialize;

use crate::bar::Bar;
use crate::conformance::copy;
use crate::upstream::arenas;
use crate::world::World;
use crate::{process, records};

/// Longest time of one command.
const PATIENCE: Duration = Duration::from_secs(120);
/// Bytes that are changed are drawn by it.
const SEED: u64 = 64;

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// How many bundles there are.
    arenas: usize,
    /// Cases at once in the second run.
    concurrency: u64,
    /// Bytes that are changed, one at a time.
    flips: usize,
}

/// Each bundle in plan order and one by one, then shuffled and many at once.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let shelf = world.root.join("../shared/conformance");
    if !shelf.is_dir() {
        return bar.skip("no ../shared/conformance beside the checkout");
    }
    let (mut equal, mut sound, mut again, mut fuel, mut cases) = (0, 0, 0, 0, 0);
    let mut runs = Vec::new();
    let many = limits.concurrency.to_string();
    for name in &arenas(&shelf)? {
        let arena = shelf.join(name);
        let work = world.scratch(&format!("sound-{name}"));
        copy(&arena.join("bundle"), &work.join("bundle"))?;
        let recordings = arena.join("session-replay");
        if recordings.is_dir() {
            copy(&recordings, &work.join("session-replay"))?;
        }
        let (one, shuffled) = (work.join("one"), work.join("shuffled"));
        run(world, &arena, &work.join("bundle"), &one, &["--concurrency", "1"])?;
        run(world, &arena, &work.join("bundle"), &shuffled, &["--concurrency", &many, "--shuffle", "7"])?;
        let differences = arena_results::equal(&RunView::open(&one)?, &RunView::open(&shuffled)?)?;
        for difference in differences.iter().take(5) {
            bar.note(&format!("{name}: {difference}"));
        }
        equal += usize::from(differences.is_empty());
        for record in records::read(world, &one)? {
            cases += 1;
            fuel += record.checks.iter().map(|check| check.fuel).sum::<u64>();
        }
        for out in [&one, &shuffled] {
            sound += usize::from(verified(world, out, &[], bar)?);
            again += usize::from(verified(world, out, &["--rerun"], bar)?);
        }
        runs.extend([one, shuffled]);
    }
    let what = format!("bundles that are equal one by one and {many} at once, shuffled");
    bar.all(&what, equal, limits.arenas);
    bar.line("fuel that is compared", &fuel.to_string(), "more than 0", cases, fuel > 0);
    bar.all("runs that `arena verify` finds sound", sound, 2 * limits.arenas);
    bar.all("runs whose checks `arena verify --rerun` makes again, fuel included", again, 2 * limits.arenas);
    flips(world, limits, bar, &runs)
}

/// Changes bytes, one at a time, each file of each run being as likely as any other.
fn flips(world: &World, limits: &Limits, bar: &mut Bar, runs: &[PathBuf]) -> Result<()> {
    let mut places = Vec::new();
    for run in runs {
        for file in files(run)? {
            if fs::metadata(&file)?.len() > 0 {
                places.push((run, file));
            }
        }
    }
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut caught = 0;
    for _ in 0..limits.flips {
        let (run, file) = &places[random.usize(..places.len())];
        let good = fs::read(file)?;
        let (place, bit) = (random.usize(..good.len()), random.u8(..8));
        let mut bad = good.clone();
        bad[place] ^= 1 << bit;
        fs::write(file, bad)?;
        let found = verify(world, run, &[])? == 1;
        fs::write(file, good)?;
        caught += usize::from(found);
        if !found {
            bar.note(&format!("bit {bit} of byte {place} of {} was changed and not found", file.display()));
        }
    }
    let what = format!("changed bytes that are found, over {} files", places.len());
    bar.all(&what, caught, limits.flips);
    Ok(())
}

/// By the bundle's own command line, which knows no order.
fn run(world: &World, arena: &Path, bundle: &Path, out: &Path, more: &[&str]) -> Result<()> {
    let line = fs::read_to_string(arena.join("command.txt"))?;
    let mut command = world.arena();
    command.current_dir(bundle).args(line.split_whitespace().skip(1)).arg("--out").arg(out).arg("--quiet").args(more);
    process::run(command.stdout(Stdio::null()), PATIENCE).map(drop)
}

fn verify(world: &World, run: &Path, more: &[&str]) -> Result<i32> {
    let mut command = world.arena();
    command.arg("verify").arg(run).arg("--quiet").args(more);
    process::run(command.stdout(Stdio::null()), PATIENCE)?.status.code().context("verify was stopped by a signal")
}

fn verified(world: &World, run: &Path, more: &[&str], bar: &mut Bar) -> Result<bool> {
    let code = verify(world, run, more)?;
    if code != 0 {
        bar.note(&format!("arena verify {} {} ended with {code}", run.display(), more.join(" ")));
    }
    Ok(code == 0)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
