//! What a folder of the store holds, a page at a time.

use std::collections::BTreeSet;

use cap_std::fs::Dir;
use serde::{Deserialize, Serialize};

use crate::{Disk, Folder, StoreError};

/// Most entries of one page.
pub(crate) const PAGE: usize = 1000;
/// Longest name of an entry, with the slash of a folder.
const NAME_BYTES: usize = 256;

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

impl Page {
    /// Whether it can be the answer to what was asked: after `after`, in order, no more than `limit`, and further on if
    /// there is more. Only then does asking for the next page come to an end.
    pub(crate) fn is_of(&self, after: &str, limit: usize) -> bool {
        let names = self.items.iter().map(|item| item.name.as_str());
        let rising = std::iter::once(after).chain(names.clone()).zip(names.clone()).all(|(one, next)| one < next);
        let short = names.clone().all(|name| name.len() <= NAME_BYTES);
        rising && short && self.items.len() <= limit && !(self.more && self.items.is_empty())
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_was_not_asked_for_is_none() {
        let page = |names: &[&str], more| Page {
            items: names.iter().map(|name| Item { name: (*name).to_owned(), size: 1 }).collect(),
            more,
        };
        assert!(page(&["b", "c"], true).is_of("a", 2));
        assert!(page(&[], false).is_of("", 1));
        let long = "n".repeat(NAME_BYTES + 1);
        for (wrong, why) in [
            (page(&["b", "c"], true), "more than asked for"),
            (page(&["a"], true), "the same again"),
            (page(&[], true), "nothing, and more of it"),
            (page(&[&long], false), "a name no store has"),
        ] {
            assert!(!wrong.is_of("a", 1), "{why}");
        }
        assert!(!page(&["c", "b"], false).is_of("a", 2), "out of order");
    }
}
