//! What a script answers: a word, then numbers and bytes.

use redis::Value;

use crate::{CaseAt, JobId, QueueError, WorkerId};

pub(super) struct Reply {
    pub word: String,
    rest: std::vec::IntoIter<Value>,
}

impl Reply {
    pub fn new(value: Value) -> Result<Self, QueueError> {
        let Value::Array(values) = value else { return Err(unexpected("no list")) };
        let mut rest = values.into_iter();
        let word = match rest.next() {
            Some(Value::BulkString(word)) => String::from_utf8(word).map_err(|_| unexpected("no word")),
            _ => Err(unexpected("no word")),
        };
        Ok(Self { word: word?, rest })
    }

    /// An answer that tells of an error, as that error.
    pub fn refusal(&mut self, job: &JobId, worker: Option<WorkerId>) -> Result<(), QueueError> {
        let job = job.clone();
        Err(match (self.word.as_str(), worker) {
            ("REBUILD", _) => QueueError::Rebuild { job },
            ("SCHEMA", _) => QueueError::SchemaUnknown { job, found: self.text()? },
            ("DIFFERS", _) => QueueError::JobDiffers { job },
            ("WORKER", Some(worker)) => QueueError::WorkerUnknown { job, worker },
            ("WORKERS", _) => QueueError::TooManyWorkers { job, limit: self.number()? as u32 },
            ("LOSERS", _) => QueueError::TooManyLosers { job, limit: self.number()? as u32 },
            ("LANE", _) => QueueError::LaneUnknown { lane: self.number()? as u32, lanes: self.number()? as usize },
            ("CASE", _) => {
                let at = CaseAt { lane: self.number()? as u32, j: self.number()? };
                QueueError::CaseUnknown { at, length: self.number()? }
            }
            _ => return Ok(()),
        })
    }

    pub fn number(&mut self) -> Result<u64, QueueError> {
        match self.rest.next() {
            Some(Value::Int(number)) => u64::try_from(number).map_err(|_| unexpected("a number below zero")),
            _ => Err(unexpected("no number")),
        }
    }

    /// All that is left, which is numbers.
    pub fn numbers(&mut self) -> Result<Vec<u64>, QueueError> {
        (0..self.rest.len()).map(|_| self.number()).collect()
    }

    pub fn bytes(&mut self) -> Result<Vec<u8>, QueueError> {
        match self.rest.next() {
            Some(Value::BulkString(bytes)) => Ok(bytes),
            _ => Err(unexpected("no bytes")),
        }
    }

    pub fn text(&mut self) -> Result<String, QueueError> {
        String::from_utf8(self.bytes()?).map_err(|_| unexpected("no text"))
    }

    /// A list inside.
    pub fn list(&mut self) -> Result<Self, QueueError> {
        match self.rest.next() {
            Some(Value::Array(values)) => Ok(Self { word: String::new(), rest: values.into_iter() }),
            _ => Err(unexpected("no list")),
        }
    }

    /// Number of parts not yet read.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// The word is none that the call may answer.
    pub fn strange<T>(&self) -> Result<T, QueueError> {
        Err(unexpected(&format!("`{}`", self.word)))
    }
}

/// Something other than our scripts answered.
pub(super) fn unexpected(what: &str) -> QueueError {
    QueueError::ServerFailed { why: format!("a script answered {what}, which it never does") }
}
