//! Media parts of a conversation, and what is known of them.

use arena_guest::prelude::*;
use arena_guest::serde_json::{self, Map, Value};

/// Most faults that a reason lists.
const LISTED: usize = 10;

/// Kinds of media that checks look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Image,
    Audio,
    Video,
}

impl Kind {
    /// The word of the contract.
    pub fn word(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Video => "video",
        }
    }
}

/// One part.
#[derive(Debug)]
pub struct Media {
    kind: Kind,
    /// Index of its message.
    message: u32,
    /// MIME type; none if nobody said.
    pub mime_type: Option<String>,
    info: Map<String, Value>,
}

impl Media {
    /// For people: `the image in message 3`.
    pub fn place(&self) -> String {
        format!("the {} in message {}", self.kind.word(), self.message)
    }

    /// The number under `name`, if there is one of 0 or more.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.info.get(name).and_then(Value::as_f64).filter(|number| *number >= 0.0)
    }

    /// Why a check cannot judge this part.
    pub fn unknown(&self, what: &str) -> CheckError {
        CheckError::Other(format!("{}: its {what} is not known", self.place()))
    }
}

/// Judges all parts of the kind in what the assistant and its tools said. `fault` says what is wrong with one, if
/// anything is.
pub fn judge(
    subject: &Subject<'_>,
    kind: Kind,
    fault: impl Fn(&Media) -> Result<Option<String>, CheckError>,
) -> Result<Verdict, CheckError> {
    let (mut count, mut faults) = (0_usize, Vec::new());
    for (index, message) in (0_u32..).zip(subject.messages()) {
        if !matches!(message.role, Role::Assistant | Role::Tool) {
            continue;
        }
        for part in message.parts.into_iter().filter(|part| part.kind == kind.word()) {
            let info = serde_json::from_str(&part.info).unwrap_or_default();
            let media = Media { kind, message: index, mime_type: part.mime_type, info };
            count += 1;
            faults.extend(fault(&media)?.map(|fault| format!("{}: {fault}", media.place())));
        }
    }
    let (word, wrong) = (kind.word(), faults.len());
    if count == 0 {
        return Ok(Verdict::fail(format!("the assistant and its tools gave no {word}")));
    }
    if wrong == 0 {
        return Ok(Verdict::pass(format!("all is as asked for; {word} parts: {count}")));
    }
    let more = if wrong > LISTED { format!("; and {} more", wrong - LISTED) } else { String::new() };
    faults.truncate(LISTED);
    Ok(Verdict::fail(format!("{wrong} of {count} {word} parts are not as asked for: {}{more}", faults.join("; "))))
}
