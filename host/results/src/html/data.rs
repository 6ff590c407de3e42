//! What of a run goes into the page: rows and transcripts, failures first, until the limits are reached.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

use arena_model::{Counts, Manifest, Outcome, Summary, Tally};
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::inert;
use crate::row::{Row, Text};
use crate::sketch::Sketch;
use crate::strip::micros;

/// Share of the byte limit that rows may take, as a divisor; transcripts get the rest.
const ROWS_SHARE: usize = 2;
/// Characters of a reason in a row, of a name in a table.
const MAX_TEXT: usize = 240;
/// Entries of a table (providers, check types, labels), rows and columns of the matrix.
const MAX_ENTRIES: usize = 200;
const MAX_SCENARIOS: usize = 500;
const MAX_PROVIDERS: usize = 40;

/// Collects what the page shows while records pass by. Holds at most twice the byte limit, and the names that occur.
pub(crate) struct Report {
    max_cases: usize,
    max_bytes: usize,
    scenarios: Names,
    providers: Names,
    matrix: BTreeMap<(u32, u32), Counts>,
    /// Failed and erring cases.
    bad: Shelf,
    rest: Shelf,
}

/// Names by the number of their first appearance.
#[derive(Default)]
struct Names {
    numbers: HashMap<String, u32>,
    names: Vec<String>,
    /// Whether a row needs the name; the page gets no others, but for those of the matrix.
    used: Vec<bool>,
}

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.names.len() as u32;
        self.numbers.insert(name.to_owned(), number);
        self.names.push(name.to_owned());
        self.used.push(false);
        number
    }

    /// Marks a name as needed by a row and gives the bytes that costs, none the second time.
    fn need(&mut self, number: u32) -> serde_json::Result<usize> {
        let number = number as usize;
        if std::mem::replace(&mut self.used[number], true) {
            return Ok(0);
        }
        Ok(inert(&serde_json::to_string(&short(&self.names[number]))?).len() + 1)
    }

    fn shown(&self, kept: impl Fn(u32) -> bool) -> Vec<Option<Cow<'_, str>>> {
        let names = self.names.iter().zip(&self.used).zip(0u32..);
        names.map(|((name, used), number)| (*used || kept(number)).then(|| short(name))).collect()
    }
}

/// Rows and transcripts of one kind, as inert JSON.
#[derive(Default)]
struct Shelf {
    /// Each with whether its record has a transcript.
    rows: Vec<(String, bool)>,
    row_bytes: usize,
    /// (position in rows, index in the plan, JSON)
    transcripts: Vec<(usize, u64, String)>,
    transcript_bytes: usize,
    seen: u64,
}

#[derive(Serialize)]
struct Transcript<'a> {
    key: &'a str,
    input: &'a str,
    error: &'a Option<Text<'a>>,
    reason: &'a Option<Text<'a>>,
    messages: &'a RawValue,
    checks: &'a RawValue,
    measured: &'a RawValue,
}

fn short(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_TEXT {
        return Cow::Borrowed(text);
    }
    match text.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// The same, inert, and copied only if it was not.
fn own(json: String) -> String {
    match inert(&json) {
        Cow::Borrowed(_) => json,
        Cow::Owned(inert) => inert,
    }
}

/// What of a [`Report`] got into the page.
pub(crate) struct Data {
    head: String,
    left_out: serde_json::Value,
    rows: Vec<String>,
    transcripts: Vec<(u64, String)>,
}

impl Data {
    /// Writes it as one JSON object.
    pub(crate) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{{\"head\":{},\"leftOut\":{},\"rows\":[", self.head, self.left_out)?;
        for (at, row) in self.rows.iter().enumerate() {
            out.write_all(if at == 0 { b"" } else { b",\n" })?;
            out.write_all(row.as_bytes())?;
        }
        out.write_all(b"\n],\"transcripts\":{\n")?;
        for (at, (index, json)) in self.transcripts.iter().enumerate() {
            write!(out, "{}\"{index}\":", if at == 0 { "" } else { ",\n" })?;
            out.write_all(json.as_bytes())?;
        }
        out.write_all(b"\n}}")
    }
}

impl Report {
    pub(crate) fn new(max_cases: usize, max_bytes: usize) -> Self {
        let (bad, rest) = (Shelf::default(), Shelf::default());
        let (scenarios, providers) = (Names::default(), Names::default());
        Self { max_cases, max_bytes, scenarios, providers, matrix: BTreeMap::new(), bad, rest }
    }

    /// Takes what it can of the next record in plan order.
    pub(crate) fn push(&mut self, record: &Row<'_>) -> serde_json::Result<()> {
        let place = (self.scenarios.number(&record.scenario), self.providers.number(&record.provider));
        self.matrix.entry(place).or_default().add(record.outcome);
        let bad = matches!(record.outcome, Outcome::Failed | Outcome::Error);
        let shelf = if bad { &mut self.bad } else { &mut self.rest };
        shelf.seen += 1;
        if shelf.rows.len() >= self.max_cases || shelf.row_bytes >= self.max_bytes / ROWS_SHARE {
            return Ok(());
        }
        let row = serde_json::to_string(&(
            record.index,
            place.0,
            place.1,
            record.outcome.as_str(),
            (record.trial, record.region.as_deref().map(short), record.row.as_deref().map(short)),
            record.variant.as_deref().map(short),
            micros(record.measured.latency_ms),
            record.cost_usd_micro,
            record.usage.total(),
            record.reason.as_deref().map(short),
        ))?;
        let row = own(row);
        shelf.row_bytes += row.len() + 1 + self.scenarios.need(place.0)? + self.providers.need(place.1)?;
        let (messages, checks, measured) = (record.raw_messages, record.raw_checks, record.raw_measured);
        let spoken = messages.get() != "[]" || checks.get() != "[]";
        shelf.rows.push((row, spoken));
        let Row { key, input, error, reason, .. } = record;
        // The last 64th is not worth serialising every further transcript to see whether it fits.
        if shelf.transcript_bytes >= self.max_bytes - self.max_bytes / 64 || !spoken {
            return Ok(());
        }
        let json = own(serde_json::to_string(&Transcript { key, input, error, reason, messages, checks, measured })?);
        if shelf.transcript_bytes + json.len() <= self.max_bytes {
            shelf.transcript_bytes += json.len() + 32;
            shelf.transcripts.push((shelf.rows.len() - 1, record.index, json));
        }
        Ok(())
    }

    /// The page's data: of what was collected as much as the limits allow.
    pub(crate) fn data(self, manifest: &Manifest, summary: &Summary, latency: &Sketch) -> serde_json::Result<Data> {
        let head = own(serde_json::to_string(&self.head(manifest, summary, latency))?);
        let Self { max_cases, max_bytes, bad, rest, .. } = self;
        let (bad_seen, cases) = (bad.seen, bad.seen + rest.seen);
        let mut left = max_bytes.saturating_sub(head.len());
        let (mut rows, mut spoken, mut transcripts) = (Vec::new(), 0, Vec::new());
        let mut row_room = left.min(max_bytes / ROWS_SHARE);
        let (mut shown_bad, mut shown_rest) = (0, 0);
        for (shelf, shown) in [(bad.rows, &mut shown_bad), (rest.rows, &mut shown_rest)] {
            for (row, has) in shelf.into_iter().take(max_cases - rows.len()) {
                let Some(room) = row_room.checked_sub(row.len() + 1) else { break };
                (row_room, left) = (room, left - row.len() - 1);
                rows.push(row);
                spoken += usize::from(has);
                *shown += 1;
            }
        }
        for (shelf, shown) in [(bad.transcripts, shown_bad), (rest.transcripts, shown_rest)] {
            for (row, index, json) in shelf {
                if row < shown && json.len() + 32 <= left {
                    left -= json.len() + 32;
                    transcripts.push((index, json));
                }
            }
        }
        let left_out = json!({
            "cases": cases - rows.len() as u64,
            "bad": bad_seen - shown_bad as u64,
            "transcripts": spoken - transcripts.len(),
        });
        Ok(Data { head, left_out, rows, transcripts })
    }

    fn head(&self, manifest: &Manifest, summary: &Summary, latency: &Sketch) -> serde_json::Value {
        fn tables(map: &BTreeMap<String, Tally>) -> Vec<(Cow<'_, str>, &Tally)> {
            map.iter().take(MAX_ENTRIES).map(|(name, tally)| (short(name), tally)).collect()
        }
        // Names are numbered by first appearance; a matrix too large for a page keeps the scenarios that do worst.
        let mut worst: Vec<(u64, u32)> = (0..self.scenarios.names.len() as u32).map(|number| (0, number)).collect();
        for ((scenario, _), counts) in &self.matrix {
            worst[*scenario as usize].0 += counts.failed + counts.error;
        }
        worst.sort_by_key(|(bad, number)| (std::cmp::Reverse(*bad), *number));
        worst.truncate(MAX_SCENARIOS);
        let kept: std::collections::HashSet<u32> = worst.into_iter().map(|(_, number)| number).collect();
        let matrix: Vec<_> = self
            .matrix
            .iter()
            .filter(|((scenario, provider), _)| kept.contains(scenario) && (*provider as usize) < MAX_PROVIDERS)
            .map(|((scenario, provider), counts)| (scenario, provider, counts))
            .collect();
        json!({
            "work": {
                "digest": summary.work_digest, "bundle": manifest.work.bundle, "entry": manifest.work.entry,
                "seed": manifest.work.seed, "evaluators": manifest.work.evaluators.len(),
            },
            "origin": manifest.origin,
            "merkleRoot": summary.merkle_root,
            "cases": summary.cases,
            "passRate": summary.pass_rate,
            "usage": summary.usage,
            "cost": summary.cost_usd_micro,
            "measured": {
                "started": summary.measured.started, "wall_ms": summary.measured.wall_ms,
                "latency_ms": summary.measured.latency_ms,
                "latency_ms_by_provider": summary.measured.latency_ms_by_provider.iter().take(MAX_ENTRIES)
                    .map(|(name, values)| (short(name), values)).collect::<BTreeMap<_, _>>(),
            },
            "models": manifest.work.models.iter().take(MAX_ENTRIES)
                .map(|(name, model)| (short(name), short(model))).collect::<BTreeMap<_, _>>(),
            "scenarios": self.scenarios.shown(|number| kept.contains(&number)),
            "providers": self.providers.shown(|number| (number as usize) < MAX_PROVIDERS),
            "matrix": matrix,
            "matrixLeftOut": {
                "scenarios": self.scenarios.names.len().saturating_sub(MAX_SCENARIOS),
                "providers": self.providers.names.len().saturating_sub(MAX_PROVIDERS),
            },
            "byProvider": tables(&summary.providers),
            "byCheck": tables(&summary.evaluators),
            "byLabel": tables(&summary.labels),
            "latency": latency.buckets().collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_at_a_character() {
        assert_eq!(short(&"é".repeat(MAX_TEXT)), "é".repeat(MAX_TEXT));
        assert_eq!(short(&"é".repeat(MAX_TEXT + 1)), format!("{}…", "é".repeat(MAX_TEXT)));
    }
}
