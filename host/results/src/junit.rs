//! `junit.xml`: one test suite per scenario, one test case per case, streamed.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek as _, Write};
use std::path::{Path, PathBuf};

use arena_model::{Counts, Outcome, Scope};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use crate::row::{Check, Row};
use crate::strip::micros;
use crate::{Result, ResultsError, atomic, terminal_safe};

/// Characters of a message at most; the whole text is in the records.
const MAX_MESSAGE: usize = 2_000;
/// Checks listed per case at most.
const MAX_CHECKS: usize = 50;

/// One stretch of cases of the same scenario.
struct Suite {
    scenario: String,
    counts: Counts,
    micros: u64,
    /// Of its cases as XML.
    bytes: u64,
}

/// The cases as XML, in a file of their own while they pass by: a suite starts with its counts, which are known only
/// at its end. A plan keeps a scenario's cases together, so there is one suite for each scenario.
pub(crate) struct Cases {
    path: PathBuf,
    file: BufWriter<File>,
    /// Holds one case at a time, indented as in the document.
    xml: Writer<Vec<u8>>,
    suites: Vec<Suite>,
}

impl Cases {
    /// For the document at `path`.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let spool = atomic::temporary(&path.with_extension("cases"));
        let file = BufWriter::with_capacity(64 << 10, atomic::create(&spool)?);
        let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
        for parent in ["testsuites", "testsuite"] {
            let opened = xml.write_event(Event::Start(BytesStart::new(parent)));
            opened.map_err(ResultsError::io("write", &spool))?;
        }
        Ok(Self { path: spool, file, xml, suites: Vec::new() })
    }

    /// Adds the next record in plan order.
    pub(crate) fn push(&mut self, record: &Row<'_>) -> Result<()> {
        let io = || ResultsError::io("write", &self.path);
        self.xml.get_mut().clear();
        case(&mut self.xml, record).map_err(io())?;
        self.file.write_all(self.xml.get_ref()).map_err(io())?;
        if self.suites.last().is_none_or(|suite| suite.scenario != *record.scenario) {
            let scenario = record.scenario.to_string();
            self.suites.push(Suite { scenario, counts: Counts::default(), micros: 0, bytes: 0 });
        }
        let Some(suite) = self.suites.last_mut() else { return Ok(()) };
        suite.counts.add(record.outcome);
        suite.micros = suite.micros.saturating_add(micros(record.measured.latency_ms));
        suite.bytes += self.xml.get_ref().len() as u64;
        Ok(())
    }

    /// Writes the whole document to `out`, which messages call `path`, and removes the file of the cases.
    pub(crate) fn write(mut self, out: &mut impl Write, path: &Path) -> Result<()> {
        let spooled = self.file.flush().and_then(|()| self.file.get_mut().rewind());
        spooled.map_err(ResultsError::io("write", &self.path))?;
        let io = || ResultsError::io("write", path);
        // Behind `dyn`, since the standard library would take two system calls for each short piece of a file.
        let spooled: &mut dyn Read = &mut BufReader::with_capacity(64 << 10, self.file.get_mut());
        let mut xml = Writer::new_with_indent(out, b' ', 2);
        head(&mut xml, &self.suites).map_err(io())?;
        for suite in &self.suites {
            open(&mut xml, suite).map_err(io())?;
            let copied = io::copy(&mut spooled.take(suite.bytes), xml.get_mut()).map_err(io())?;
            if copied != suite.bytes {
                return Err(ResultsError::io("read", &self.path)(io::ErrorKind::UnexpectedEof.into()));
            }
            xml.write_event(Event::End(BytesEnd::new("testsuite"))).map_err(io())?;
        }
        xml.write_event(Event::End(BytesEnd::new("testsuites"))).map_err(io())?;
        xml.get_mut().write_all(b"\n").map_err(io())?;
        atomic::remove(&self.path)
    }
}

/// Text that XML 1.0 can hold and a CI's log can show: no escape sequences, no characters XML forbids, not endless.
fn clean(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_MESSAGE && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\u{20}'..='\u{fffd}' | '\u{10000}'..);
    let mut chars = text.chars();
    let shown: String = chars.by_ref().take(MAX_MESSAGE).collect();
    let mut clean: String = terminal_safe(&shown).chars().map(|c| if allowed(c) { c } else { '\u{fffd}' }).collect();
    if chars.next().is_some() {
        clean.push('…');
    }
    Cow::Owned(clean)
}

fn element<'a>(name: &'a str, attributes: &[(&str, &str)]) -> BytesStart<'a> {
    let mut element = BytesStart::new(name);
    for (key, value) in attributes {
        element.push_attribute((*key, &*clean(value)));
    }
    element
}

fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

fn head<W: Write>(xml: &mut Writer<W>, suites: &[Suite]) -> io::Result<()> {
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let sum = |count: fn(&Suite) -> u64| suites.iter().map(count).sum::<u64>().to_string();
    let attributes = [
        ("name", "arena"),
        ("tests", &*sum(|suite| suite.counts.planned)),
        ("failures", &sum(|suite| suite.counts.failed)),
        ("errors", &sum(|suite| suite.counts.error)),
        ("skipped", &sum(|suite| suite.counts.skipped + suite.counts.not_run)),
        ("time", &seconds(suites.iter().map(|suite| suite.micros).fold(0, u64::saturating_add))),
    ];
    xml.write_event(Event::Start(element("testsuites", &attributes)))
}

fn open<W: Write>(xml: &mut Writer<W>, suite: &Suite) -> io::Result<()> {
    let counts = suite.counts;
    let attributes = [
        ("name", suite.scenario.as_str()),
        ("tests", &counts.planned.to_string()),
        ("failures", &counts.failed.to_string()),
        ("errors", &counts.error.to_string()),
        ("skipped", &(counts.skipped + counts.not_run).to_string()),
        ("time", &seconds(suite.micros)),
    ];
    xml.write_event(Event::Start(element("testsuite", &attributes)))?;
    // The attributes know no case that was not run.
    xml.write_event(Event::Start(BytesStart::new("properties")))?;
    let property = [("name", "arena.cases"), ("value", &counts.to_string())];
    xml.write_event(Event::Empty(element("property", &property)))?;
    xml.write_event(Event::End(BytesEnd::new("properties")))
}

fn case<W: Write>(xml: &mut Writer<W>, record: &Row<'_>) -> io::Result<()> {
    let attributes = [
        ("name", &*record.ids().name()),
        ("classname", &*record.scenario),
        ("time", &*seconds(micros(record.measured.latency_ms))),
    ];
    let start = element("testcase", &attributes);
    let reason = record.reason.as_deref().unwrap_or_default();
    let not_run;
    let (name, attributes) = match record.outcome {
        Outcome::Passed => return xml.write_event(Event::Empty(start)),
        Outcome::Skipped => ("skipped", &[("message", reason)][..]),
        Outcome::NotRun => {
            not_run = format!("not run: {reason}");
            ("skipped", &[("message", not_run.as_str())][..])
        }
        Outcome::Failed => ("failure", &[("type", "CheckFailed"), ("message", reason)][..]),
        Outcome::Error => ("error", &[("type", record.error.as_deref().unwrap_or("Error")), ("message", reason)][..]),
    };
    xml.write_event(Event::Start(start))?;
    let inner = element(name, attributes);
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
fn checks(record: &Row<'_>) -> String {
    let bad = |check: &&Check<'_>| matches!(check.outcome, Outcome::Failed | Outcome::Error);
    let mut text = String::new();
    for check in record.checks.iter().filter(bad).take(MAX_CHECKS) {
        let place = match (check.scope, check.turn) {
            (Scope::Conversation, _) => "conversation".to_owned(),
            (Scope::Eval, _) => "eval".to_owned(),
            (Scope::Guardrail, _) => "guardrail".to_owned(),
            (Scope::Turn, turn) => format!("turn {}", turn.unwrap_or_default()),
        };
        let said: Vec<&str> = [&check.message, &check.reason].into_iter().flatten().map(|text| &**text).collect();
        let (kind, said) = (&*check.kind, said.join(": "));
        text.push_str(&clean(&format!("{kind} ({place}, {}): {said}", check.outcome.as_str())));
        text.push('\n');
    }
    let more = record.checks.iter().filter(bad).count().saturating_sub(MAX_CHECKS);
    if more > 0 {
        text.push_str(&format!("and {more} more\n"));
    }
    text
}
