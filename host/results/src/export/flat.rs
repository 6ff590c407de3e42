//! A record as one flat row of typed columns, for tables.

use arena_model::{CheckRecord, Manifest, Outcome, Record, Role, Scope};

use crate::row::case_name;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// A whole number.
    Int,
    /// A floating-point number.
    Float,
    /// True or false.
    Bool,
    /// Milliseconds since 1970 in UTC; RFC 3339 as text.
    Time,
}

/// One cell.
pub(crate) enum Cell {
    Text(Option<String>),
    Int(Option<i64>),
    Float(Option<f64>),
    Bool(bool),
    Time(Option<i64>, String),
}

/// Names and kinds of the columns, in order. Tools outside read them: they change only by addition at the end.
pub const COLUMNS: [(&str, Kind); 37] = [
    ("index", Kind::Int),
    ("key", Kind::Text),
    ("name", Kind::Text),
    ("scenario", Kind::Text),
    ("provider", Kind::Text),
    ("model", Kind::Text),
    ("region", Kind::Text),
    ("row", Kind::Text),
    ("variant", Kind::Text),
    ("trial", Kind::Int),
    ("outcome", Kind::Text),
    ("error", Kind::Text),
    ("reason", Kind::Text),
    ("score", Kind::Float),
    ("checks", Kind::Int),
    ("checks_passed", Kind::Int),
    ("checks_failed", Kind::Int),
    ("checks_error", Kind::Int),
    ("bad_checks", Kind::Text),
    ("question", Kind::Text),
    ("answer", Kind::Text),
    ("messages", Kind::Int),
    ("input_tokens", Kind::Int),
    ("output_tokens", Kind::Int),
    ("cached_tokens", Kind::Int),
    ("cost_usd_micro", Kind::Int),
    ("fuel", Kind::Int),
    ("latency_ms", Kind::Float),
    ("ttft_ms", Kind::Float),
    ("started", Kind::Time),
    ("attempts", Kind::Int),
    ("cached", Kind::Bool),
    ("input", Kind::Text),
    ("work_digest", Kind::Text),
    ("bundle", Kind::Text),
    ("seed", Kind::Int),
    ("engine", Kind::Text),
];

/// Whole numbers of tables have 63 bits.
fn int(number: u64) -> Cell {
    Cell::Int(Some(i64::try_from(number).unwrap_or(i64::MAX)))
}

fn text(text: &str) -> Cell {
    Cell::Text(Some(text.to_owned()))
}

fn maybe(text: Option<&str>) -> Cell {
    Cell::Text(text.map(str::to_owned))
}

/// The row of a record, in the order of [`COLUMNS`].
pub(crate) fn cells(record: &Record, manifest: &Manifest) -> [Cell; COLUMNS.len()] {
    let Record { scenario, provider, region, row, variant, trial, .. } = record;
    let (region, row, variant) = (region.as_deref(), row.as_deref(), variant.as_deref());
    let count = |wanted| int(record.checks.iter().filter(|check| check.outcome == wanted).count() as u64);
    let scores: Vec<f64> = record.checks.iter().filter_map(|check| check.score).collect();
    let score = (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64);
    let of = |role| record.messages.iter().rev().find(|message| message.role == role);
    let said = |role| Cell::Text(of(role).map(|message| message.content.text().into_owned()));
    let (measured, work) = (&record.measured, &manifest.work);
    let started = humantime::parse_rfc3339(&measured.started).ok();
    let millis = started.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    let ran = !matches!(record.outcome, Outcome::Skipped | Outcome::NotRun);
    [
        int(record.index),
        text(&record.key.0),
        Cell::Text(Some(case_name(record))),
        text(scenario),
        text(provider),
        maybe(work.models.get(provider).map(String::as_str)),
        maybe(region),
        maybe(row),
        maybe(variant),
        int((*trial).into()),
        text(record.outcome.as_str()),
        maybe(record.error.as_deref()),
        maybe(record.reason.as_deref()),
        Cell::Float(score),
        int(record.checks.len() as u64),
        count(Outcome::Passed),
        count(Outcome::Failed),
        count(Outcome::Error),
        Cell::Text(bad_checks(record)),
        said(Role::User),
        said(Role::Assistant),
        int(record.messages.len() as u64),
        int(record.usage.input),
        int(record.usage.output),
        int(record.usage.cached),
        Cell::Int(record.cost_usd_micro.map(|cost| i64::try_from(cost).unwrap_or(i64::MAX))),
        int(record.checks.iter().fold(0, |sum: u64, check| sum.saturating_add(check.fuel))),
        Cell::Float(ran.then_some(measured.latency_ms)),
        Cell::Float(measured.ttft_ms),
        Cell::Time(millis.and_then(|time| i64::try_from(time.as_millis()).ok()), measured.started.clone()),
        int(measured.attempts.into()),
        Cell::Bool(measured.cached),
        text(record.input.as_str()),
        text(manifest.work_digest.as_str()),
        text(work.bundle.as_str()),
        int(work.seed),
        text(&manifest.origin.engine),
    ]
}

/// Each check that failed or ended in an error, with its place and reason, one a line; none if all is well.
fn bad_checks(record: &Record) -> Option<String> {
    let bad = |check: &&CheckRecord| matches!(check.outcome, Outcome::Failed | Outcome::Error);
    let lines: Vec<String> = record.checks.iter().filter(bad).map(said).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// `contains (turn 0, failed): message: reason`.
fn said(check: &CheckRecord) -> String {
    let said: Vec<&str> = [&check.message, &check.reason].into_iter().flatten().map(String::as_str).collect();
    format!("{} ({}, {}): {}", check.kind, place(check), check.outcome.as_str(), said.join(": "))
}

/// Where a check is declared, in words.
pub fn place(check: &CheckRecord) -> String {
    match (check.scope, check.turn) {
        (Scope::Conversation, _) => "conversation".to_owned(),
        (Scope::Eval, _) => "eval".to_owned(),
        (Scope::Guardrail, _) => "guardrail".to_owned(),
        (Scope::Turn, turn) => format!("turn {}", turn.unwrap_or_default()),
    }
}
