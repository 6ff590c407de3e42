//! What a folder of the store holds, a page at a time.

use std::collections::BTreeSet;

use cap_std::fs::Dir;
use serde::{Deserialize, Serialize};

use crate::{Disk, Folder, StoreError};

/// Most entries of one page.
pub(crate) const PAGE: usize = 1000;

/// One entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Within the folder; a folder's ends with a slash.
    pub name: String,
    /// Bytes; 0 for a folder.
    pub size: u64,
}

/// Some entries of a folder, in the order of their names' bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// At most as many as were asked for.
    pub items: Vec<Item>,
    /// Whether there are more after the last.
    pub more: bool,
}

impl Disk {
    /// Entries of `folder` after the one named `after` (empty: from the start), at most `limit` and at most 1,000. A
    /// folder that does not exist is empty.
    pub fn list(&self, folder: &Folder, after: &str, limit: usize) -> Result<Page, StoreError> {
        let limit = limit.clamp(1, PAGE);
        let shown = folder.to_string();
        let Some(dir) = self.folder(&shown)? else { return Ok(Page::default()) };
        // The smallest names after `after`, one more than asked for: a folder of any size takes no more memory.
        let mut names = BTreeSet::new();
        for entry in dir.entries().map_err(StoreError::io(format!("list {shown}")))? {
            let entry = entry.map_err(StoreError::io(format!("list {shown}")))?;
            let Ok(mut name) = entry.file_name().into_string() else { continue };
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                name.push('/');
            }
            if name.as_str() > after {
                names.insert(name);
                if names.len() > limit + 1 {
                    names.pop_last();
                }
            }
        }
        let more = names.len() > limit;
        let items = names.into_iter().take(limit).filter_map(|name| Self::item(&dir, name)).collect();
        Ok(Page { items, more })
    }

    /// None if it was deleted meanwhile.
    fn item(dir: &Dir, name: String) -> Option<Item> {
        let size = if name.ends_with('/') { 0 } else { dir.metadata(&name).ok()?.len() };
        Some(Item { name, size })
    }
}
