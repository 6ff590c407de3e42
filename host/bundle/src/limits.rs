//! How much a bundle may cost to read.

use crate::yaml::YamlLimits;

/// Upper bounds for one bundle. Whatever is over one of them is an error that names the bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Entries of the bundle's folders, hidden ones and folders included.
    pub files: usize,
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Bytes of all files together.
    pub total_bytes: u64,
    /// Errors kept, as many defects, and as many warnings.
    pub problems: usize,
    /// Bounds of one YAML or JSON document.
    pub yaml: YamlLimits,
}

impl Default for Limits {
    /// 100,000 entries, 64 MiB a file, 1 GiB in all, 1,000 problems.
    fn default() -> Self {
        Self {
            files: 100_000,
            file_bytes: 64 << 20,
            total_bytes: 1 << 30,
            problems: 1_000,
            yaml: YamlLimits::default(),
        }
    }
}
