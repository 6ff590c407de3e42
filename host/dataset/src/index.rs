//! What is known of a table once it was read.

use std::collections::{BTreeMap, BTreeSet};

use arena_model::Digest;
use serde::{Deserialize, Serialize};

use crate::{DatasetError, INDEX};

/// Bytes of the digest behind an index.
const SEAL: usize = 64;
/// Names of columns that a message lists.
const SHOWN: usize = 20;
/// Least likeness, 0 to 1, of a name that may be meant.
const SIMILAR: f64 = 0.75;

/// `index.json`: where the rows of a table are, and what they have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// Always 1.
    pub v: u32,
    /// Name of the table, for messages.
    pub table: String,
    /// Of the rows with their lines and ids: what a run pins.
    pub content: Digest,
    /// Number of rows, malformed ones among them.
    pub rows: u64,
    /// Number of malformed rows.
    pub malformed: u64,
    /// The first of them.
    pub examples: Vec<Malformed>,
    /// Columns by name.
    pub columns: BTreeMap<String, Column>,
    /// Types of the checks that rows bring along in the column `expected`.
    pub checks: BTreeSet<String>,
    /// Ascending by their first rows.
    pub blocks: Vec<Block>,
    /// Rows with equal ones before them, and how many these are; ascending.
    pub repeats: Vec<(u64, u32)>,
}

/// A column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Rows that have it.
    pub rows: u64,
}

/// A row that is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Malformed {
    /// As [`crate::Row::line`].
    pub line: u64,
    /// What is wrong with it.
    pub why: String,
}

/// Rows that are packed together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// Number of its first row.
    pub first: u64,
    /// Where it starts in the file of rows, bytes.
    pub offset: u64,
    /// Packed bytes.
    pub packed: u32,
    /// Bytes unpacked.
    pub bytes: u32,
    /// BLAKE3 of the packed bytes, the first 32 hex digits.
    pub hash: String,
}

impl Index {
    /// Reads `index.json`.
    ///
    /// # Errors
    /// [`DatasetError::IndexBroken`] for what is damaged or was never one.
    pub fn read(bytes: &[u8]) -> Result<Self, DatasetError> {
        // The last line is the digest of the one before it.
        let (json, seal) = bytes.split_at(bytes.len().saturating_sub(SEAL));
        if seal != crate::build::seal(json).as_bytes() {
            return Err(DatasetError::broken(INDEX, "it is not what was written"));
        }
        serde_json::from_slice(json).map_err(|error| DatasetError::broken(INDEX, error))
    }

    /// Digest of all that decides cases: the rows with their ids, and which there are. Where blocks lie and what the table is
    /// called do not.
    ///
    /// # Errors
    /// [`DatasetError::IndexBroken`] if our own JSON cannot be written.
    pub fn pin(&self) -> Result<Digest, DatasetError> {
        let decides = Self { table: String::new(), blocks: Vec::new(), ..self.clone() };
        Digest::of_json(&decides).map_err(|error| DatasetError::broken(&self.table, error))
    }

    /// Refuses a column that no row has.
    ///
    /// # Errors
    /// [`DatasetError::ColumnMissing`].
    pub fn check_column(&self, column: &str) -> Result<(), DatasetError> {
        if self.columns.contains_key(column) {
            return Ok(());
        }
        if let (true, Some(Malformed { line, why })) = (self.columns.is_empty(), self.examples.first()) {
            let why = format!("none of its rows can be read; line {line}: {why}");
            return Err(DatasetError::Unreadable { table: self.table.clone(), why });
        }
        let names = || self.columns.keys().map(String::as_str);
        let likeness = |name: &&str| strsim::jaro_winkler(name, column);
        let closest = names().max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
        let closest = closest.filter(|name| likeness(name) >= SIMILAR);
        let mut meant = closest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
        let shown: Vec<&str> = names().take(SHOWN).collect();
        meant.push_str(match self.columns.len() {
            0 => "; there is none",
            1 => "; there is ",
            _ => "; there are ",
        });
        meant.push_str(&shown.join(", "));
        if self.columns.len() > SHOWN {
            meant.push_str(&format!(" and {} more", self.columns.len() - SHOWN));
        }
        Err(DatasetError::ColumnMissing { table: self.table.clone(), column: column.to_owned(), meant })
    }

    /// How many rows are equal to `number` and stand before it.
    pub(crate) fn repeats_before(&self, number: u64) -> u32 {
        let at = self.repeats.binary_search_by_key(&number, |(row, _)| *row);
        at.ok().and_then(|at| self.repeats.get(at)).map_or(0, |(_, before)| *before)
    }

    /// Place in `blocks` of the one with the row `number`.
    pub(crate) fn block_of(&self, number: u64) -> Option<usize> {
        if number >= self.rows {
            return None;
        }
        self.blocks.partition_point(|block| block.first <= number).checked_sub(1)
    }

    /// Whether its parts fit together: it may be a stranger's.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.v != 1 {
            return Err("its version is not known here");
        }
        if self.rows == 0 || self.blocks.first().is_none_or(|block| block.first != 0) {
            return Err("it has no rows");
        }
        if !self.blocks.is_sorted_by(|one, other| one.first < other.first) {
            return Err("its blocks are out of order");
        }
        if self.blocks.last().is_some_and(|block| block.first >= self.rows) {
            return Err("it has blocks without rows");
        }
        Ok(())
    }
}
