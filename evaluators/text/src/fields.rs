//! Names of fields in the last reply.

use arena_guest::prelude::*;

use crate::phrases::{all_of, not_empty};

/// Params of `field_presence`.
#[derive(Deserialize, Params)]
#[params(validate = FieldPresence::check_fields)]
pub struct FieldPresence {
    /// Names that must all appear anywhere in the text, without regard to case; keys of JSON are for `json_schema`.
    fields: Vec<String>,
}

impl FieldPresence {
    fn check_fields(&self) -> Result<(), String> {
        not_empty("fields", &self.fields)
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Verdict {
        all_of(subject, "fields", &self.fields, false)
    }
}
