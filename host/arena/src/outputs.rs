//! Outputs that were made elsewhere: a file with one case a line.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use arena_bundle::Recording;
use arena_evaluate::CaseInput;
use arena_model::{
    Author, CaseId, CaseKey, Digest, Hasher, Measured, MeasuredTurn, Message, Outcome, Record, Role, Usage,
};
use arena_worker::{Matrix, WorkerError};
use serde::Deserialize;
use serde_json::Value;

use crate::exit::{Failure, OrFail};
use crate::settings;

/// Longest line, bytes: as of a record.
const LINE_BYTES: u64 = arena_results::MAX_RECORD_BYTES as u64;
/// Largest file, bytes.
const FILE_BYTES: u64 = 64 << 30;
/// Most lines.
const LINES: usize = 10_000_000;
/// Longest time of a turn, ms: a hundred days.
const LATENCY_MS: f64 = 100.0 * 86_400_000.0;
/// Cases without an output that are listed.
const LISTED: usize = 5;

/// A line as others write it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    scenario: String,
    provider: Option<String>,
    region: Option<String>,
    #[serde(default)]
    trial: u32,
    row: Option<String>,
    variant: Option<String>,
    /// The answer to the only turn.
    answer: Option<String>,
    /// One for each turn.
    answers: Option<Vec<String>>,
    /// The whole conversation.
    messages: Option<Vec<Value>>,
    /// Of the answer to each turn, where it is known.
    #[serde(default)]
    latency_ms: Vec<f64>,
}

/// What names the case of a line, in either form.
#[derive(Deserialize)]
struct Ids {
    #[serde(default)]
    v: Option<u32>,
    scenario: String,
    provider: Option<String>,
    region: Option<String>,
    #[serde(default)]
    trial: u32,
    row: Option<String>,
    variant: Option<String>,
}

impl Ids {
    fn of(line: Line) -> Self {
        let Line { scenario, provider, region, trial, row, variant, .. } = line;
        Self { v: None, scenario, provider, region, trial, row, variant }
    }
}

/// A file of outputs, by the keys of their cases.
pub struct Outputs {
    path: PathBuf,
    file: Mutex<File>,
    /// Offset, length and number of each line.
    places: HashMap<CaseKey, (u64, u64, u64)>,
    /// Digest of all bytes.
    pub digest: Digest,
}

impl Outputs {
    /// Reads the file once. `provider` is whose outputs they are where a line does not say.
    ///
    /// Errors: `OutputInvalid` with the line, `OutputTwice`, `OutputsTooLarge`, `FileUnreadable`.
    pub fn open(path: &Path, provider: Option<&str>) -> Result<Self, Failure> {
        let unreadable =
            |error: std::io::Error| Failure::input("FileUnreadable", format!("{}: {error}", path.display()));
        if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
            return Err(Failure::input("NotAFile", format!("{}: this is not a regular file", path.display())));
        }
        let file = File::open(path).map_err(unreadable)?;
        let large = |what: String| Failure::input("OutputsTooLarge", format!("{}: {what}", path.display()));
        if file.metadata().map_err(unreadable)?.len() > FILE_BYTES {
            return Err(large(format!("the file has more than {FILE_BYTES} bytes")).hint("split it"));
        }
        let (mut reader, mut hasher) = (BufReader::with_capacity(1 << 20, &file), Hasher::default());
        let (mut offset, mut number, mut line, mut places) = (0, 0, Vec::new(), HashMap::new());
        loop {
            line.clear();
            let read = reader.by_ref().take(LINE_BYTES + 1).read_until(b'\n', &mut line).map_err(unreadable)? as u64;
            if read == 0 {
                break;
            }
            number += 1;
            if read > LINE_BYTES {
                return Err(large(format!("line {number} has more than {LINE_BYTES} bytes")));
            }
            hasher.update(&line);
            if !line.trim_ascii().is_empty() {
                let invalid = |why: String| invalid(path, number, &why);
                let ids: Ids = serde_json::from_slice(&line).map_err(|error| invalid(error.to_string()))?;
                let ids = match ids.v {
                    Some(_) => ids,
                    // A line of others has no key that nobody knows.
                    None => Ids::of(serde_json::from_slice(&line).map_err(|error| invalid(error.to_string()))?),
                };
                let provider = ids.provider.or_else(|| provider.map(str::to_owned));
                let provider =
                    provider.ok_or_else(|| invalid("it needs `provider`: the plan has several".to_owned()))?;
                let Ids { scenario, region, trial, row, variant, .. } = ids;
                let id = CaseId { scenario, provider, region, trial, row, variant };
                if let Some((_, _, first)) = places.insert(id.key(), (offset, read, number)) {
                    let text = format!("{}:{number}: the case of line {first} once more", path.display());
                    return Err(
                        Failure::input("OutputTwice", text).hint("each case has one output; trials differ in `trial`")
                    );
                }
                if places.len() > LINES {
                    return Err(large(format!("it has more than {LINES} lines")).hint("split it"));
                }
            }
            offset += read;
        }
        Ok(Self { path: path.to_owned(), file: Mutex::new(file), places, digest: hasher.finish() })
    }

    /// The keys of all cases, one a line.
    pub fn keys(&self) -> Vec<u8> {
        let mut keys: Vec<&str> = self.places.keys().map(|key| key.0.as_str()).collect();
        keys.sort_unstable();
        keys.into_iter().flat_map(|key| [key, "\n"]).collect::<String>().into_bytes()
    }

    /// Refuses outputs of cases that are not in the plan, and cases without one.
    ///
    /// Errors: `OutputUnknown`, `OutputMissing`.
    pub fn check(&self, matrix: &Matrix) -> Result<(), Failure> {
        let (mut found, mut missing, mut short) = (0, Vec::new(), 0_u64);
        let mut known = std::collections::HashSet::new();
        for index in 0..matrix.plan.len() {
            let Some(id) = matrix.id(index).or_fail()? else { continue };
            match self.places.get(&id.key()) {
                Some((.., number)) => {
                    found += 1;
                    known.insert(*number);
                }
                None => {
                    short += 1;
                    if missing.len() < LISTED {
                        missing.push(shown(&id));
                    }
                }
            }
        }
        let unknown = self.places.values().map(|(.., number)| *number).filter(|number| !known.contains(number)).min();
        if let Some(number) = unknown {
            let text =
                format!("{}:{number}: the plan has no such case ({found} of the lines have one)", self.path.display());
            return Err(Failure::input("OutputUnknown", text)
                .hint("scenario, provider, region, trial, row and variant must be those of `arena run`"));
        }
        if short > 0 {
            let text = format!("{}: {short} cases have no output: {}", self.path.display(), missing.join(", "));
            return Err(
                Failure::input("OutputMissing", text).hint("add them, or give --partial to judge the others alone")
            );
        }
        Ok(())
    }

    /// What was said in a case.
    pub fn said(&self, case: &CaseInput) -> Result<Record, WorkerError> {
        let key = case.id.key();
        let missing = || WorkerError::Output { reason: "OutputMissing", text: shown(&case.id) };
        let (offset, length, number) = *self.places.get(&key).ok_or_else(missing)?;
        let wrong = |why: String| WorkerError::Output {
            reason: "OutputInvalid",
            text: format!("{}:{number}: {why}", self.path.display()),
        };
        let mut line = vec![0; length as usize];
        let read = {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(&mut line))
        };
        read.map_err(|error| wrong(error.to_string()))?;
        let ids: Ids = serde_json::from_slice(&line).map_err(|error| wrong(error.to_string()))?;
        if ids.v.is_some() {
            let record: Record = serde_json::from_slice(&line).map_err(|error| wrong(error.to_string()))?;
            return Ok(Record {
                index: case.index,
                checks: Vec::new(),
                error: None,
                usage: Usage::default(),
                cost_usd_micro: Some(0),
                ..record
            });
        }
        let line: Line = serde_json::from_slice(&line).map_err(|error| wrong(error.to_string()))?;
        let latency_ms = times(&line, case.scenario.turns.len()).map_err(wrong)?;
        let messages = messages(line, case).map_err(wrong)?;
        Ok(record(case, messages, &latency_ms))
    }
}

/// The times of a line: none, or one for each turn.
fn times(line: &Line, turns: usize) -> Result<Vec<f64>, String> {
    let times = line.latency_ms.clone();
    if let Some(wrong) = times.iter().find(|ms| !(0.0..=LATENCY_MS).contains(*ms)) {
        return Err(format!("`latency_ms` has {wrong}, and a time is from 0 to {LATENCY_MS} ms"));
    }
    // A conversation that somebody played has as many turns as it has.
    let is_whole = line.messages.is_some();
    if !times.is_empty() && times.len() != turns && !is_whole {
        return Err(format!("`latency_ms` has {} times, and the scenario has {turns} turns", times.len()));
    }
    Ok(times)
}

fn invalid(path: &Path, number: u64, why: &str) -> Failure {
    let text = format!("{}:{number}: {why}", path.display());
    Failure::input("OutputInvalid", text)
        .hint("a line has `scenario` and `answer`, `answers` or `messages`, or is a record of `arena results export`")
}

fn shown(id: &CaseId) -> String {
    let mut text = format!("{} / {} trial {}", id.scenario, id.provider, id.trial);
    for (name, value) in [("region", &id.region), ("row", &id.row), ("variant", &id.variant)] {
        if let Some(value) = value {
            text.push_str(&format!(" {name} {value}"));
        }
    }
    text
}

fn messages(line: Line, case: &CaseInput) -> Result<Vec<Message>, String> {
    let turns = &case.scenario.turns;
    let answers = match (line.answer, line.answers, line.messages) {
        (Some(answer), None, None) => vec![answer],
        (None, Some(answers), None) => answers,
        (None, None, Some(said)) => {
            let messages = Recording::of_messages(&said, &mut Vec::new())?.messages;
            let asked = messages.iter().filter(|message| message.role == Role::User).count();
            // What is beyond the last turn nobody would judge.
            if asked != turns.len() && turns.iter().all(|turn| turn.play.is_none()) {
                return Err(format!("it has {asked} user messages, and the scenario has {} turns", turns.len()));
            }
            return Ok(messages);
        }
        _ => return Err("it needs one of `answer`, `answers` and `messages`".to_owned()),
    };
    if turns.iter().any(|turn| turn.play.is_some()) {
        return Err("the scenario has a turn that a persona plays; give `messages`".to_owned());
    }
    if answers.len() != turns.len() {
        return Err(format!("it has {} answers, and the scenario has {} turns", answers.len(), turns.len()));
    }
    let exchange = |(turn, answer): (&arena_bundle::Turn, String)| {
        let mut asked = Message::text(Role::User, Author::Script, "");
        asked.content = turn.content.clone();
        let mut answer = Message::text(Role::Assistant, Author::Model, answer);
        answer.finish = Some("stop".to_owned());
        [asked, answer]
    };
    Ok(turns.iter().zip(answers).flat_map(exchange).collect())
}

fn record(case: &CaseInput, messages: Vec<Message>, latency_ms: &[f64]) -> Record {
    let id = case.id.clone();
    let mut input = Hasher::default();
    for asked in messages.iter().filter(|message| message.role == Role::User) {
        input.field(asked.content.text().as_bytes());
    }
    let turns: Vec<MeasuredTurn> =
        latency_ms.iter().map(|ms| MeasuredTurn { latency_ms: *ms, ..MeasuredTurn::default() }).collect();
    Record {
        v: 1,
        key: id.key(),
        index: case.index,
        input: input.finish(),
        scenario: id.scenario,
        provider: id.provider,
        region: id.region,
        trial: id.trial,
        row: id.row,
        variant: id.variant,
        outcome: Outcome::Passed,
        reason: None,
        error: None,
        messages,
        events: Vec::new(),
        looks: None,
        checks: Vec::new(),
        usage: Usage::default(),
        cost_usd_micro: Some(0),
        measured: Measured {
            started: settings::now(),
            // A sum of nothing is less than nothing.
            latency_ms: latency_ms.iter().sum::<f64>() + 0.0,
            turns,
            attempts: 1,
            ..Measured::default()
        },
    }
}
