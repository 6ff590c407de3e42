//! Arguments that must not get lost from one call to the next.

use arena_guest::prelude::*;

use crate::scope::{Scope, arguments, calls_of};
use crate::{SHOWN, listed, names};

/// Params of `invariant_fields_preserved`.
#[derive(Deserialize, Params)]
#[params(validate = FieldsPreserved::sensible)]
pub struct FieldsPreserved {
    /// The tool.
    tool: String,
    /// Arguments that, once given, every later call of the tool must have too.
    fields: Vec<String>,
    /// `transcript` (default) or `turn`.
    scope: Option<Scope>,
}

impl FieldsPreserved {
    fn sensible(&self) -> Result<(), String> {
        names::not_empty("tool", Some(&self.tool))?;
        names::some("fields", &self.fields)
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Verdict {
        let tool = excerpt(&self.tool, SHOWN);
        let given: Vec<_> = calls_of(subject, self.scope, Some(&self.tool)).iter().map(arguments).collect();
        if given.len() < 2 {
            return Verdict::pass(format!("{} calls of {tool}: nothing can get lost", given.len()));
        }
        let lost = |field: &&String| {
            let first = given.iter().position(|arguments| arguments.contains_key(field.as_str()));
            first.is_some_and(|first| given[first..].iter().any(|arguments| !arguments.contains_key(field.as_str())))
        };
        let lost: Vec<_> = self.fields.iter().filter(lost).collect();
        let kept = self.fields.len() - lost.len();
        let mut reason = format!("{kept} of {} arguments kept over {} calls of {tool}", self.fields.len(), given.len());
        if !lost.is_empty() {
            reason.push_str(&format!("; lost: {}", listed(&lost)));
        }
        Verdict::score(kept as f64 / self.fields.len() as f64, reason).passed(lost.is_empty())
    }
}
