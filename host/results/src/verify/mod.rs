//! Proof that the folder of a finished run is what it was: its bytes, and that totals and reports follow from the rows.

mod gates;
mod record;
mod versions;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _};
use std::path::Path;

use arena_gate::Gate;
use arena_model::{CaseKey, Record, Summary};
use serde_json::Value;

use crate::checksums::{empty_folders, verify_checksums};
use crate::create::MARK;
use crate::equal::{Differences, compare};
use crate::export::read_summary;
use crate::fit::{SUMMARY_BYTES, fit};
use crate::html::{self, Report};
use crate::index::Index;
use crate::junit::Cases;
use crate::reader::lines;
use crate::row::{Row, case_name};
use crate::run_view::{JUNIT, LOCK, REPORT, SUMMARY};
use crate::statistics::Totals;
use crate::strip::{Strip, strips};
use crate::{Result, ResultsError, RunView, Settings, State, atomic};

/// Findings that are kept; the others are counted.
const FOUND: usize = 1000;

/// What the frozen bundle says of a run. It is asked once the bytes of the folder are known to be right.
pub trait Known {
    /// What it says of a scenario.
    fn scenario(&self, id: &str) -> Told;

    /// The key of the case at a place in the plan; none past its end.
    fn key(&self, index: u64) -> Option<CaseKey>;

    /// Whether the plan of the run is the one that keys are taken from.
    fn has_plan(&self) -> bool;

    /// What must hold by it.
    fn gates(&self) -> Vec<Gate>;
}

/// What a bundle says of a scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// It was said elsewhere, and was paid there.
    pub recorded: bool,
    /// A model plays its user.
    pub plays: bool,
}

/// What a folder was found to be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verified {
    /// What is wrong, one line each with the file in front; empty means sound. Not more than a thousand.
    pub found: Vec<String>,
    /// What else was found.
    pub more: u64,
    /// What could not be looked at, and why.
    pub notes: Vec<String>,
    /// Files that were read.
    pub files: u64,
    /// Records that were read; none if damage kept them from it.
    pub records: u64,
    /// The summary, if it follows from the records.
    pub summary: Option<Summary>,
}

impl Verified {
    /// Adds what is wrong.
    pub fn find(&mut self, line: String) {
        if self.found.len() < FOUND {
            self.found.push(line);
        } else {
            self.more += 1;
        }
    }
}

/// Verifies a finished run against itself. `known` reads the bundle in it, none if there is none; its error is a sentence on
/// what is wrong with it. `engine` is the version that would write the reports now: those of another version are held
/// against the records as far as both say the same, and what that leaves out is noted.
///
/// Bytes come first: while a file is not what `checksums` says, nothing is read into it.
///
/// Errors: `RunUnfinished` for a run that is not finished, `ResultsIo` where something cannot be read, or not be made anew in
/// the system's scratch folder. Damage is no error but found.
pub fn verify<'k>(
    run: &RunView,
    known: impl FnOnce() -> std::result::Result<Option<&'k dyn Known>, String>,
    engine: &str,
) -> Result<Verified> {
    let mut verified = Verified::default();
    let damage = |error: &ResultsError| error.is_damage() && error.is_within(run.path());
    let state = match run.state() {
        Err(error) if damage(&error) => {
            verified.find(error.told());
            return Ok(verified);
        }
        state => state?,
    };
    if state == State::Running {
        return Err(ResultsError::RunUnfinished { path: run.path().to_owned() });
    }
    let all = |verified: &mut Verified| {
        bytes(run, verified)?;
        if !verified.found.is_empty() {
            return Ok(());
        }
        let known = known().unwrap_or_else(|why| {
            verified.find(format!("bundle: {why}"));
            None
        });
        content(run, known, engine, verified)
    };
    match all(&mut verified) {
        Err(error) if damage(&error) => verified.find(error.told()),
        other => other?,
    }
    Ok(verified)
}

/// All files against the list, and the one that the list leaves out.
fn bytes(run: &RunView, verified: &mut Verified) -> Result<()> {
    verified.files = atomic::files(run.path())?.len() as u64;
    verify_checksums(run)?.into_iter().for_each(|line| verified.find(line));
    empty_folders(run)?.into_iter().for_each(|name| verified.find(format!("{name}/: new, and there is no file in it")));
    let path = run.file(LOCK);
    if atomic::is_there(&path)? {
        let mut text = Vec::new();
        let file = atomic::open_plain(&path, File::options().read(true)).map_err(ResultsError::io("open", &path))?;
        file.take(MARK.len() as u64 + 1).read_to_end(&mut text).map_err(ResultsError::io("read", &path))?;
        if !text.is_empty() && text != MARK {
            verified.find(format!("{LOCK}: changed"));
        }
    }
    Ok(())
}

/// Index, segments and strips against each other, each record against itself and the plan, summary and reports against the
/// records.
fn content(run: &RunView, known: Option<&dyn Known>, engine: &str, verified: &mut Verified) -> Result<()> {
    Index::read(run)?.verify(run)?;
    let scratch = tempfile::tempdir().map_err(ResultsError::io("make a scratch folder in", &std::env::temp_dir()))?;
    let (junit, report_path) = (scratch.path().join(JUNIT), scratch.path().join(REPORT));
    let settings = Settings::default();
    let mut totals = Totals::new();
    let mut cases = Cases::create(&junit)?;
    let mut report = Report::new(scratch.path(), settings.report_cases, settings.report_bytes);
    let mut strips = strips(run)?;
    let scored = !run.manifest().work.config["outputs"].is_null();
    let keys = known.filter(|known| known.has_plan());
    for line in lines(run)? {
        let (index, line) = line?;
        let corrupt = |detail: String| ResultsError::SegmentCorrupt {
            path: run.path().to_owned(),
            detail: format!("the record of case {index}: {detail}"),
        };
        let row = Row::read(&line).map_err(corrupt)?;
        if index != verified.records {
            return Err(corrupt(format!("case {} is missing", verified.records)));
        }
        let record: Record = serde_json::from_slice(&line).map_err(|error| corrupt(error.to_string()))?;
        if record.index != index {
            verified.find(format!("case {index}: its record is of case {}", record.index));
        }
        if keys.is_some_and(|known| known.key(index).as_ref() != Some(&record.key)) {
            verified.find(format!("case {index}: another case stands at its place in the plan"));
        }
        let told = known.map(|known| known.scenario(&record.scenario));
        for what in record::unsound(&record, told.as_ref(), scored) {
            verified.find(format!("case {index} ({}): {what}", case_name(&record)));
        }
        let strip = strips.next().transpose()?;
        if strip != Some((index, Strip::of(&row))) {
            return Err(corrupt("its strip tells other numbers".to_owned()));
        }
        let labels = |_: &str| told.clone().unwrap_or_default().labels;
        totals.push(&row, labels).map_err(|error| corrupt(error.to_string()))?;
        cases.push(&row)?;
        report.push(&row, labels).map_err(ResultsError::io("write", scratch.path()))?;
        verified.records += 1;
    }
    let planned = run.manifest().work.plan.cases;
    if verified.records != planned || strips.next().is_some() {
        let detail = format!("{} cases have records, the plan has {planned}", verified.records);
        return Err(ResultsError::CountsDisagree { path: run.path().to_owned(), detail });
    }
    let latency = totals.latency().clone();
    let made = totals.summary(run.manifest()).map_err(ResultsError::encode(&run.file(SUMMARY)))?;
    let same_engine = run.manifest().origin.engine == engine;
    if known.is_none() {
        let why = "the bundle is not in the folder, so labels, its gates and the cases of the plan were not looked at";
        verified.notes.push(format!("{SUMMARY}: {why}"));
    }
    let Some(stored) = summary(run, made, known, same_engine, verified)? else { return Ok(()) };
    atomic::replace(&junit, |out: &mut BufWriter<File>| cases.write(out, &junit))?;
    atomic::replace(&report_path, |out| html::write(out, &report_path, run.manifest(), &stored, &latency, report))?;
    for (made, name) in [(&junit, JUNIT), (&report_path, REPORT)] {
        if is_same(made, &run.file(name))? {
            continue;
        }
        let why = if !same_engine {
            let was = &run.manifest().origin.engine;
            format!("written by `{was}`, and this version makes other bytes of the records")
        } else if name == REPORT && known.is_none() && !stored.labels.is_empty() {
            "it tells labels, which the bundle would have to say".to_owned()
        } else {
            verified.find(format!("{name}: not what this version makes of the records"));
            continue;
        };
        verified.notes.push(format!("{name}: {why}, so nothing but its checksum was looked at"));
    }
    verified.summary = Some(stored);
    Ok(())
}

/// Holds the stored summary against the one that was made of the rows; none if they differ.
fn summary(
    run: &RunView,
    mut made: Summary,
    known: Option<&dyn Known>,
    same_engine: bool,
    verified: &mut Verified,
) -> Result<Option<Summary>> {
    let path = run.file(SUMMARY);
    let corrupt =
        |error: serde_json::Error| ResultsError::SegmentCorrupt { path: path.clone(), detail: error.to_string() };
    let (summary, text) = read_summary(run)?;
    match gates::due(run.manifest(), known.map(Known::gates), &summary) {
        Ok(due) => gates::decide(run, due, &mut made, &summary, same_engine, &mut verified.notes)?,
        Err(why) => verified.find(format!("{SUMMARY}: a gate cannot be read: {why}")),
    }
    // Of what rows do not hold, so much is taken over as a summary's size depends on.
    made.measured.concurrency_by_provider.clone_from(&summary.measured.concurrency_by_provider);
    fit(&mut made, SUMMARY_BYTES).map_err(corrupt)?;
    let mut stored: Value = serde_json::from_str(&text).map_err(corrupt)?;
    let mut made = serde_json::to_value(&made).map_err(corrupt)?;
    for value in [&mut stored, &mut made] {
        let Some(fields) = value.as_object_mut() else { continue };
        if known.is_none() {
            fields.remove("labels");
            fields.get_mut("measured").and_then(Value::as_object_mut).map(|measured| measured.remove("labels"));
        }
    }
    if !same_engine {
        // Another version may have said more or less of the same rows.
        verified
            .notes
            .extend(versions::keep_shared(&mut stored, &mut made).map(|left_out| format!("{SUMMARY}: {left_out}")));
    }
    let mut found = Differences::default();
    compare(&mut found, SUMMARY, &stored, &made);
    let found = found.finish();
    let sound = found.is_empty();
    found.into_iter().for_each(|line| verified.find(format!("{line} (stored, and what the records say)")));
    Ok(sound.then_some(summary))
}

/// Whether a report is, byte for byte, what was made anew.
fn is_same(made: &Path, stored: &Path) -> Result<bool> {
    let open = |path: &Path| {
        let file = atomic::open_plain(path, File::options().read(true));
        file.map(|file| BufReader::with_capacity(64 << 10, file)).map_err(ResultsError::io("open", path))
    };
    let (mut left, mut right) = (open(made)?, open(stored)?);
    let (mut one, mut other) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    loop {
        let read = left.read(&mut one).map_err(ResultsError::io("read", made))?;
        let wanted = &mut other[..read.max(1)];
        if read == 0 {
            // Both must be at their end.
            return Ok(right.read(wanted).map_err(ResultsError::io("read", stored))? == 0);
        }
        if right.read_exact(wanted).is_err() || *wanted != one[..read] {
            return Ok(false);
        }
    }
}
