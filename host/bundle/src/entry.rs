//! Which arena file is meant.

use std::path::{Path, PathBuf};

use crate::tree::Folder;
use crate::{Limits, Problem};

/// The name looked for first.
const USUAL: &str = "config.arena.yaml";

/// An opened bundle folder and the arena file in it.
pub(crate) struct Entry {
    pub(crate) root: PathBuf,
    pub(crate) folder: Folder,
    pub(crate) file: String,
}

/// Finds the arena file: the path itself, or in a folder `config.arena.yaml`, else the only `*.arena.yaml` or
/// `arena.yaml`.
pub(crate) fn find(path: &Path, limits: &Limits) -> Result<Entry, Problem> {
    let shown = path.to_string_lossy();
    let metadata = std::fs::metadata(path).map_err(|error| {
        let problem = Problem::of_file(&shown, "BundleMissing", format!("the bundle cannot be opened: {error}"));
        problem.hint("give a folder with an arena file, or the arena file itself")
    })?;
    if metadata.is_dir() {
        let folder = Folder::open(path, limits)?;
        let file = choose(&shown, folder.top_files(limits)?)?;
        return Ok(Entry { root: path.to_owned(), folder, file });
    }
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Problem::of_file(&shown, "PathNotUtf8", "the file's name is not UTF-8"))?;
    if name.starts_with('.') {
        let problem = Problem::of_file(&shown, "FileHidden", "hidden files are no part of a bundle");
        return Err(problem.hint("rename the arena file without the leading dot"));
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(Entry { root: parent.to_owned(), folder: Folder::open(parent, limits)?, file: name.to_owned() })
}

fn choose(shown: &str, names: Vec<String>) -> Result<String, Problem> {
    let mut candidates: Vec<String> = names
        .into_iter()
        .filter(|name| !name.starts_with('.') && (name.ends_with(".arena.yaml") || name == "arena.yaml"))
        .collect();
    if let Some(index) = candidates.iter().position(|name| name == USUAL) {
        return Ok(candidates.swap_remove(index));
    }
    match (candidates.pop(), candidates.len()) {
        (Some(only), 0) => Ok(only),
        (Some(last), _) => {
            candidates.push(last);
            let message = format!("the folder holds several arena files: {}", candidates.join(", "));
            Err(Problem::of_file(shown, "ArenaAmbiguous", message).hint("give the path of the one that is meant"))
        }
        (None, _) => {
            let problem = Problem::of_file(shown, "ArenaMissing", "the folder holds no arena file");
            Err(problem.hint(format!("add {USUAL}, or give the path of the arena file")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(names: &[&str]) -> String {
        match choose("dir", names.iter().map(|name| (*name).to_owned()).collect()) {
            Ok(name) => name,
            Err(problem) => problem.to_string(),
        }
    }

    #[test]
    fn chooses_the_usual_name_or_the_only_one() {
        assert_eq!(chosen(&["a.arena.yaml", "config.arena.yaml"]), "config.arena.yaml");
        assert_eq!(chosen(&["a.arena.yaml", "b.yaml", ".x.arena.yaml"]), "a.arena.yaml");
        assert_eq!(chosen(&["arena.yaml"]), "arena.yaml");
        assert_eq!(
            chosen(&["a.arena.yaml", "arena.yaml"]),
            "dir: error[ArenaAmbiguous]: the folder holds several arena files: a.arena.yaml, arena.yaml; \
             give the path of the one that is meant"
        );
        assert_eq!(
            chosen(&["pack.json"]),
            "dir: error[ArenaMissing]: the folder holds no arena file; \
             add config.arena.yaml, or give the path of the arena file"
        );
    }
}
