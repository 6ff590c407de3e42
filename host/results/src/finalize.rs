//! The end of a run: one pass over its records gives the summary, the reports and the sealed segment.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::iter::Peekable;
use std::path::Path;
use std::sync::Arc;

use arena_model::{ConcurrencyHistory, Digest, Record, Summary};

use crate::fit::{SUMMARY_BYTES, fit};
use crate::gates::{Judging, RunGate};
use crate::html::Report;
use crate::index::Index;
use crate::journal::take_places;
use crate::junit::Cases;
use crate::reader::{JournalLines, Lines};
use crate::row::Row;
use crate::run_view::{CHECKSUMS, JOURNAL, JUNIT, PARTIAL, REPORT, SUMMARY};
use crate::segment::{SegmentLines, SegmentWriter};
use crate::statistics::Totals;
use crate::strip::Strip;
use crate::{Result, ResultsError, RunDir, State, atomic, checksums, html};

/// Marks of finalizing that change no verdict.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Rows in `report.html` at most; failed and erring cases come first.
    pub report_cases: usize,
    /// Bytes of data in `report.html` at most.
    pub report_bytes: usize,
    /// zstd level of the segment, 1 (fast) to 19 (small).
    pub zstd_level: i32,
    /// Digests of files of the folder by their path in it, for files that were digested when they were written (the
    /// frozen bundle): `checksums` takes them without reading the files again.
    pub known_digests: BTreeMap<String, Digest>,
    /// Calls at once by provider id, for the summary.
    pub concurrency_by_provider: BTreeMap<String, ConcurrencyHistory>,
    /// What must hold, for the summary.
    pub gates: Vec<RunGate>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            report_cases: 50_000,
            report_bytes: 20_000_000,
            zstd_level: 1,
            known_digests: BTreeMap::new(),
            concurrency_by_provider: BTreeMap::new(),
            gates: Vec::new(),
        }
    }
}

/// Stored lines and those of not-run records as one stream in plan order, each with the index it stands for.
struct Rows<I: Iterator<Item = Record>> {
    stored: Peekable<Lines>,
    not_run: Peekable<I>,
}

impl<I: Iterator<Item = Record>> Rows<I> {
    fn next(&mut self) -> Option<Result<(u64, Vec<u8>)>> {
        let stored = match self.stored.peek() {
            Some(Ok((index, _))) => Some(*index),
            Some(Err(_)) => return self.stored.next(),
            None => None,
        };
        match (stored, self.not_run.peek()) {
            (Some(stored), Some(missing)) if stored <= missing.index => self.stored.next(),
            (Some(_), None) => self.stored.next(),
            _ => {
                let record = self.not_run.next()?;
                let line = serde_json::to_vec(&record);
                let line = line.map_err(|error| ResultsError::RecordInvalid { detail: error.to_string() });
                Some(line.map(|line| (record.index, line)))
            }
        }
    }
}

/// Ends the run: writes `summary.json`, `junit.xml` and `report.html`, seals the journal into a segment with its
/// `index.json`, removes the journal and writes `checksums`.
///
/// `planned` is the number of cases of the plan; `not_run` gives, in plan order, a record for each case without one
/// in the journal; `labels` gives a scenario's labels. On a sealed run the reports are written again from the
/// segments, which hold the not-run records too, and `not_run` is not looked at. A kill at any point leaves a folder
/// which [`RunDir::open`] takes as running (finalize again) or as sealed. `stop` is asked before each case; once it says
/// yes, finalizing ends as if it were killed.
///
/// Errors: `JournalOpen` while a [`Journal`](crate::Journal) is open, `CountsDisagree` if the cases are not exactly
/// 0 to `planned` - 1, `FinalizeStopped`, `JournalCorrupt`, `SegmentCorrupt`, `ResultsIo`.
pub fn finalize(
    run: &RunDir,
    planned: u64,
    not_run: impl Iterator<Item = Record>,
    labels: impl Fn(&str) -> BTreeMap<String, String>,
    mut settings: Settings,
    stop: impl Fn() -> bool,
) -> Result<Summary> {
    if Arc::strong_count(&run.writer) > 1 {
        return Err(ResultsError::JournalOpen { path: run.file(JOURNAL) });
    }
    let disagree = |detail: String| ResultsError::CountsDisagree { path: run.path().to_owned(), detail };
    let cases = run.manifest().work.plan.cases;
    if planned != cases {
        return Err(disagree(format!("finalized for {planned} cases, the manifest says {cases}")));
    }
    let running = run.state()? == State::Running;
    let stored = if running {
        Lines::Journal(JournalLines::open(run, take_places(run)?)?)
    } else {
        Lines::Segments(Box::new(SegmentLines::open(run)?))
    };
    let mut segment = if running { Some(SegmentWriter::create(run, 1, settings.zstd_level)?) } else { None };
    let not_run = not_run.take(if running { usize::MAX } else { 0 });
    let known_digests = std::mem::take(&mut settings.known_digests);
    let rows = Rows { stored: stored.peekable(), not_run: not_run.peekable() };
    let target = Target { folder: run.path(), segment: segment.as_mut(), partial: false };
    let summary = produce(run, rows, labels, settings, stop, target)?;

    atomic::remove(&run.file(CHECKSUMS))?;
    if let Some(segment) = segment {
        let (v, work_digest, segments) = (1, summary.work_digest.clone(), vec![segment.finish()?]);
        let index = Index { v, work_digest, cases, segments };
        index.verify(run)?;
        index.write(run)?;
        atomic::remove(&run.file(JOURNAL))?;
        atomic::sync_folder(run.path())?;
    }
    checksums::write(run, &known_digests)?;
    Ok(summary)
}

/// Tells how far a run has come that was stopped and can go on: summary, `junit.xml` and report in the folder `partial/`,
/// marked as such, in which each case without a record counts as not run. What opens the run for working removes them.
///
/// `missing` gives the record of a case that has none. Errors as for [`finalize`].
pub fn finalize_partial(
    run: &RunDir,
    missing: impl Fn(u64) -> Option<Record>,
    labels: impl Fn(&str) -> BTreeMap<String, String>,
    settings: Settings,
    stop: impl Fn() -> bool,
) -> Result<Summary> {
    if Arc::strong_count(&run.writer) > 1 {
        return Err(ResultsError::JournalOpen { path: run.file(JOURNAL) });
    }
    if run.state()? == State::Sealed {
        return Err(ResultsError::RunSealed { path: run.path().to_owned() });
    }
    // Under another name until it is whole: half a report says nothing of a run.
    let (folder, building) = (run.file(PARTIAL), atomic::temporary(&run.file(PARTIAL)));
    atomic::remove(&building)?;
    std::fs::create_dir(&building).map_err(ResultsError::io("create", &building))?;
    let places = take_places(run)?;
    let mut done = places.iter().map(|(index, ..)| *index).collect::<Vec<_>>().into_iter().peekable();
    let gaps = (0..run.manifest().work.plan.cases).filter(move |index| done.next_if_eq(index).is_none());
    let not_run = gaps.filter_map(missing);
    let stored = Lines::Journal(JournalLines::open(run, places)?);
    let rows = Rows { stored: stored.peekable(), not_run: not_run.peekable() };
    let target = Target { folder: &building, segment: None, partial: true };
    let produced = produce(run, rows, labels, settings, stop, target).and_then(|summary| {
        atomic::remove(&folder)?;
        std::fs::rename(&building, &folder).map_err(ResultsError::io("rename", &building))?;
        Ok(summary)
    });
    if produced.is_err() {
        // What is left is removed by whoever opens the run next.
        let _ = atomic::remove(&building);
    }
    produced
}

/// Where the products of a run go.
struct Target<'a> {
    folder: &'a Path,
    /// Gets every row.
    segment: Option<&'a mut SegmentWriter>,
    partial: bool,
}

/// One pass over all rows: summary and reports.
fn produce<I: Iterator<Item = Record>>(
    run: &RunDir,
    mut rows: Rows<I>,
    labels: impl Fn(&str) -> BTreeMap<String, String>,
    settings: Settings,
    stop: impl Fn() -> bool,
    target: Target<'_>,
) -> Result<Summary> {
    let Target { folder, mut segment, partial } = target;
    let planned = run.manifest().work.plan.cases;
    let disagree = |detail: String| ResultsError::CountsDisagree { path: run.path().to_owned(), detail };
    let mut judging = Judging::new(&settings.gates);
    let mut totals = Totals::new();
    let mut cases_xml = Cases::create(&folder.join(JUNIT))?;
    let mut report = Report::new(folder, settings.report_cases, settings.report_bytes);

    while let Some(row) = rows.next() {
        if stop() {
            return Err(ResultsError::FinalizeStopped { path: run.path().to_owned() });
        }
        let (place, line) = row?;
        let unreadable = |detail: String| ResultsError::SegmentCorrupt {
            path: run.path().to_owned(),
            detail: format!("the record of case {place} cannot be read: {detail}"),
        };
        let row = Row::read(&line).map_err(unreadable)?;
        if row.index != place {
            return Err(unreadable(format!("it says that it is of case {}", row.index)));
        }
        let wanted = totals.counts().planned;
        if place != wanted {
            return Err(disagree(if place < wanted {
                format!("case {place} is both recorded and not run, or out of order")
            } else {
                format!("case {wanted} is neither recorded nor not run")
            }));
        }
        if let Some(segment) = &mut segment {
            segment.push(place, &line, &Strip::of(&row))?;
        }
        totals.push(&row, &labels).map_err(ResultsError::encode(run.path()))?;
        judging.push(&row);
        cases_xml.push(&row)?;
        report.push(&row, &labels).map_err(ResultsError::io("write", &run.file(REPORT)))?;
    }
    let found = totals.counts().planned;
    if found != planned {
        return Err(disagree(format!("{found} cases are recorded or not run, the plan has {planned}")));
    }

    let latency = totals.latency().clone();
    let path = folder.join(SUMMARY);
    let mut summary = totals.summary(run.manifest()).map_err(ResultsError::encode(&path))?;
    summary.partial = partial;
    summary.measured.concurrency_by_provider = settings.concurrency_by_provider;
    let decided = judging.finish(run.manifest(), run.path(), &summary);
    let timed = settings.gates.iter().map(|gate| gate.gate.is_timed());
    for (result, is_timed) in decided.into_iter().zip(timed) {
        let list = if is_timed { &mut summary.measured.gates } else { &mut summary.gates };
        list.push(result);
    }
    fit(&mut summary, SUMMARY_BYTES).map_err(ResultsError::encode(&path))?;
    atomic::replace(&path, |out| {
        serde_json::to_writer_pretty(&mut *out, &summary).map_err(ResultsError::encode(&path))?;
        out.write_all(b"\n").map_err(ResultsError::io("write", &path))
    })?;
    let path = folder.join(REPORT);
    atomic::replace(&path, |out| html::write(out, &path, run.manifest(), &summary, &latency, report))?;

    let path = folder.join(JUNIT);
    atomic::replace(&path, |out| cases_xml.write(out, &path))?;
    Ok(summary)
}
