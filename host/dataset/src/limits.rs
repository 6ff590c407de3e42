//! How much a table may cost to read.

use serde::{Deserialize, Serialize};

/// Upper bounds for one table. Whatever is over one of them is an error that names the bound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of the table, unpacked.
    pub bytes: u64,
    /// Rows.
    pub rows: u64,
    /// Bytes of one row; a longer one is malformed.
    pub row_bytes: usize,
    /// Names of columns, of all rows together.
    pub columns: usize,
    /// Bytes of a column's name and of a row's id.
    pub name_bytes: usize,
    /// Rows that are equal to an earlier one.
    pub repeats: usize,
    /// Values of a column by which a sample is stratified.
    pub strata: usize,
    /// Address space of the child that reads it, bytes.
    pub memory_bytes: u64,
    /// Its CPU seconds.
    pub cpu_seconds: u64,
}

impl Default for Limits {
    /// 64 GiB, 100 million rows of 1 MiB, 1,000 columns, names and ids of 256 bytes, 1 million repeated rows,
    /// 10,000 strata; 4 GiB of memory and an hour of CPU to read it.
    fn default() -> Self {
        Self {
            bytes: 64 << 30,
            rows: 100_000_000,
            row_bytes: 1 << 20,
            columns: 1_000,
            name_bytes: 256,
            repeats: 1_000_000,
            strata: 10_000,
            memory_bytes: 4 << 30,
            cpu_seconds: 3_600,
        }
    }
}
