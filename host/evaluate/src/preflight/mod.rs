//! What can be known before the first case costs anything: params that their check refuses or does not know, checks
//! that no component offers, judges that are not there, templates that lack values.

mod checks;
mod guardrails;
mod names;
mod params;
mod templates;
mod tools;

use std::collections::HashSet;
use std::fmt;

/// Something in a bundle that people should know of before it runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Finding {
    /// Whether the case or check will be `error` whatever the model answers; else it runs, but not as it was meant.
    pub fatal: bool,
    /// Stable name; of a fatal one the same that the record will carry.
    pub reason: &'static str,
    /// File in the bundle, with the line where it is known.
    pub place: String,
    /// What it is about, what is wrong, what to do.
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = if self.fatal { "error" } else { "warning" };
        write!(f, "{}: {severity}[{}] {}", self.place, self.reason, self.text)
    }
}

/// Findings in the order they were made, each once: a global check stands in every scenario.
#[derive(Default)]
struct Findings {
    list: Vec<Finding>,
    known: HashSet<Finding>,
}

impl Findings {
    fn push(&mut self, finding: Finding) {
        if self.known.insert(finding.clone()) {
            self.list.push(finding);
        }
    }
}
