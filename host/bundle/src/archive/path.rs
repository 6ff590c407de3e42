//! Which paths a bundle's archive may hold, and which of them get in each other's way.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::ArchiveError;

/// Longest path, bytes.
const PATH_BYTES: usize = 512;
/// Most parts of a path.
const PATH_PARTS: usize = 32;
/// Longest part, bytes: what file systems allow.
const PART_BYTES: usize = 255;

/// The normal form of `path`: relative, with `/`, without `.` parts and without a slash at the end. Empty for the root.
pub(super) fn normal(path: &str) -> Result<String, ArchiveError> {
    let refused = |why| Err(ArchiveError::Path { path: path.to_owned(), why });
    if path.len() > PATH_BYTES {
        return refused("it has more than 512 bytes");
    }
    if path.starts_with('/') {
        return refused("it is absolute");
    }
    if path.chars().any(|c| c.is_control() || c == '\\') {
        return refused("it holds a control character or a backslash");
    }
    let mut parts = Vec::new();
    for part in path.strip_suffix('/').unwrap_or(path).split('/') {
        match part {
            "." => {}
            "" if path.is_empty() => {}
            "" => return refused("a part of it is empty"),
            ".." => return refused("it leads out of its folder"),
            _ if part.len() > PART_BYTES => return refused("a part of it has more than 255 bytes"),
            _ => parts.push(part),
        }
    }
    if parts.len() > PATH_PARTS {
        return refused("it has more than 32 parts");
    }
    Ok(parts.join("/"))
}

/// Whether the path is or lies in something hidden, which is no part of a bundle.
pub(super) fn is_hidden(path: &str) -> bool {
    path.split('/').any(|part| part.starts_with('.'))
}

/// The paths of one tree, folded so that a file system that does not tell case apart could hold them.
#[derive(Default)]
pub(super) struct Paths(HashMap<String, Taken>);

struct Taken {
    path: String,
    folder: bool,
}

impl Paths {
    /// Files and folders so far.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Enters a file and the folders it lies in.
    pub(super) fn file(&mut self, path: &str) -> Result<(), ArchiveError> {
        for (at, _) in path.match_indices('/') {
            self.enter(&path[..at], true)?;
        }
        self.enter(path, false)
    }

    fn enter(&mut self, path: &str, folder: bool) -> Result<(), ArchiveError> {
        match self.0.entry(path.to_lowercase()) {
            Entry::Vacant(vacant) => {
                vacant.insert(Taken { path: path.to_owned(), folder });
                Ok(())
            }
            Entry::Occupied(taken) if folder && taken.get().folder && taken.get().path == path => Ok(()),
            Entry::Occupied(taken) => {
                Err(ArchiveError::Collision { path: path.to_owned(), other: taken.get().path.clone() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_paths_become_normal() {
        for (path, expected) in
            [("a", "a"), ("./a/./b", "a/b"), ("a/b/", "a/b"), ("./", ""), ("", ""), ("ü/x y", "ü/x y")]
        {
            assert_eq!(normal(path).unwrap(), expected, "{path}");
        }
        assert!(normal(&"a".repeat(255)).is_ok());
        assert!(normal(&["a"; 32].join("/")).is_ok());
    }

    #[test]
    fn bad_paths_are_refused() {
        let long = ["a".repeat(200), "b".repeat(200), "c".repeat(200)].join("/");
        let deep = ["a"; 33].join("/");
        let wide = "a".repeat(256);
        for path in ["/a", "..", "a/../b", "a/..", "../a", "a//b", "/", "a\\b", "a\nb", "a\0b", &long, &deep, &wide] {
            assert!(matches!(normal(path), Err(ArchiveError::Path { .. })), "{path}");
        }
    }

    #[test]
    fn what_one_file_system_would_merge_collides() {
        for (first, second) in
            [("a", "a"), ("a", "A"), ("dir/a", "Dir/b"), ("a", "a/b"), ("a/b", "a"), ("É", "é"), ("x/y", "X")]
        {
            let mut paths = Paths::default();
            paths.file(first).unwrap();
            let error = paths.file(second).unwrap_err();
            assert!(matches!(error, ArchiveError::Collision { .. }), "{first} {second}: {error}");
        }
        let mut paths = Paths::default();
        for path in ["a/b", "a/c", "ab", "a.b"] {
            paths.file(path).unwrap();
        }
        assert_eq!(paths.len(), 5);
    }
}
