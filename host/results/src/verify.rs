//! Proof that the folder of a finished run is what it was: its bytes, and that totals and reports follow from the rows.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _};
use std::path::Path;

use arena_model::Summary;
use serde_json::Value;

use crate::checksums::verify_checksums;
use crate::create::MARK;
use crate::equal::{Differences, compare};
use crate::export::read_summary;
use crate::fit::{SUMMARY_BYTES, fit};
use crate::html::{self, Report};
use crate::index::Index;
use crate::junit::Cases;
use crate::reader::lines;
use crate::row::Row;
use crate::run_view::{JUNIT, LOCK, REPORT, SUMMARY};
use crate::statistics::Totals;
use crate::strip::{Strip, strips};
use crate::{Result, ResultsError, RunView, Settings, State, atomic};

/// Gives the labels of a scenario.
pub type Labels<'a> = dyn Fn(&str) -> BTreeMap<String, String> + 'a;

/// What a folder was found to be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verified {
    /// What is wrong, one line each with the file in front; empty means sound.
    pub found: Vec<String>,
    /// What could not be looked at, and why.
    pub notes: Vec<String>,
    /// Files that were read.
    pub files: u64,
    /// Records that were read; none if damage kept them from it.
    pub records: u64,
    /// The summary, if it follows from the records.
    pub summary: Option<Summary>,
}

/// Verifies a finished run against itself. `labels` gives a scenario's labels, none if there is no bundle to take them
/// from. `engine` is the version that would write the reports now: those of another version are proved by their checksums
/// alone.
///
/// Bytes come first: while a file is not what `checksums` says, nothing is read into it.
///
/// Errors: `RunUnfinished` for a run that is not finished, `ResultsIo` where something cannot be read. Damage is no error
/// but found.
pub fn verify(run: &RunView, labels: Option<&Labels<'_>>, engine: &str) -> Result<Verified> {
    let mut verified = Verified::default();
    let state = match run.state() {
        Err(error) if error.is_damage() => {
            verified.found.push(error.told());
            return Ok(verified);
        }
        state => state?,
    };
    if state == State::Running {
        return Err(ResultsError::RunUnfinished { path: run.path().to_owned() });
    }
    match bytes(run, &mut verified)
        .and_then(|()| if verified.found.is_empty() { content(run, labels, engine, &mut verified) } else { Ok(()) })
    {
        Err(error) if error.is_damage() => verified.found.push(error.told()),
        other => other?,
    }
    Ok(verified)
}

/// All files against the list, and the one that the list leaves out.
fn bytes(run: &RunView, verified: &mut Verified) -> Result<()> {
    verified.files = atomic::files(run.path())?.len() as u64;
    verified.found.extend(verify_checksums(run)?);
    let path = run.file(LOCK);
    if atomic::is_there(&path)? {
        let mut text = Vec::new();
        let file = atomic::open_plain(&path, File::options().read(true)).map_err(ResultsError::io("open", &path))?;
        file.take(MARK.len() as u64 + 1).read_to_end(&mut text).map_err(ResultsError::io("read", &path))?;
        if !text.is_empty() && text != MARK {
            verified.found.push(format!("{LOCK}: changed"));
        }
    }
    Ok(())
}

/// Index, segments and strips against each other, summary and reports against the rows.
fn content(run: &RunView, labels: Option<&Labels<'_>>, engine: &str, verified: &mut Verified) -> Result<()> {
    Index::read(run)?.verify(run)?;
    let io = |action| ResultsError::io(action, run.path());
    let scratch = tempfile::tempdir().map_err(io("make a scratch folder to verify"))?;
    let (junit, report_path) = (scratch.path().join(JUNIT), scratch.path().join(REPORT));
    let settings = Settings::default();
    let mut totals = Totals::new();
    let mut cases = Cases::create(&junit)?;
    let mut report = Report::new(scratch.path(), settings.report_cases, settings.report_bytes);
    let mut strips = strips(run)?;
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
        let strip = strips.next().transpose()?;
        if strip != Some((index, Strip::of(&row))) {
            return Err(corrupt("its strip tells other numbers".to_owned()));
        }
        let labels = |id: &str| labels.map(|labels| labels(id)).unwrap_or_default();
        totals.push(&row, labels).map_err(|error| corrupt(error.to_string()))?;
        cases.push(&row)?;
        report.push(&row, labels).map_err(io("write a report to verify"))?;
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
    let Some(stored) = summary(run, made, labels.is_some(), same_engine, verified)? else { return Ok(()) };
    if labels.is_none() {
        verified.notes.push(format!("{SUMMARY}: the bundle is not in the folder, so labels were not looked at"));
    }
    if same_engine {
        atomic::replace(&junit, |out: &mut BufWriter<File>| cases.write(out, &junit))?;
        same(&junit, &run.file(JUNIT), JUNIT, verified)?;
        atomic::replace(&report_path, |out| html::write(out, &report_path, run.manifest(), &stored, &latency, report))?;
        same(&report_path, &run.file(REPORT), REPORT, verified)?;
    } else {
        let was = &run.manifest().origin.engine;
        verified.notes.push(format!("{JUNIT}, {REPORT}: written by `{was}`, proved by their checksums alone"));
    }
    verified.summary = Some(stored);
    Ok(())
}

/// Holds the stored summary against the one that was made of the rows; none if they differ.
fn summary(
    run: &RunView,
    mut made: Summary,
    labels: bool,
    same_engine: bool,
    verified: &mut Verified,
) -> Result<Option<Summary>> {
    let path = run.file(SUMMARY);
    let corrupt =
        |error: serde_json::Error| ResultsError::SegmentCorrupt { path: path.clone(), detail: error.to_string() };
    let (summary, text) = read_summary(run)?;
    // Of what rows do not hold, so much is taken over as a summary's size depends on.
    made.gates.clone_from(&summary.gates);
    made.measured.gates.clone_from(&summary.measured.gates);
    made.measured.concurrency_by_provider.clone_from(&summary.measured.concurrency_by_provider);
    fit(&mut made, SUMMARY_BYTES).map_err(corrupt)?;
    let mut stored: Value = serde_json::from_str(&text).map_err(corrupt)?;
    let mut made = serde_json::to_value(&made).map_err(corrupt)?;
    for value in [&mut stored, &mut made] {
        let Some(fields) = value.as_object_mut() else { continue };
        if !labels {
            fields.remove("labels");
            fields.get_mut("measured").and_then(Value::as_object_mut).map(|measured| measured.remove("labels"));
        }
    }
    if !same_engine {
        // Another version may have said more or less of the same rows.
        keep_common(&mut stored, &mut made);
    }
    let mut found = Differences::default();
    compare(&mut found, SUMMARY, &stored, &made);
    let found = found.finish();
    let sound = found.is_empty();
    let why = |line: String| format!("{line} (stored, and what the records say)");
    verified.found.extend(found.into_iter().map(why));
    Ok(sound.then_some(summary))
}

/// Leaves only the fields that both have.
fn keep_common(a: &mut Value, b: &mut Value) {
    let (Value::Object(left), Value::Object(right)) = (a, b) else { return };
    left.retain(|key, _| right.contains_key(key));
    right.retain(|key, _| left.contains_key(key));
    for (key, value) in left {
        if let Some(other) = right.get_mut(key) {
            keep_common(value, other);
        }
    }
}

/// Notes a report that is not, byte for byte, what was made anew.
fn same(made: &Path, stored: &Path, name: &str, verified: &mut Verified) -> Result<()> {
    let open = |path: &Path| {
        let file = atomic::open_plain(path, File::options().read(true));
        file.map(|file| BufReader::with_capacity(64 << 10, file)).map_err(ResultsError::io("open", path))
    };
    let (mut left, mut right) = (open(made)?, open(stored)?);
    let (mut one, mut other) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    loop {
        let read = left.read(&mut one).map_err(ResultsError::io("read", made))?;
        let wanted = &mut other[..read.max(1)];
        let equal = if read == 0 {
            // Both must be at their end.
            right.read(wanted).map_err(ResultsError::io("read", stored))? == 0
        } else {
            right.read_exact(wanted).is_ok() && *wanted == one[..read]
        };
        if !equal {
            verified.found.push(format!("{name}: not what this version makes of the records"));
            return Ok(());
        }
        if read == 0 {
            return Ok(());
        }
    }
}
