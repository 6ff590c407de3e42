//! What is wrong with a table.

use arena_model::{Class, Fault};
use serde::{Deserialize, Serialize};

/// Why a table cannot be used. `table` is its name as the user wrote it.
#[derive(Clone, Debug, Serialize, Deserialize, thiserror::Error)]
pub enum DatasetError {
    /// The name says nothing of the format.
    #[error(
        "{table}: the name tells no format; tables end in .jsonl, .csv, .tsv or .parquet, the first three also with .gz \
         or .zst behind it"
    )]
    FormatUnknown {
        /// The table.
        table: String,
    },
    /// It cannot be read as what its name says.
    #[error("{table}: {why}")]
    Unreadable {
        /// The table.
        table: String,
        /// Where and why.
        why: String,
    },
    /// There is no row in it.
    #[error("{table}: the table has no rows")]
    Empty {
        /// The table.
        table: String,
    },
    /// It is over a limit.
    #[error("{table}: the table has more than {limit} {what}")]
    TooLarge {
        /// The table.
        table: String,
        /// Of what.
        what: String,
        /// The limit.
        limit: u64,
    },
    /// Two rows have one id.
    #[error(
        "{table}: lines {first} and {second} have the same `{column}`, {value:?}; the id of a row must be its own: name \
         another column under `id`, or none"
    )]
    IdRepeated {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The value.
        value: String,
        /// Line of the first.
        first: u64,
        /// Line of the second.
        second: u64,
    },
    /// No row has a column that is asked for.
    #[error("{table}: there is no column `{column}`{meant}")]
    ColumnMissing {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The end of the sentence: what was meant, and which there are.
        meant: String,
    },
    /// Filters and samples left nothing.
    #[error("{table}: none of its {rows} rows is left by {what}")]
    NothingSelected {
        /// The table.
        table: String,
        /// Its rows.
        rows: u64,
        /// The filter.
        what: String,
    },
    /// It changed while it was read.
    #[error("{table}: the table changed while it was read; run again")]
    Changed {
        /// The table.
        table: String,
    },
    /// The index or a block is not what was written.
    #[error("{table}: the index of the table is broken: {why}")]
    IndexBroken {
        /// The table.
        table: String,
        /// Why.
        why: String,
    },
    /// The system refused.
    #[error("{table}: {doing}: {why}")]
    Io {
        /// The table.
        table: String,
        /// What was tried.
        doing: String,
        /// The system's words.
        why: String,
    },
}

impl DatasetError {
    pub(crate) fn io(table: &str, doing: &str) -> impl FnOnce(std::io::Error) -> Self {
        let (table, doing) = (table.to_owned(), doing.to_owned());
        move |error| Self::Io { table, doing, why: error.to_string() }
    }

    pub(crate) fn broken(table: &str, why: impl ToString) -> Self {
        Self::IndexBroken { table: table.to_owned(), why: why.to_string() }
    }
}

impl Fault for DatasetError {
    fn reason(&self) -> &'static str {
        match self {
            Self::FormatUnknown { .. } => "DatasetFormatUnknown",
            Self::Unreadable { .. } => "DatasetUnreadable",
            Self::Empty { .. } => "DatasetEmpty",
            Self::TooLarge { .. } => "DatasetTooLarge",
            Self::IdRepeated { .. } => "DatasetIdRepeated",
            Self::ColumnMissing { .. } => "DatasetColumnMissing",
            Self::NothingSelected { .. } => "NothingSelected",
            Self::Changed { .. } => "DatasetChanged",
            Self::IndexBroken { .. } => "DatasetIndexBroken",
            Self::Io { .. } => "DatasetIo",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::IndexBroken { .. } | Self::Io { .. } => Class::Infra,
            _ => Class::Input,
        }
    }
}
