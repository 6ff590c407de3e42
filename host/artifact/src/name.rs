//! Names of objects and folders. The grammar is narrow on purpose: lower case, no dots at the start, no escapes, so that
//! a name is a path on disk and in a URL as it stands, and nothing else can be written or reached.

use std::fmt;

use arena_model::Digest;

/// Longest namespace and job id, bytes.
const LABEL: usize = 63;
/// Longest file name among results, bytes.
const FILE: usize = 64;
/// Longest name of a pin, bytes.
const PIN: usize = 253;
/// Most digits of a segment's number.
const SEQ_DIGITS: usize = 12;
/// Digits of a worker's id.
const WORKER_DIGITS: usize = 32;

/// An object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the fields are parts of the path")]
pub enum Name {
    /// `NAMESPACE/artifacts/HEX`: any bytes under their own digest.
    Artifact { namespace: String, digest: Digest },
    /// `NAMESPACE/results/JOB/WORKER/SEQ`: a segment of records.
    Segment { namespace: String, job: String, worker: String, seq: u64 },
    /// `NAMESPACE/results/JOB/FILE`: the index, the summary, a report.
    Result { namespace: String, job: String, file: String },
    /// `NAMESPACE/pins/NAME`: a [`crate::Pin`].
    Pin { namespace: String, name: String },
}

/// A folder that can be listed. Written with a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are parts of the path")]
pub enum Folder {
    /// `NAMESPACE/artifacts/`
    Artifacts { namespace: String },
    /// `NAMESPACE/results/`: one folder per job.
    Jobs { namespace: String },
    /// `NAMESPACE/results/JOB/`: files, and one folder per worker.
    Results { namespace: String, job: String },
    /// `NAMESPACE/results/JOB/WORKER/`
    Segments { namespace: String, job: String, worker: String },
    /// `NAMESPACE/pins/`
    Pins { namespace: String },
}

impl Name {
    /// Reads a path; none if it is not exactly a name.
    pub fn parse(path: &str) -> Option<Self> {
        let mut parts = path.split('/');
        let namespace = label(parts.next()?)?;
        let name = match (parts.next()?, parts.next()?, parts.next(), parts.next()) {
            ("artifacts", hex, None, None) => {
                Self::Artifact { namespace, digest: Digest::parse(&format!("sha256:{hex}"))? }
            }
            ("pins", name, None, None) => Self::Pin { namespace, name: pin(name)? },
            ("results", job, Some(file), None) => {
                Self::Result { namespace, job: label(job)?, file: result_file(file)? }
            }
            ("results", job, Some(worker_id), Some(number)) => {
                Self::Segment { namespace, job: label(job)?, worker: worker(worker_id)?, seq: seq(number)? }
            }
            _ => return None,
        };
        parts.next().is_none().then_some(name)
    }

    /// The folder it lies in.
    pub fn folder(&self) -> Folder {
        match self.clone() {
            Self::Artifact { namespace, .. } => Folder::Artifacts { namespace },
            Self::Segment { namespace, job, worker, .. } => Folder::Segments { namespace, job, worker },
            Self::Result { namespace, job, .. } => Folder::Results { namespace, job },
            Self::Pin { namespace, .. } => Folder::Pins { namespace },
        }
    }

    /// The last part.
    pub fn leaf(&self) -> String {
        match self {
            Self::Artifact { digest, .. } => digest.hex().to_owned(),
            Self::Segment { seq, .. } => seq.to_string(),
            Self::Result { file, .. } => file.clone(),
            Self::Pin { name, .. } => name.clone(),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.folder(), self.leaf())
    }
}

impl Folder {
    /// Reads a path with a slash at the end; none if it is not exactly a folder.
    pub fn parse(path: &str) -> Option<Self> {
        let mut parts = path.strip_suffix('/')?.split('/');
        let namespace = label(parts.next()?)?;
        let folder = match (parts.next()?, parts.next(), parts.next()) {
            ("artifacts", None, None) => Self::Artifacts { namespace },
            ("pins", None, None) => Self::Pins { namespace },
            ("results", None, None) => Self::Jobs { namespace },
            ("results", Some(job), None) => Self::Results { namespace, job: label(job)? },
            ("results", Some(job), Some(id)) => Self::Segments { namespace, job: label(job)?, worker: worker(id)? },
            _ => return None,
        };
        parts.next().is_none().then_some(folder)
    }

    pub(crate) fn namespace(&self) -> &str {
        match self {
            Self::Artifacts { namespace }
            | Self::Jobs { namespace }
            | Self::Results { namespace, .. }
            | Self::Segments { namespace, .. }
            | Self::Pins { namespace } => namespace,
        }
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Artifacts { namespace } => write!(f, "{namespace}/artifacts/"),
            Self::Jobs { namespace } => write!(f, "{namespace}/results/"),
            Self::Results { namespace, job } => write!(f, "{namespace}/results/{job}/"),
            Self::Segments { namespace, job, worker } => write!(f, "{namespace}/results/{job}/{worker}/"),
            Self::Pins { namespace } => write!(f, "{namespace}/pins/"),
        }
    }
}

fn is_word(text: &str, also: &[u8]) -> bool {
    text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || also.contains(&b))
}

/// A namespace or a job's uid: lower-case letters, digits and dashes, a letter or digit at both ends.
pub(crate) fn label(text: &str) -> Option<String> {
    let ends = !text.starts_with('-') && !text.ends_with('-');
    (!text.is_empty() && text.len() <= LABEL && ends && is_word(text, b"-")).then(|| text.to_owned())
}

/// Labels with dots between them.
fn pin(text: &str) -> Option<String> {
    (text.len() <= PIN && text.split('.').all(|part| label(part).is_some())).then(|| text.to_owned())
}

/// A file with an extension, so that it is never the id of a worker.
fn result_file(text: &str) -> Option<String> {
    let parts = text.split('.').all(|part| !part.is_empty() && is_word(part, b"-_"));
    (text.len() <= FILE && text.contains('.') && parts).then(|| text.to_owned())
}

fn worker(text: &str) -> Option<String> {
    let hex = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    (text.len() == WORKER_DIGITS && hex).then(|| text.to_owned())
}

fn seq(text: &str) -> Option<u64> {
    let digits = text.len() <= SEQ_DIGITS && !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const WORKER: &str = "00112233445566778899aabbccddeeff";

    #[test]
    fn names_are_read_and_written_alike() {
        for path in [
            format!("team-a/artifacts/{HEX}"),
            format!("team-a/results/3f1c-9/{WORKER}/17"),
            "team-a/results/3f1c-9/index.json".to_owned(),
            "team-a/pins/source.3f1c-9".to_owned(),
        ] {
            assert_eq!(Name::parse(&path).unwrap().to_string(), path);
            assert!(Folder::parse(&path).is_none());
        }
        for path in ["a/artifacts/", "a/pins/", "a/results/", "a/results/j/", &format!("a/results/j/{WORKER}/")] {
            assert_eq!(Folder::parse(path).unwrap().to_string(), path);
            assert!(Name::parse(path).is_none());
        }
    }

    #[test]
    fn nothing_else_is_a_name() {
        let upper = HEX.to_uppercase();
        for path in [
            "",
            "/",
            "a",
            "a/artifacts",
            "../artifacts/x",
            "a/artifacts/..",
            "a//x",
            "A/pins/x",
            "-a/pins/x",
            "a/pins/.x",
            "a/pins/x..y",
            "a/pins/X",
            "a/pins/x/y",
            "a/pins/x\0",
            "a/pins/x%2fy",
            "a/results/j/.lock",
            "a/results/j/index",
            "a/results/j/Index.json",
            "a/results/../index.json",
            "a/results/j/..",
            "a/tombstones/x",
            ".partial/x/y",
            &format!("a/artifacts/{upper}"),
            &format!("a/artifacts/{HEX}0"),
            &format!("a/artifacts/{HEX}/x"),
            &format!("a/results/j/{WORKER}/0"),
            &format!("a/results/j/{WORKER}/01"),
            &format!("a/results/j/{WORKER}/+1"),
            &format!("a/results/j/{WORKER}/1/2"),
            &format!("a/results/j/{WORKER}0/1"),
            &format!("a/results/j/{}/1", WORKER.to_uppercase()),
            &format!("{}/pins/x", "a".repeat(64)),
            &format!("a/results/j/{WORKER}/1234567890123"),
        ] {
            assert!(Name::parse(path).is_none(), "{path}");
        }
        for path in ["", "/", "a/", "a/artifacts", "../", "a/results/../", "a/results/j/x/", "a/results/j//"] {
            assert!(Folder::parse(path).is_none(), "{path}");
        }
    }
}
