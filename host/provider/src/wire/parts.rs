//! Media parts of a message, as far as every vendor needs to know them.

use arena_model::Part;
use serde_json::Value;

use crate::error::Cause;

/// A part that is not text: where its bytes are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Media<'a> {
    /// Somewhere on the net, for the vendor to fetch.
    Url { url: &'a str, mime: Option<&'a str> },
    /// Here, in base64.
    Data { data: &'a str, mime: &'a str },
}

impl<'a> Media<'a> {
    /// The media of a part of type image, audio, video or document; none if it has neither bytes nor place, or bytes of
    /// an unknown type.
    pub(super) fn of(part: &'a Part) -> Option<Self> {
        let media = |key: &str| part.media.as_ref().and_then(|media| media.get(key)).and_then(Value::as_str);
        match (media("data"), media("url")) {
            (Some(data), _) => Some(Self::Data { data, mime: media("mime_type")? }),
            (None, Some(url)) => Some(Self::Url { url, mime: media("mime_type") }),
            (None, None) => None,
        }
    }

    /// What `image/png` calls `png`.
    pub(super) fn format(mime: &str) -> &str {
        let format = mime.rsplit('/').next().unwrap_or(mime);
        match format {
            "jpg" => "jpeg",
            "mpeg" => "mp3",
            "x-wav" | "wave" => "wav",
            "plain" => "txt",
            "markdown" => "md",
            "quicktime" => "mov",
            "msword" => "doc",
            "vnd.openxmlformats-officedocument.wordprocessingml.document" => "docx",
            "vnd.openxmlformats-officedocument.spreadsheetml.sheet" => "xlsx",
            other => other,
        }
    }
}

/// A part that this format has no place for.
pub(super) fn unsupported(part: &Part, takes: &'static str) -> Cause {
    Cause::PartUnsupported { kind: part.kind.clone(), takes }
}
