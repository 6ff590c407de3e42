//! Keys of the format that the engine does not act on yet.

use crate::Severity;
use crate::report::Report;
use crate::yaml::{Cursor, Data};

/// Reports each of these keys that is there and not empty: as a warning if the rest works without it, as an error if
/// results would mean something else without it.
pub(crate) fn unsupported(cursor: &Cursor<'_>, keys: &[&str], severity: Severity, report: &mut Report) {
    for entry in cursor.node.entries().iter().filter(|entry| keys.contains(&entry.key.as_str())) {
        let empty = match &entry.value.data {
            Data::Null => true,
            Data::List(items) => items.is_empty(),
            Data::Mapping(entries) => entries.is_empty(),
            _ => false,
        };
        if empty {
            continue;
        }
        let value = cursor.value_of(entry);
        let problem = if severity == Severity::Warning {
            value
                .error("FeatureUnsupported", format!("`{}` is not supported yet and has no effect", entry.key))
                .warning()
        } else {
            let message = format!("`{}` is not supported yet, and this cannot run without it", entry.key);
            value.error("FeatureUnsupported", message).hint("remove the key, or leave the scenario out of the arena")
        };
        report.push(problem.at(entry.line, entry.column));
    }
}
