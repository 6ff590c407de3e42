//! `junit.xml`: one test suite per scenario, one test case per case, streamed.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use arena_model::{CheckRecord, Outcome, Record, Scope, Summary};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use crate::strip::micros;
use crate::{Result, ResultsError, terminal_safe};

/// Characters of a message at most; the whole text is in the records.
const MAX_MESSAGE: usize = 2_000;
/// Checks listed per case at most.
const MAX_CHECKS: usize = 50;

/// One stretch of cases of the same scenario, counted before it is written since a suite starts with its counts.
struct Suite {
    scenario: String,
    tests: u64,
    failures: u64,
    errors: u64,
    skipped: u64,
    micros: u64,
}

/// The suites of a run in plan order. A plan keeps a scenario's cases together, so there is one for each scenario.
#[derive(Default)]
pub(crate) struct Suites(Vec<Suite>);

impl Suites {
    pub(crate) fn push(&mut self, record: &Record) {
        if self.0.last().is_none_or(|suite| suite.scenario != record.scenario) {
            let scenario = record.scenario.clone();
            self.0.push(Suite { scenario, tests: 0, failures: 0, errors: 0, skipped: 0, micros: 0 });
        }
        let Some(suite) = self.0.last_mut() else { return };
        suite.tests += 1;
        suite.micros += micros(record.measured.latency_ms);
        match record.outcome {
            Outcome::Passed => {}
            Outcome::Failed => suite.failures += 1,
            Outcome::Error => suite.errors += 1,
            Outcome::Skipped | Outcome::NotRun => suite.skipped += 1,
        }
    }
}

/// The stable name of a case, the same in every run of the same ids: `scenario/provider`, then whatever of region,
/// row, variant and trial it has. The first trial has no number.
pub(crate) fn case_name(record: &Record) -> String {
    let mut name = format!("{}/{}", record.scenario, record.provider);
    for (kind, value) in [("region", &record.region), ("row", &record.row), ("variant", &record.variant)] {
        if let Some(value) = value {
            name.push_str(&format!("/{kind} {value}"));
        }
    }
    if record.trial > 0 {
        name.push_str(&format!("/trial {}", record.trial));
    }
    name
}

/// Text that XML 1.0 can hold and a CI's log can show: no escape sequences, no characters XML forbids, not endless.
fn clean(text: &str) -> String {
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\u{20}'..='\u{fffd}' | '\u{10000}'..);
    let mut chars = text.chars();
    let shown: String = chars.by_ref().take(MAX_MESSAGE).collect();
    let mut clean: String = terminal_safe(&shown).chars().map(|c| if allowed(c) { c } else { '\u{fffd}' }).collect();
    if chars.next().is_some() {
        clean.push('…');
    }
    clean
}

/// Writes the whole document.
pub(crate) fn write(
    out: &mut BufWriter<std::fs::File>,
    path: &Path,
    suites: &Suites,
    summary: &Summary,
    records: impl Iterator<Item = Result<Record>>,
) -> Result<()> {
    let io = || ResultsError::io("write", path);
    let mut xml = Writer::new_with_indent(out, b' ', 2);
    head(&mut xml, suites, summary).map_err(io())?;
    let mut suites = suites.0.iter();
    let mut left = 0;
    for record in records {
        let record = record?;
        if left == 0 {
            let Some(suite) = suites.next() else { break };
            open(&mut xml, suite).map_err(io())?;
            left = suite.tests;
        }
        case(&mut xml, &record).map_err(io())?;
        left -= 1;
        if left == 0 {
            xml.write_event(Event::End(BytesEnd::new("testsuite"))).map_err(io())?;
        }
    }
    xml.write_event(Event::End(BytesEnd::new("testsuites"))).map_err(io())?;
    xml.get_mut().write_all(b"\n").map_err(io())
}

fn element<'a>(name: &'a str, attributes: &[(&str, String)]) -> BytesStart<'a> {
    let mut element = BytesStart::new(name);
    for (key, value) in attributes {
        element.push_attribute((*key, clean(value).as_str()));
    }
    element
}

fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

fn head<W: Write>(xml: &mut Writer<W>, suites: &Suites, summary: &Summary) -> io::Result<()> {
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let counts = summary.cases;
    let attributes = [
        ("name", "arena".to_owned()),
        ("tests", counts.planned.to_string()),
        ("failures", counts.failed.to_string()),
        ("errors", counts.error.to_string()),
        ("skipped", (counts.skipped + counts.not_run).to_string()),
        ("time", seconds(suites.0.iter().map(|suite| suite.micros).sum())),
    ];
    xml.write_event(Event::Start(element("testsuites", &attributes)))
}

fn open<W: Write>(xml: &mut Writer<W>, suite: &Suite) -> io::Result<()> {
    let attributes = [
        ("name", suite.scenario.clone()),
        ("tests", suite.tests.to_string()),
        ("failures", suite.failures.to_string()),
        ("errors", suite.errors.to_string()),
        ("skipped", suite.skipped.to_string()),
        ("time", seconds(suite.micros)),
    ];
    xml.write_event(Event::Start(element("testsuite", &attributes)))
}

fn case<W: Write>(xml: &mut Writer<W>, record: &Record) -> io::Result<()> {
    let attributes = [
        ("name", case_name(record)),
        ("classname", record.scenario.clone()),
        ("time", seconds(micros(record.measured.latency_ms))),
    ];
    let start = element("testcase", &attributes);
    let reason = record.reason.clone().unwrap_or_default();
    let (name, attributes) = match record.outcome {
        Outcome::Passed => return xml.write_event(Event::Empty(start)),
        Outcome::Skipped => ("skipped", vec![("message", reason)]),
        Outcome::NotRun => ("skipped", vec![("message", format!("not run: {reason}"))]),
        Outcome::Failed => ("failure", vec![("type", "CheckFailed".to_owned()), ("message", reason)]),
        Outcome::Error => {
            let kind = record.error.clone().unwrap_or_else(|| "Error".to_owned());
            ("error", vec![("type", kind), ("message", reason)])
        }
    };
    xml.write_event(Event::Start(start))?;
    let inner = element(name, &attributes);
    let text = checks(record);
    if text.is_empty() || name == "skipped" {
        xml.write_event(Event::Empty(inner))?;
    } else {
        xml.write_event(Event::Start(inner))?;
        xml.write_event(Event::Text(BytesText::new(&text)))?;
        xml.write_event(Event::End(BytesEnd::new(name)))?;
    }
    xml.write_event(Event::End(BytesEnd::new("testcase")))
}

/// A line for each check that failed or ended in an error.
fn checks(record: &Record) -> String {
    let bad = |check: &&CheckRecord| matches!(check.outcome, Outcome::Failed | Outcome::Error);
    let mut text = String::new();
    for check in record.checks.iter().filter(bad).take(MAX_CHECKS) {
        let place = match (check.scope, check.turn) {
            (Scope::Conversation, _) => "conversation".to_owned(),
            (Scope::Eval, _) => "eval".to_owned(),
            (Scope::Guardrail, _) => "guardrail".to_owned(),
            (Scope::Turn, turn) => format!("turn {}", turn.unwrap_or_default()),
        };
        let said = [&check.message, &check.reason].into_iter().flatten().cloned().collect::<Vec<_>>().join(": ");
        text.push_str(&clean(&format!("{} ({place}, {}): {said}", check.kind, check.outcome.as_str())));
        text.push('\n');
    }
    let more = record.checks.iter().filter(bad).count().saturating_sub(MAX_CHECKS);
    if more > 0 {
        text.push_str(&format!("and {more} more\n"));
    }
    text
}
