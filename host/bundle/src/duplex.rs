//! `duplex` of a scenario: both sides speak at once.

use std::time::Duration;

use crate::feature::{Without, unsupported};
use crate::report::Report;
use crate::yaml::Cursor;

/// Keys that tell where somebody falls silent, or what to do when a session ends: scripted turns have neither.
const IGNORED: [&str; 1] = ["resilience"];

/// A conversation of voices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duplex {
    /// Longest time of the case, in place of the arena's.
    pub timeout: Option<Duration>,
}

impl Duplex {
    /// Reads `duplex`.
    pub(crate) fn decode(duplex: &Cursor<'_>, report: &mut Report) -> Self {
        unsupported(duplex, &IGNORED, Without::Works, report);
        if let Some(detection) = duplex.get("turn_detection") {
            unsupported(&detection, &["vad"], Without::Works, report);
        }
        Self { timeout: duplex.duration("timeout", report) }
    }
}
