//! Names of jobs, workers, leases and cases.

use std::fmt;
use std::str::FromStr;

use crate::QueueError;

/// Longest job id in bytes; a Kubernetes UID has 36.
const MAX_JOB_ID: usize = 64;

/// Name of a job: 1 to 64 letters, digits and dashes, safe in a key and in a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(String);

impl JobId {
    /// # Errors
    /// [`QueueError::IdInvalid`] for anything but 1 to 64 ASCII letters, digits and dashes.
    pub fn new(text: impl Into<String>) -> Result<Self, QueueError> {
        let text = text.into();
        let fits = (1..=MAX_JOB_ID).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Ok(Self(text));
        }
        Err(QueueError::IdInvalid { what: "job", value: text, want: "1 to 64 letters, digits and dashes" })
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Name of a worker process: 128 random bits, printed as 32 hex digits, never kept over a restart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkerId(pub u128);

impl WorkerId {
    /// A new one.
    ///
    /// # Errors
    /// [`QueueError::RandomUnavailable`] if the system gives no random bytes.
    pub fn random() -> Result<Self, QueueError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| QueueError::RandomUnavailable { why: error.to_string() })?;
        Ok(Self(u128::from_be_bytes(bytes)))
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WorkerId({self})")
    }
}

impl FromStr for WorkerId {
    type Err = QueueError;

    /// Reads what `Display` prints and nothing else.
    fn from_str(text: &str) -> Result<Self, QueueError> {
        let digits = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let parsed = u128::from_str_radix(text, 16).ok().filter(|_| digits);
        let invalid = || QueueError::IdInvalid { what: "worker", value: text.into(), want: "32 lower-case hex digits" };
        parsed.map(Self).ok_or_else(invalid)
    }
}

/// Secret of one lease: 128 random bits. Guards release and fail, nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token(pub u128);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// A case as the queue knows it; the plan maps it to an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CaseAt {
    /// Index of the lane in the job's spec.
    pub lane: u32,
    /// Zero-based place in the lane.
    pub j: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_id_reads_back_and_nothing_else_does() {
        let id = WorkerId::random().unwrap();
        assert_ne!(id, WorkerId::random().unwrap());
        assert_eq!(id.to_string().parse::<WorkerId>().unwrap(), id);
        let signed = format!("+{}", "0".repeat(31));
        for bad in ["", "0", signed.as_str(), &"A".repeat(32), &"0".repeat(33)] {
            assert!(bad.parse::<WorkerId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn job_ids_are_safe_in_keys_and_paths() {
        assert!(JobId::new("a".repeat(64)).is_ok());
        assert_eq!(JobId::new("3f2a-7").unwrap().as_str(), "3f2a-7");
        for bad in ["", "a/b", "a{b}", "a b", "ä", &"a".repeat(65)] {
            assert!(JobId::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_token_does_not_print_itself() {
        assert_eq!(format!("{:?}", Token(42)), "Token(..)");
    }
}
