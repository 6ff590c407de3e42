//! Names of a run's files in the store, which has no folders in it, and the way back.

use std::path::{Path, PathBuf};

use super::index::INDEX;

/// The run's own index, which names its segments; its name is taken by the index of the job.
const FOLDER_INDEX: &str = "segments.json";
/// Folder of the files that stand below another.
const SEGMENTS: &str = "segments";
/// Ending of files whose name has none: the store's names have.
const TEXT: &str = "txt";
/// Files that stand in the run's folder itself; all others are segments.
const TOP: [&str; 6] = ["manifest.json", "summary.json", "report.html", "junit.xml", "checksums", INDEX];

/// Name in the store of a file of a run's folder.
pub(super) fn stored_name(file: &Path) -> String {
    if file == Path::new(INDEX) {
        return FOLDER_INDEX.to_owned();
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    if name.contains('.') { name.into_owned() } else { format!("{name}.{TEXT}") }
}

/// Where a stored file stands in a run's folder; none for what does not belong there, such as the index of the job.
pub fn folder_path(stored: &str) -> Option<PathBuf> {
    if stored == INDEX || stored.contains('/') {
        return None;
    }
    if stored == FOLDER_INDEX {
        return Some(PathBuf::from(INDEX));
    }
    let plain = stored.strip_suffix(TEXT).and_then(|name| name.strip_suffix('.')).unwrap_or(stored);
    Some(if TOP.contains(&plain) { PathBuf::from(plain) } else { Path::new(SEGMENTS).join(stored) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_finds_its_place_again() {
        for file in
            TOP.iter().map(PathBuf::from).chain(["segments/00001.jsonl.zst".into(), "segments/00001.strips".into()])
        {
            assert_eq!(folder_path(&stored_name(&file)), Some(file));
        }
        assert_eq!(folder_path(INDEX), None);
        assert_eq!(folder_path("w/1"), None);
    }
}
