//! Bar 06.8: checks that judge again what was stored touch nothing but themselves, and nobody is called.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::bar::Bar;
use crate::vendor::Vendor;
use crate::world::World;
use crate::{process, records, talks};

/// Longest time of a command.
const PATIENCE: Duration = Duration::from_secs(300);

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    cases: u64,
    /// Cases of the scenario whose check changes.
    changed: usize,
}

/// Rescores a run of conversations with judges and played users, and the bundles of others if they are there.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let vendor = Vendor::start_saying(Duration::ZERO, talks::SAYS)?;
    let (bundle, out) = (world.scratch("rescore"), world.scratch("rescore-out"));
    let mut arena = talks::arena(limits.cases, &vendor.url());
    talks::write(&bundle, &arena)?;
    world.run_to(0, &bundle, &out, &["--quiet", "--concurrency", "16"])?;
    let (calls, before) = (vendor.seen()?.calls, records::export(world, &out)?);

    let same = world.scratch("rescore-same");
    rescore(world, &out, &same, &[], &[0])?;
    let after = records::export(world, &same)?;
    let equal = before.lines().zip(after.lines()).filter(|(one, two)| one == two).count();
    let counted = if before.lines().count() == after.lines().count() { equal } else { 0 };
    bar.all("records that are the same bytes", counted, limits.cases as usize);

    *arena.pointer_mut(talks::CHANGEABLE).context("the check that changes")? = json!(1);
    talks::write(&bundle, &arena)?;
    let other = world.scratch("rescore-other");
    rescore(world, &out, &other, &["--bundle", &bundle.display().to_string()], &[1])?;
    let (mut touched, mut strange) = (0, 0);
    for (was, now) in before.lines().zip(records::export(world, &other)?.lines()) {
        let (was, now): (Value, Value) = (serde_json::from_str(was)?, serde_json::from_str(now)?);
        match differences(&was, &now).as_slice() {
            [] => {}
            [1] => touched += 1,
            _ => strange += 1,
        }
    }
    bar.all("records in which the changed check alone differs", touched, limits.changed);
    bar.at_most("records in which more differs", f64::from(strange), 0.0, "", limits.cases);
    bar.at_most("calls", (vendor.seen()?.calls - calls) as f64, 0.0, "", limits.cases);
    others(world, bar)
}

/// The checks that differ; a record that differs elsewhere, but for what follows from its checks, has one that is not there.
fn differences(was: &Value, now: &Value) -> Vec<usize> {
    let none = Vec::new();
    let checks = |record: &Value| record["checks"].as_array().unwrap_or(&none).clone();
    let (old, new) = (checks(was), checks(now));
    let mut differ: Vec<usize> = (0..old.len().max(new.len())).filter(|at| old.get(*at) != new.get(*at)).collect();
    let rest = |record: &Value| {
        let mut record = record.clone();
        let fields = ["checks", "outcome", "reason", "measured"];
        record.as_object_mut().into_iter().for_each(|record| fields.iter().for_each(|key| drop(record.remove(*key))));
        record
    };
    if rest(was) != rest(now) {
        differ.push(usize::MAX);
    }
    differ
}

fn others(world: &World, bar: &mut Bar) -> Result<()> {
    let folder = world.root.join("../shared/conformance");
    if !folder.is_dir() {
        return bar.skip("no ../shared/conformance beside the checkout");
    }
    let (mut equal, mut of) = (0, 0);
    let mut arenas: Vec<_> = std::fs::read_dir(&folder)?.collect::<std::io::Result<_>>()?;
    arenas.sort_by_key(std::fs::DirEntry::file_name);
    for entry in arenas.iter().filter(|entry| entry.path().join("bundle").is_dir()) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let (out, again) = (world.scratch(&format!("ran-{name}")), world.scratch(&format!("again-{name}")));
        let ended = world.run(&entry.path().join("bundle"), &out, &["--quiet", "--mock-provider"])?;
        if !matches!(ended.status.code(), Some(0 | 1)) {
            bail!("{name} ended with {}", ended.status);
        }
        rescore(world, &out, &again, &[], &[0, 1])?;
        of += 1;
        equal += usize::from(records::export(world, &out)? == records::export(world, &again)?);
    }
    bar.all("arenas of others whose records are the same bytes", equal, of);
    Ok(())
}

fn rescore(world: &World, run: &Path, out: &Path, more: &[&str], codes: &[i32]) -> Result<()> {
    let mut command = world.arena();
    command.arg("rescore").arg(run).arg("--out").arg(out).arg("--quiet").args(more).stderr(Stdio::null());
    process::capture_to(codes, &mut command, PATIENCE).map(drop)
}
