//! `audio_duration` and `video_duration`.

use arena_guest::prelude::*;

use crate::parts::{self, Kind, Media};

/// Params of both.
#[derive(Deserialize, Params)]
#[params(validate = Duration::check)]
pub struct Duration {
    /// Least duration in seconds.
    min_seconds: Option<f64>,
    /// Greatest duration in seconds.
    max_seconds: Option<f64>,
}

impl Duration {
    fn check(&self) -> Result<(), String> {
        if let Some(limit) = self.min_seconds.into_iter().chain(self.max_seconds).find(|limit| *limit < 0.0) {
            return Err(format!("a duration of {limit} seconds is below zero"));
        }
        match (self.min_seconds, self.max_seconds) {
            (None, None) => Err("give `min_seconds` or `max_seconds`".to_owned()),
            (Some(min), Some(max)) if min > max => {
                Err(format!("`min_seconds` {min} is above `max_seconds` {max}: no duration is within both"))
            }
            _ => Ok(()),
        }
    }

    /// All parts of the kind.
    pub fn judge(&self, subject: &Subject<'_>, kind: Kind) -> Result<Verdict, CheckError> {
        parts::judge(subject, kind, |media| {
            let seconds = seconds(media).ok_or_else(|| media.unknown("duration"))?;
            Ok(match (self.min_seconds, self.max_seconds) {
                (Some(min), _) if seconds < min => Some(format!("{seconds} s is below {min} s")),
                (_, Some(max)) if seconds > max => Some(format!("{seconds} s is above {max} s")),
                _ => None,
            })
        })
    }
}

/// From milliseconds, as the contract has it, or from whole seconds, as PromptArena's media have it.
fn seconds(media: &Media) -> Option<f64> {
    media.number("duration_ms").map(|milliseconds| milliseconds / 1000.0).or_else(|| media.number("duration"))
}
