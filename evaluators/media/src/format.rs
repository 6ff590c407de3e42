//! `image_format` and `audio_format`.

use arena_guest::prelude::*;

use crate::parts::{self, Kind};

/// Longest format that a reason shows, in characters.
const SHOWN: usize = 40;

/// Params of both.
#[derive(Deserialize, Params)]
#[params(validate = Formats::check)]
pub struct Formats {
    /// Formats of which each part must have one, by the names of MIME types: png, jpeg, mp3, wav.
    formats: Vec<String>,
}

impl Formats {
    fn check(&self) -> Result<(), String> {
        if self.formats.is_empty() {
            return Err("parameter `formats`: give at least one format".to_owned());
        }
        match self.formats.iter().position(|format| format.trim().is_empty()) {
            Some(at) => Err(format!("parameter `formats`: entry {at} is empty")),
            None => Ok(()),
        }
    }

    /// The MIME type of each part by the list.
    pub fn judge(&self, subject: &Subject<'_>, kind: Kind) -> Result<Verdict, CheckError> {
        let allowed: Vec<_> = self.formats.iter().map(|format| canonical(format, kind)).collect();
        parts::judge(subject, kind, |media| {
            let mime_type = media.mime_type.as_deref().filter(|text| !text.trim().is_empty());
            let format = canonical(mime_type.ok_or_else(|| media.unknown("MIME type"))?, kind);
            Ok((!allowed.contains(&format)).then(|| format!("its format is {}", excerpt(&format, SHOWN))))
        })
    }
}

/// One name for each format, from a MIME type or from what the user calls it.
fn canonical(text: &str, kind: Kind) -> String {
    let text = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let name = text.rsplit('/').next().unwrap_or_default();
    let name = name.strip_prefix("x-").unwrap_or(name);
    let name = match (kind, name) {
        (Kind::Audio, "mpeg") => "mp3",
        (Kind::Audio, "wave" | "vnd.wave") => "wav",
        (Kind::Image, "jpg") => "jpeg",
        (Kind::Image, "svg+xml") => "svg",
        (_, name) => name,
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_for_each_format() {
        for (kind, text, want) in [
            (Kind::Audio, "audio/mpeg", "mp3"),
            (Kind::Audio, "audio/mp3", "mp3"),
            (Kind::Audio, "MPEG", "mp3"),
            (Kind::Audio, "Audio/X-WAV; rate=16000", "wav"),
            (Kind::Audio, "audio/vnd.wave", "wav"),
            (Kind::Image, "image/mpeg", "mpeg"),
            (Kind::Image, "image/jpeg", "jpeg"),
            (Kind::Image, " JPG ", "jpeg"),
            (Kind::Image, "image/svg+xml", "svg"),
            (Kind::Image, "webp", "webp"),
            (Kind::Image, "image/", ""),
        ] {
            assert_eq!(canonical(text, kind), want, "{text}");
        }
    }
}
