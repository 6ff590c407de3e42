//! What the program writes against the schemas that it publishes.

use std::path::Path;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};
use jsonschema::Validator;
use serde_json::Value;

/// A published schema.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Published {
    /// Of one record.
    Record,
    /// Of `summary.json`.
    Summary,
}

impl Published {
    fn validator(self) -> Result<&'static Validator> {
        static RECORD: OnceLock<Result<Validator, String>> = OnceLock::new();
        static SUMMARY: OnceLock<Result<Validator, String>> = OnceLock::new();
        let (once, name) = match self {
            Self::Record => (&RECORD, "record.schema.json"),
            Self::Summary => (&SUMMARY, "summary.schema.json"),
        };
        let read = || {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(name);
            let text = std::fs::read(&path).map_err(|error| format!("{name}: {error}"))?;
            let schema: Value = serde_json::from_slice(&text).map_err(|error| format!("{name}: {error}"))?;
            jsonschema::validator_for(&schema).map_err(|error| format!("{name}: {error}"))
        };
        match once.get_or_init(read) {
            Ok(validator) => Ok(validator),
            Err(text) => bail!("{text}"),
        }
    }

    /// Fails for a value that the schema does not describe.
    pub(crate) fn check(self, text: &[u8]) -> Result<()> {
        let value: Value = serde_json::from_slice(text)?;
        if let Some(error) = self.validator()?.iter_errors(&value).next() {
            bail!("not as the published schema has it: {error} at {}", error.instance_path());
        }
        Ok(())
    }
}

/// Holds the summary of a run's folder, if it has one, against its schema.
pub(crate) fn check_summary(folder: &Path) -> Result<()> {
    match std::fs::read(folder.join("summary.json")) {
        Ok(text) => Published::Summary.check(&text).context("summary.json"),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}
