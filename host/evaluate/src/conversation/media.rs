//! Media that lie in the bundle, for models that are really asked: a vendor gets the bytes, records keep the path.

use std::borrow::Cow;

use arena_model::{Content, Message, Part};
use arena_provider::Provider;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::Run;
use crate::case::Trouble;

/// Largest file of a part that is sent, bytes. Vendors take less or little more.
const MEDIA_BYTES: usize = 20 << 20;

impl Run<'_> {
    /// Files that a row of a table names must be there, also where nobody looks at them: others were looked for before.
    pub(super) fn check_media(&self) -> Result<(), Trouble> {
        let scenario = &self.case.scenario;
        let contents = scenario.turns.iter().filter(|_| scenario.dataset.is_some()).map(|turn| &turn.content);
        let parts = contents.filter_map(|content| match content {
            Content::Parts(parts) => Some(parts),
            Content::Text(_) => None,
        });
        for path in parts.flatten().filter_map(path_of) {
            let found = self.evaluator.parts.bundle.file(path);
            found.map_err(|problem| Trouble::new("MediaUnusable", format!("`{path}`: {}", problem.message)))?;
        }
        Ok(())
    }

    /// The messages with the bytes of their parts, where `provider` calls somebody who would look at them.
    pub(super) fn with_media<'m>(
        &self,
        messages: Cow<'m, [Message]>,
        provider: &dyn Provider,
    ) -> Result<Cow<'m, [Message]>, Trouble> {
        if provider.endpoint().is_none() || !messages.iter().any(lies_here) {
            return Ok(messages);
        }
        let mut messages = messages.into_owned();
        for message in messages.iter_mut().filter(|message| lies_here(message)) {
            let Content::Parts(parts) = &mut message.content else { continue };
            for part in parts.iter_mut() {
                let Some(path) = path_of(part).map(str::to_owned) else { continue };
                self.fill(part, &path).map_err(|why| Trouble::new("MediaUnusable", format!("`{path}`: {why}")))?;
            }
        }
        Ok(Cow::Owned(messages))
    }

    fn fill(&self, part: &mut Part, path: &str) -> Result<(), String> {
        let bytes = self.evaluator.parts.bundle.read(path).map_err(|problem| problem.message)?;
        if bytes.len() > MEDIA_BYTES {
            return Err(format!("it has more than {MEDIA_BYTES} bytes"));
        }
        let Some(Value::Object(media)) = &mut part.media else { return Ok(()) };
        if media.get("mime_type").is_none_or(|kind| kind.as_str().is_none_or(str::is_empty)) {
            let kind = kind_of(path).ok_or("its type is not known: give `mime_type`")?;
            media.insert("mime_type".to_owned(), kind.into());
        }
        media.insert("data".to_owned(), STANDARD.encode(bytes).into());
        media.remove("file_path");
        Ok(())
    }
}

fn lies_here(message: &Message) -> bool {
    matches!(&message.content, Content::Parts(parts) if parts.iter().any(|part| path_of(part).is_some()))
}

/// The file of a part whose bytes are nowhere else.
fn path_of(part: &Part) -> Option<&str> {
    let media = part.media.as_ref()?;
    let elsewhere = ["data", "url"].iter().any(|key| media.get(*key).is_some_and(Value::is_string));
    media.get("file_path").and_then(Value::as_str).filter(|_| !elsewhere)
}

/// The type of a file by its name.
fn kind_of(path: &str) -> Option<&'static str> {
    let (_, ending) = path.rsplit_once('.')?;
    Some(match ending.to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "wav" => "audio/wav",
        "mp3" => "audio/mpeg",
        "mp4" => "video/mp4",
        "mov" => "video/quicktime",
        "webm" => "video/webm",
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        "md" => "text/markdown",
        "csv" => "text/csv",
        _ => return None,
    })
}
