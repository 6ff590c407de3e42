//! Equality of two runs: everything but what is under `measured` and `origin`.

use std::fs;
use std::io;

use arena_model::Record;
use serde_json::Value;

use crate::row::case_name;
use crate::run_view::SUMMARY;
use crate::{Result, ResultsError, RunView, merkle, records};

/// Differences listed at most; one more line says how many there are.
const MAX_DIFFERENCES: usize = 100;
/// Characters of a value shown at most.
const MAX_SHOWN: usize = 80;

/// What differs between two runs, one line each; empty means equal. At most 100 lines and one that counts the rest.
pub fn equal(a: &RunView, b: &RunView) -> Result<Vec<String>> {
    let mut found = Differences::default();
    let (left, right) = (&a.manifest().work_digest, &b.manifest().work_digest);
    if left != right {
        found.push(format!("workDigest: {left} and {right}: not the same work"));
    }
    let (mut left, mut right) = (records(a)?, records(b)?);
    let (mut one, mut other) = (left.next().transpose()?, right.next().transpose()?);
    loop {
        match (&one, &other) {
            (None, None) => break,
            (Some(x), Some(y)) if x.index == y.index => {
                compare_records(&mut found, x, y)?;
                (one, other) = (left.next().transpose()?, right.next().transpose()?);
            }
            (Some(x), y) if y.as_ref().is_none_or(|y| x.index < y.index) => {
                found.push(format!("{}: only in the first", name(x)));
                one = left.next().transpose()?;
            }
            (_, Some(y)) => {
                found.push(format!("{}: only in the second", name(y)));
                other = right.next().transpose()?;
            }
            (Some(_), None) => break,
        }
    }
    match (summary(a)?, summary(b)?) {
        (None, None) => {}
        (Some(x), Some(y)) => compare(&mut found, SUMMARY, &x, &y),
        (Some(_), None) => found.push(format!("{SUMMARY}: only in the first")),
        (None, Some(_)) => found.push(format!("{SUMMARY}: only in the second")),
    }
    Ok(found.finish())
}

/// Lines of what differs, not more than people read.
#[derive(Default)]
pub(crate) struct Differences {
    lines: Vec<String>,
    more: u64,
}

impl Differences {
    fn push(&mut self, line: String) {
        if self.lines.len() < MAX_DIFFERENCES {
            self.lines.push(line);
        } else {
            self.more += 1;
        }
    }

    pub(crate) fn finish(mut self) -> Vec<String> {
        if self.more > 0 {
            self.lines.push(format!("and {} more", self.more));
        }
        self.lines
    }
}

fn name(record: &Record) -> String {
    format!("case {} ({})", record.index, case_name(record))
}

fn compare_records(found: &mut Differences, a: &Record, b: &Record) -> Result<()> {
    let settled = |record| {
        let value = serde_json::to_value(record).map(merkle::settled);
        value.map_err(|error| ResultsError::RecordInvalid { detail: error.to_string() })
    };
    let (left, right) = (settled(a)?, settled(b)?);
    if left != right {
        compare(found, &name(a), &left, &right);
    }
    Ok(())
}

/// The summary without what is outside equality; none if the run has none yet.
fn summary(run: &RunView) -> Result<Option<Value>> {
    let path = run.file(SUMMARY);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ResultsError::io("read", &path)(error)),
    };
    let mut value: Value = serde_json::from_slice(&bytes)
        .map_err(|error| ResultsError::SegmentCorrupt { path: path.clone(), detail: error.to_string() })?;
    if let Some(fields) = value.as_object_mut() {
        fields.remove("measured");
        fields.remove("origin");
    }
    Ok(Some(value))
}

/// Walks both values down to the places where they differ. The depth is that of the JSON reader's own limit, 128.
pub(crate) fn compare(found: &mut Differences, place: &str, a: &Value, b: &Value) {
    match (a, b) {
        (Value::Object(left), Value::Object(right)) => {
            for (key, x) in left {
                compare(found, &format!("{place}.{key}"), x, right.get(key).unwrap_or(&Value::Null));
            }
            for (key, y) in right.iter().filter(|(key, _)| !left.contains_key(*key)) {
                compare(found, &format!("{place}.{key}"), &Value::Null, y);
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (at, (x, y)) in left.iter().zip(right).enumerate() {
                compare(found, &format!("{place}[{at}]"), x, y);
            }
        }
        (Value::Array(left), Value::Array(right)) => {
            found.push(format!("{place}: {} and {} entries", left.len(), right.len()));
        }
        _ if a != b => found.push(format!("{place}: {} and {}", shown(a), shown(b))),
        _ => {}
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
