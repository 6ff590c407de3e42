//! What of a run goes into the page: rows and transcripts, failures first, until the limits are reached.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use arena_model::{Manifest, Outcome, Scope, Summary};
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::head::{Matrix, Scores, head};
use super::inert;
use super::names::{Names, short};
use super::shelf::{Closed, Place, Shelf};
use crate::row::{Check, Row, Text};
use crate::sketch::Sketch;
use crate::strip::micros;

/// Share of the byte limit that rows may take, as a divisor; transcripts get the rest.
const ROWS_SHARE: usize = 2;
/// Check types that one row names.
const MAX_TYPES: usize = 32;

/// Collects what the page shows while records pass by. Holds the names that occur; the rest lies in unnamed files.
pub(crate) struct Report {
    max_cases: usize,
    max_bytes: usize,
    scenarios: Names,
    providers: Names,
    types: Names,
    labels: Names,
    /// By scenario, the numbers of its labels.
    labels_of: Vec<Vec<u32>>,
    matrix: Matrix,
    scores: Scores,
    /// Failed and erring cases.
    bad: Shelf,
    rest: Shelf,
    /// The row that is being written.
    line: Vec<u8>,
}

#[derive(Serialize)]
struct Transcript<'a> {
    index: u64,
    key: &'a str,
    input: &'a str,
    error: &'a Option<Text<'a>>,
    reason: &'a Option<Text<'a>>,
    messages: &'a RawValue,
    checks: &'a RawValue,
    measured: &'a RawValue,
}

/// What of a [`Report`] gets into the page.
pub(crate) struct Data {
    head: String,
    left_out: serde_json::Value,
    bad: Chosen,
    rest: Chosen,
}

struct Chosen {
    shelf: Closed,
    rows: usize,
    blocks: usize,
}

impl Data {
    /// Writes it, transcripts left aside, as one JSON object.
    pub(crate) fn write(&mut self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{{\"head\":{},\"leftOut\":{},\"rows\":[", self.head, self.left_out)?;
        self.bad.shelf.write_rows(out, self.bad.rows, true)?;
        self.rest.shelf.write_rows(out, self.rest.rows, self.bad.rows == 0)?;
        out.write_all(b"\n]}")
    }

    /// Writes the transcripts as elements.
    pub(crate) fn write_transcripts(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.bad.shelf.write_blocks(out, self.bad.blocks, 'a')?;
        self.rest.shelf.write_blocks(out, self.rest.blocks, 'b')
    }
}

/// What a check is counted under: what only observes is told apart from what decides.
fn kind<'a>(check: &'a Check<'_>, eval: &'a mut String) -> &'a str {
    match check.id.as_deref().filter(|_| check.scope == Scope::Eval) {
        Some(id) => {
            eval.push_str("eval:");
            eval.push_str(id);
            eval
        }
        None => &check.kind,
    }
}

impl Report {
    /// Keeps its files, which have no names, in `folder`.
    pub(crate) fn new(folder: &Path, max_cases: usize, max_bytes: usize) -> Self {
        let shelf = || Shelf::new(folder, max_bytes);
        Self {
            max_cases,
            max_bytes,
            scenarios: Names::default(),
            providers: Names::default(),
            types: Names::default(),
            labels: Names::default(),
            labels_of: Vec::new(),
            matrix: Matrix::default(),
            scores: Scores::default(),
            bad: shelf(),
            rest: shelf(),
            line: Vec::new(),
        }
    }

    /// Takes what it can of the next record in plan order; `labels` is asked once per scenario.
    pub(crate) fn push(
        &mut self,
        record: &Row<'_>,
        labels: impl Fn(&str) -> BTreeMap<String, String>,
    ) -> io::Result<()> {
        let place = (self.scenarios.number(&record.scenario), self.providers.number(&record.provider));
        if place.0 as usize == self.labels_of.len() {
            let pairs = labels(&record.scenario).into_iter();
            let numbers = pairs.map(|(key, value)| self.labels.number(&format!("{key}={value}"))).collect();
            self.labels_of.push(numbers);
        }
        self.matrix.entry(place).or_default().add(record.outcome);
        let types = self.types_of(record);
        let bad = matches!(record.outcome, Outcome::Failed | Outcome::Error);
        let shelf = if bad { &mut self.bad } else { &mut self.rest };
        shelf.seen += 1;
        if shelf.rows() >= self.max_cases || shelf.row_bytes() >= self.max_bytes / ROWS_SHARE {
            return Ok(());
        }
        let (messages, checks, measured) = (record.raw_messages, record.raw_checks, record.raw_measured);
        let index = record.index;
        let transcript = if messages.get() == "[]" && checks.get() == "[]" {
            Place::None
        } else {
            let Row { key, input, error, reason, .. } = record;
            let whole = Transcript { index, key, input, error, reason, messages, checks, measured };
            shelf.transcript(|out| serde_json::to_writer(out, &whole))?
        };
        let extras = (record.region.as_deref(), record.row.as_deref(), record.variant.as_deref());
        let extras = (extras != (None, None, None)).then(|| [extras.0, extras.1, extras.2].map(|text| text.map(short)));
        let block = match transcript {
            Place::None => -1,
            Place::LeftOut => -2,
            Place::Block(number) => i64::from(number),
        };
        self.line.clear();
        serde_json::to_writer(
            &mut self.line,
            &(
                (index, place.0, place.1, record.outcome.as_str(), record.trial, extras),
                (micros(record.measured.latency_ms), record.cost_usd_micro, record.usage.total()),
                record.reason.as_deref().map(short),
                block,
                types,
            ),
        )?;
        let mut needs = self.scenarios.need(place.0)? + self.providers.need(place.1)?;
        for number in self.labels_of.get(place.0 as usize).into_iter().flatten() {
            needs += self.labels.need(*number)?;
        }
        match std::str::from_utf8(&self.line).map(inert) {
            Ok(line) => shelf.row(line.as_bytes(), transcript, needs),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    /// The numbers of the types of its checks, one that did not pass as the complement of its number.
    fn types_of(&mut self, record: &Row<'_>) -> Vec<i64> {
        let mut types: Vec<i64> = Vec::with_capacity(record.checks.len().min(MAX_TYPES));
        for check in &record.checks {
            let mut eval = String::new();
            let number = self.types.number(kind(check, &mut eval));
            self.scores.add(number, check.score);
            let number = i64::from(number);
            let bad = matches!(check.outcome, Outcome::Failed | Outcome::Error);
            match types.iter().position(|known| *known == number || *known == !number) {
                Some(at) if bad => types[at] = !number,
                Some(_) => {}
                None if types.len() < MAX_TYPES => types.push(if bad { !number } else { number }),
                None => {}
            }
        }
        types
    }

    /// The page's data: of what was collected as much as the limits allow.
    pub(crate) fn data(self, manifest: &Manifest, summary: &Summary, latency: &Sketch) -> io::Result<Data> {
        let head = serde_json::to_string(&head(
            &[&self.scenarios, &self.providers, &self.types, &self.labels],
            &self.labels_of,
            &self.matrix,
            &self.scores,
            (manifest, summary, latency),
        )?)?;
        let head = inert(&head).into_owned();
        let (bad_seen, cases) = (self.bad.seen, self.bad.seen + self.rest.seen);
        let (bad, rest) = (self.bad.close()?, self.rest.close()?);
        let left = self.max_bytes.saturating_sub(head.len());
        let row_room = left.min(self.max_bytes / ROWS_SHARE);
        let mut room = row_room;
        let bad_rows = bad.fitting_rows(self.max_cases, &mut room);
        let rest_rows = rest.fitting_rows(self.max_cases - bad_rows, &mut room);
        let mut room = left - (row_room - room);
        let bad_blocks = bad.fitting_blocks(bad_rows, &mut room);
        let rest_blocks = rest.fitting_blocks(rest_rows, &mut room);
        let left_out = json!({
            "cases": cases - (bad_rows + rest_rows) as u64,
            "bad": bad_seen - bad_rows as u64,
            "transcripts": bad.left_out(bad_rows, bad_blocks) + rest.left_out(rest_rows, rest_blocks),
        });
        let bad = Chosen { shelf: bad, rows: bad_rows, blocks: bad_blocks };
        let rest = Chosen { shelf: rest, rows: rest_rows, blocks: rest_blocks };
        Ok(Data { head, left_out, bad, rest })
    }
}
