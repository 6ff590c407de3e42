//! Keys of the format that the engine does not act on yet.

use crate::report::Report;
use crate::yaml::Cursor;

/// What it means that a key has no effect.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Without {
    /// The rest works without it.
    Works,
    /// Results would mean something else without it, so each case is an error.
    Fails,
}

/// Tells of each of these keys that is there and not empty.
pub(crate) fn unsupported(cursor: &Cursor<'_>, keys: &[&str], without: Without, report: &mut Report) {
    for entry in cursor.node.entries().iter().filter(|entry| keys.contains(&entry.key.as_str())) {
        if entry.value.is_empty() {
            continue;
        }
        let value = cursor.value_of(entry);
        let problem = if without == Without::Works {
            value.error("FeatureUnsupported", format!("`{}` is not supported yet and has no effect", entry.key))
        } else {
            let message = format!("`{}` is not supported yet: each case is an error", entry.key);
            value.error("FeatureUnsupported", message).hint("remove the key, or leave the scenario out of the arena")
        };
        let problem = problem.at(entry.line, entry.column);
        report.push(if without == Without::Works { problem.warning() } else { problem.defect() });
    }
}
