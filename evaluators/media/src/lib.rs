//! Checks on images, audio and video in what an assistant and its tools said: takes the whole conversation, gives a
//! verdict on all parts of the kind. Looks at what is known of a part (type, width, height, duration), never at its
//! bytes; what is not known is an error. A conversation without any such part fails.
//!
//! Names and params are those of PromptArena.

mod duration;
mod format;
mod parts;
mod size;

use arena_guest::prelude::*;

use duration::Duration;
use format::Formats;
use parts::Kind;
use size::{Dimensions, Resolution};

/// Checks on images, audio and video.
#[evaluator(name = "media")]
mod checks {
    use super::*;

    /// Passes when there are images and all are of one of the formats.
    #[check(name = "image_format", input = "conversation")]
    fn image_format(subject: &Subject<'_>, params: Formats) -> Result<Verdict, CheckError> {
        params.judge(subject, Kind::Image)
    }

    /// Passes when there is audio and all of it is of one of the formats; `audio/mpeg` is mp3.
    #[check(name = "audio_format", input = "conversation")]
    fn audio_format(subject: &Subject<'_>, params: Formats) -> Result<Verdict, CheckError> {
        params.judge(subject, Kind::Audio)
    }

    /// Passes when there are images and all are of the size.
    #[check(name = "image_dimensions", input = "conversation")]
    fn image_dimensions(subject: &Subject<'_>, params: Dimensions) -> Result<Verdict, CheckError> {
        params.judge(subject)
    }

    /// Passes when there is audio and all of it is as long as asked for.
    #[check(name = "audio_duration", input = "conversation")]
    fn audio_duration(subject: &Subject<'_>, params: Duration) -> Result<Verdict, CheckError> {
        params.judge(subject, Kind::Audio)
    }

    /// Passes when there are videos and all are as long as asked for.
    #[check(name = "video_duration", input = "conversation")]
    fn video_duration(subject: &Subject<'_>, params: Duration) -> Result<Verdict, CheckError> {
        params.judge(subject, Kind::Video)
    }

    /// Passes when there are videos and all are of the size and of one of the presets.
    #[check(name = "video_resolution", input = "conversation")]
    fn video_resolution(subject: &Subject<'_>, params: Resolution) -> Result<Verdict, CheckError> {
        params.judge(subject)
    }
}
