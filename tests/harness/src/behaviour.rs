//! What a fake vendor is told to do.

use std::str::FromStr;
use std::time::Duration;

use regex::Regex;

/// How a fake vendor answers. The default answers `ok` at once, for ever.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// What a call that does not fail is answered with.
    pub reply: Reply,
    /// Time between the request and the first byte of the answer.
    pub latency: Duration,
    /// Calls that fail. The first entry whose turn it is decides.
    pub failing: Vec<Failing>,
    /// Finds the case id in a user message (first group, else the whole match); calls are counted by it.
    pub case_pattern: Option<Regex>,
    /// Pieces a streamed text is cut into, at least 1.
    pub pieces: usize,
    /// Answers a streamed request with a plain answer and a plain request with a stream.
    pub swap_form: bool,
    /// The one credential that is let in, whatever header or parameter brings it (of a request signed for AWS, the
    /// access key id); any other call, and one without, gets 401. None lets everybody in.
    pub key: Option<String>,
    /// Tokens reported beside those that the texts amount to.
    pub token_details: TokenDetails,
}

/// Tokens that an answer reports as a kind of their own, on top of a quarter of the bytes of the texts. Each vendor's
/// totals include them where that vendor's do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenDetails {
    /// Tokens of the prompt read from the vendor's cache.
    pub cached: u64,
    /// Tokens of the prompt written to the vendor's cache.
    pub cache_written: u64,
    /// Tokens of reasoning in the answer.
    pub reasoning: u64,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            reply: Reply::Text("ok".into()),
            latency: Duration::ZERO,
            failing: Vec::new(),
            case_pattern: None,
            pieces: 4,
            swap_form: false,
            key: None,
            token_details: TokenDetails::default(),
        }
    }
}

impl Behaviour {
    /// Answers `text` to everything.
    pub fn text(text: impl Into<String>) -> Self {
        Self { reply: Reply::Text(text.into()), ..Self::default() }
    }

    /// The same, failing in the given ways.
    pub fn failing(mut self, failing: impl IntoIterator<Item = Failing>) -> Self {
        self.failing.extend(failing);
        self
    }

    /// The failure of call number `call` (zero-based since the start or the last reset), if it is to fail.
    pub(crate) fn failure(&self, call: u64) -> Option<&Failure> {
        self.failing.iter().find(|failing| call % failing.of.max(1) < failing.first).map(|failing| &failing.how)
    }
}

/// The text of an answer.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Always this.
    Text(String),
    /// The last user message.
    Echo,
    /// The first line whose pattern matches the last user message; status 400 if none does.
    Script(Vec<ScriptLine>),
}

/// One line of a script.
#[derive(Clone, Debug)]
pub struct ScriptLine {
    /// Looked for in the last user message.
    pub pattern: Regex,
    /// The text of the answer.
    pub text: String,
    /// Tool calls beside it: name and arguments (JSON text).
    pub tool_calls: Vec<(String, String)>,
    /// The whole answer instead, without tool calls, once the newest message is a tool's result, so that a loop ends.
    pub after_tool: Option<String>,
}

/// Of every `of` calls, the first `first` fail.
#[derive(Clone, Debug)]
pub struct Failing {
    /// How many of them fail.
    pub first: u64,
    /// Length of the cycle, at least 1.
    pub of: u64,
    /// In what way.
    pub how: Failure,
}

impl Failing {
    /// Every call fails.
    pub fn always(how: Failure) -> Self {
        Self { first: 1, of: 1, how }
    }

    /// The first `count` calls fail, all later ones succeed.
    pub fn first(count: u64, how: Failure) -> Self {
        Self { first: count, of: u64::MAX, how }
    }
}

/// A way to fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// An answer with this status.
    Status {
        /// HTTP status.
        status: u16,
        /// Value of the `Retry-After` header.
        retry_after: Option<String>,
        /// Body; none is an error object that names the status.
        body: Option<String>,
    },
    /// A redirect to this place.
    Redirect(String),
    /// No answer, ever; the connection stays open.
    Hang,
    /// The connection ends in the middle of the answer, which promised more.
    Cut,
    /// A stream that ends properly, but before the model has finished.
    NoFinish,
    /// A stream that goes silent in the middle; the connection stays open.
    Stall,
    /// An answer with a piece that is not JSON.
    Malformed,
    /// A stream in which the vendor reports an error half-way.
    ErrorEvent,
    /// An answer that comes in pieces with pauses of this length between them.
    SlowChunks(Duration),
    /// An answer of this many bytes of text.
    Oversize(usize),
}

/// A failure that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0:?} is no failure: write FIRST/OF:HOW with HOW one of STATUS, STATUS:RETRY-AFTER, hang, cut, no-finish, stall, malformed, error-event, slow:MS, e.g. 1/10:429:2"
)]
pub struct ParseFailureError(String);

impl FromStr for Failing {
    type Err = ParseFailureError;

    /// Reads `FIRST/OF:HOW`, e.g. `1/10:429:2` or `1/3:cut`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseFailureError(text.to_owned());
        let (share, how) = text.split_once(':').ok_or_else(wrong)?;
        let (first, of) = share.split_once('/').ok_or_else(wrong)?;
        let first = first.parse().map_err(|_| wrong())?;
        let of = of.parse().ok().filter(|of| *of > 0).ok_or_else(wrong)?;
        let how = match how {
            "hang" => Failure::Hang,
            "cut" => Failure::Cut,
            "no-finish" => Failure::NoFinish,
            "stall" => Failure::Stall,
            "malformed" => Failure::Malformed,
            "error-event" => Failure::ErrorEvent,
            slow if slow.starts_with("slow:") => {
                Failure::SlowChunks(Duration::from_millis(slow[5..].parse().map_err(|_| wrong())?))
            }
            status => {
                let (status, after) = status.split_once(':').map_or((status, None), |(s, after)| (s, Some(after)));
                let status = status.parse().ok().filter(|s| (400..600).contains(s)).ok_or_else(wrong)?;
                Failure::Status { status, retry_after: after.map(str::to_owned), body: None }
            }
        };
        Ok(Self { first, of, how })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_failures() {
        let failing: Failing = "1/10:429:2".parse().unwrap();
        assert_eq!((failing.first, failing.of), (1, 10));
        assert_eq!(failing.how, Failure::Status { status: 429, retry_after: Some("2".into()), body: None });
        assert_eq!("2/3:cut".parse::<Failing>().unwrap().how, Failure::Cut);
        assert_eq!("1/1:slow:30".parse::<Failing>().unwrap().how, Failure::SlowChunks(Duration::from_millis(30)));
        for wrong in ["1/1:slow:", "cut", "1:cut", "1/0:cut", "1/2:999", "1/2:never"] {
            assert!(wrong.parse::<Failing>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn fails_k_of_n() {
        let behaviour = Behaviour::default().failing([Failing { first: 2, of: 5, how: Failure::Hang }]);
        let failed: Vec<_> = (0..10).filter(|call| behaviour.failure(*call).is_some()).collect();
        assert_eq!(failed, [0, 1, 5, 6]);
    }
}
