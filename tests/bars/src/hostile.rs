//! Bar 02.4: guests that attack. Each gets its own error, and nothing else notices.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use arena_model::{Outcome, Record};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::attacks::{Attack, Ending, attacks};
use crate::bar::Bar;
use crate::mock_bundle::{GOOD_REPLY, MockBundle};
use crate::process::Ended;
use crate::records;
use crate::world::World;

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    good_cases: usize,
    deadline_s: f64,
    memory_mb: f64,
    excess_mb: f64,
}

/// Longest piece of a reason in a note, characters.
const SHOWN: usize = 120;
const TARGET: &str = "target";

/// One attack at a time, each in a run of its own beside good cases.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let attacks = attacks();
    every_guest_has_an_attack(world, &attacks)?;
    let calm = world.scratch("hostile-without");
    bundle(limits.good_cases, vec![]).write(&calm)?;
    run(world, &calm, "warm")?;
    let (ended, before) = run(world, &calm, "out")?;
    let (mut own, mut untouched, mut slowest, mut excess) = (0, 0, 0.0_f64, f64::NEG_INFINITY);
    for (number, attack) in attacks.iter().enumerate() {
        let folder = world.scratch(&format!("hostile-{number}"));
        let component = component(world, attack)?;
        write(&folder, limits.good_cases, attack, &component, false)?;
        run(world, &folder, "warm")?;
        write(&folder, limits.good_cases, attack, &component, true)?;
        let (attacked, after) = run(world, &folder, "out")?;

        slowest = slowest.max(attacked.wall.as_secs_f64());
        let above = (attacked.peak_bytes as f64 - ended.peak_bytes as f64) / 1e6 - limits.memory_mb;
        excess = excess.max(above);
        let (got, fine) = ending(attack, &after)?;
        own += usize::from(fine);
        let disturbed = disturbed(&before, &after)?;
        untouched += usize::from(disturbed.is_empty());
        if !fine || !disturbed.is_empty() || above > limits.excess_mb {
            bar.note(&format!(
                "{attack}: {got}; {} other cases disturbed; {above:.0} MB above its limit",
                disturbed.len()
            ));
        }
    }
    let n = attacks.len();
    bar.all("attacks that end as they must", own, n);
    bar.all(&format!("attacks beside which {} other cases are untouched", limits.good_cases), untouched, n);
    bar.at_most("slowest run", slowest, limits.deadline_s, " s", n);
    let what = format!("most memory above the run without it and the guest's {} MB", limits.memory_mb);
    bar.at_most(&what, excess, limits.excess_mb, " MB", n);
    Ok(())
}

/// A guest without an attack here would never be tried.
fn every_guest_has_an_attack(world: &World, attacks: &[Attack]) -> Result<()> {
    let folder = world.components.join("hostile");
    for entry in std::fs::read_dir(&folder).with_context(|| format!("{}: run ./x build first", folder.display()))? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if !attacks.iter().any(|attack| attack.guest == name) {
            bail!("hostile guest {name} has no attack in tests/bars/src/attacks.rs");
        }
    }
    Ok(())
}

/// The component's file; a cut one is made of its first half.
fn component(world: &World, attack: &Attack) -> Result<PathBuf> {
    let file = world.components.join("hostile").join(format!("{}.wasm", attack.guest));
    if !attack.cut {
        return Ok(file);
    }
    let whole = std::fs::read(&file).with_context(|| file.display().to_string())?;
    let half = world.scratch(&format!("{}-half.wasm", attack.guest));
    std::fs::write(&half, &whole[..whole.len() / 2])?;
    Ok(half)
}

fn bundle(good_cases: usize, attack: Vec<Value>) -> MockBundle {
    let good = vec![
        json!({"type": "contains", "params": {"patterns": ["Monday"]}}),
        json!({"type": "is_valid_json", "params": {}}),
        json!({"type": "llm_judge", "params": {"criteria": "It names a day."}}),
    ];
    let mut bundle = MockBundle::new(GOOD_REPLY);
    for case in 0..good_cases {
        bundle.scenario(&format!("good-{case:02}"), &[good.clone(), good.clone()]);
    }
    bundle.scenario(TARGET, &[[good, attack].concat()]);
    bundle
}

/// Without `armed` the component is there and compiled, but no check asks for it.
fn write(folder: &Path, good_cases: usize, attack: &Attack, component: &Path, armed: bool) -> Result<()> {
    let check = json!({"type": attack.guest, "params": attack.params});
    let mut bundle = bundle(good_cases, if armed { vec![check] } else { vec![] });
    bundle.evaluator(json!({
        "name": attack.guest, "component": "hostile.wasm", "grants": attack.grants, "limits": attack.limits,
    }));
    bundle.write(folder)?;
    std::fs::copy(component, folder.join("hostile.wasm")).with_context(|| component.display().to_string())?;
    Ok(())
}

fn run(world: &World, bundle: &Path, name: &str) -> Result<(Ended, Vec<Record>)> {
    let out = bundle.with_extension(name);
    let ended = world.run(bundle, &out, &["--quiet"])?;
    if !matches!(ended.status.code(), Some(0 | 1)) {
        bail!("arena run {} ended with {}", bundle.display(), ended.status);
    }
    Ok((ended, records::read(world, &out)?))
}

/// What became of the attack, and whether that is right; the check of an error must not be in the way of the others.
fn ending(attack: &Attack, after: &[Record]) -> Result<(String, bool)> {
    let record = after.iter().find(|record| record.scenario == TARGET).context("the attacked case has no record")?;
    let (check, others) = record.checks.split_last().context("the attacked case has no checks")?;
    let others_pass = others.iter().all(|check| check.outcome == Outcome::Passed);
    let fine = match attack.ending {
        Ending::Pass => check.outcome == Outcome::Passed && record.outcome == Outcome::Passed,
        Ending::Error(name) => {
            check.outcome == Outcome::Error && check.error.as_deref() == Some(name) && record.outcome == Outcome::Error
        }
    };
    let reason: String = check.reason.as_deref().unwrap_or_default().chars().take(SHOWN).collect();
    let others_note = if others_pass { "" } else { ", and a check beside it did not pass" };
    Ok((format!("{} {reason}{others_note}", check.outcome.as_str()), fine && others_pass))
}

/// Scenarios, other than the attacked one, whose records differ in more than what is measured.
fn disturbed(before: &[Record], after: &[Record]) -> Result<Vec<String>> {
    let settled = |record: &Record| -> Result<Value> {
        let mut value = serde_json::to_value(record)?;
        value.as_object_mut().context("a record is an object")?.remove("measured");
        Ok(value)
    };
    let mut disturbed = Vec::new();
    for record in before.iter().filter(|record| record.scenario != TARGET) {
        let same = match after.iter().find(|other| other.scenario == record.scenario) {
            Some(other) => settled(record)? == settled(other)?,
            None => false,
        };
        if !same || record.outcome != Outcome::Passed {
            disturbed.push(record.scenario.clone());
        }
    }
    Ok(disturbed)
}
