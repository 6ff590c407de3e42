//! Images, sounds, films and documents that tools answered with.

use arena_guest::prelude::*;
use arena_guest::{Part, ToolCall};

use crate::scope::{Scope, calls_of};
use crate::{SHOWN, names};

/// The kind of a part that is no media.
const TEXT: &str = "text";

/// Params of `tool_result_has_media`.
#[derive(Deserialize, Params)]
#[params(validate = ToolResultHasMedia::sensible)]
pub struct ToolResultHasMedia {
    /// The tool; without it the results of all tools are looked at.
    #[serde(alias = "tool_name")]
    tool: Option<String>,
    /// Kind of media: image, audio, video or document.
    media_type: String,
    /// `transcript` (default) or `turn`.
    scope: Option<Scope>,
}

impl ToolResultHasMedia {
    fn sensible(&self) -> Result<(), String> {
        if self.media_type.eq_ignore_ascii_case(TEXT) {
            return Err("parameter `media_type`: text is no media".to_owned());
        }
        names::not_empty("media_type", Some(&self.media_type))?;
        names::not_empty("tool", self.tool.as_ref())
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Verdict {
        let wanted = |part: &Part| part.kind.eq_ignore_ascii_case(&self.media_type);
        let calls = calls_of(subject, self.scope, self.tool.as_deref());
        some_part(subject, &calls, &format!("media of type {}", excerpt(&self.media_type, SHOWN)), wanted)
    }
}

/// Params of `tool_result_media_type`.
#[derive(Deserialize, Params)]
#[params(validate = ToolResultMediaType::sensible)]
pub struct ToolResultMediaType {
    /// The tool; without it the results of all tools are looked at.
    #[serde(alias = "tool_name")]
    tool: Option<String>,
    /// MIME type.
    #[serde(alias = "media_type")]
    mime_type: String,
    /// `transcript` (default) or `turn`.
    scope: Option<Scope>,
}

impl ToolResultMediaType {
    fn sensible(&self) -> Result<(), String> {
        names::not_empty("mime_type", Some(&self.mime_type))?;
        names::not_empty("tool", self.tool.as_ref())
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Verdict {
        let of_type = |mime_type: &String| mime_type.eq_ignore_ascii_case(&self.mime_type);
        let wanted = |part: &Part| part.kind != TEXT && part.mime_type.as_ref().is_some_and(of_type);
        let calls = calls_of(subject, self.scope, self.tool.as_deref());
        some_part(subject, &calls, &format!("media of MIME type {}", excerpt(&self.mime_type, SHOWN)), wanted)
    }
}

/// Whether the result of one of `calls` has a part that is `wanted`.
fn some_part(subject: &Subject<'_>, calls: &[ToolCall], what: &str, wanted: impl Fn(&Part) -> bool) -> Verdict {
    match calls.iter().find(|call| result(subject, call).iter().any(&wanted)) {
        Some(call) => Verdict::pass(format!("{} answered with {what}", excerpt(&call.name, SHOWN))),
        None => Verdict::fail(format!("none of {} results has {what}", calls.len())),
    }
}

/// The parts of the message that answers `call`. Results follow the message with the calls; an id may come again later.
fn result(subject: &Subject<'_>, call: &ToolCall) -> Vec<Part> {
    (call.message.saturating_add(1)..subject.len())
        .map_while(|index| subject.message(index).filter(|message| message.role == Role::Tool))
        .filter(|message| message.tool_call_id.as_ref() == Some(&call.id))
        .flat_map(|message| message.parts)
        .collect()
}
