//! The files of one commit, out of a pack of strangers. The one place that speaks to libgit2, and only about files that
//! are on the disk already.

use std::io::Write as _;
use std::path::Path;

use arena_bundle::archive::TreeWriter;
use git2::{ErrorCode, Indexer, ObjectType, Odb, Oid, Repository, RepositoryInitOptions, Tree};

use crate::SourceError;
use crate::error::Reason;

const TREE: i32 = 0o040_000;
const LINK: i32 = 0o120_000;
const SUBMODULE: i32 = 0o160_000;
/// Links that lead to links.
const HOPS: usize = 8;
/// Longest target of a link, bytes.
const TARGET_BYTES: usize = 512;
/// How a file starts that only says where its content is.
const LFS: &[u8] = b"version https://git-lfs.github.com/spec/";

/// A repository with one pack in it.
pub(super) struct Pack {
    repository: Repository,
    indexer: Option<Indexer<'static>>,
}

impl Pack {
    /// An empty repository in the folder `at`.
    pub(super) fn new(at: &Path) -> Result<Self, SourceError> {
        let mut options = RepositoryInitOptions::new();
        options.bare(true).external_template(false);
        let repository = Repository::init_opts(at, &options).map_err(|error| failed("make a repository", &error))?;
        let packs = repository.path().join("objects/pack");
        // Without the check for connections: the history is left out.
        let indexer = Indexer::new(None, &packs, 0, false).map_err(|error| failed("begin a pack", &error))?;
        Ok(Self { repository, indexer: Some(indexer) })
    }

    /// Adds bytes of the pack.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), SourceError> {
        match &mut self.indexer {
            Some(indexer) => indexer.write_all(bytes).map_err(|error| broken(&error.to_string())),
            None => Err(broken("it goes on after its end")),
        }
    }

    /// Writes the files below `path` of the commit, none of them larger than `limit` bytes.
    pub(super) fn unpack(
        mut self,
        commit: &str,
        path: &str,
        to: &mut TreeWriter<'_>,
        limit: u64,
    ) -> Result<(), SourceError> {
        if let Some(indexer) = self.indexer.take() {
            indexer.commit().map_err(|error| broken(error.message()))?;
        }
        let repository = &self.repository;
        let odb = repository.odb().map_err(|error| failed("open the objects", &error))?;
        odb.refresh().map_err(|error| failed("open the objects", &error))?;
        let id = Oid::from_str(commit).map_err(|error| broken(error.message()))?;
        let commit = repository.find_commit(id).map_err(|error| match error.code() {
            ErrorCode::NotFound => Reason::RefNotFound.because(format!("{commit} is no commit of the repository")),
            _ => broken(error.message()),
        })?;
        let whole = commit.tree().map_err(|error| broken(error.message()))?;
        let root = match path {
            "" => whole,
            path => {
                let missing =
                    || Reason::PathMissing.because(format!("the repository has no folder {path:?}; mend `path`"));
                let entry = whole.get_path(Path::new(path)).map_err(|_| missing())?;
                entry.to_object(repository).ok().and_then(|object| object.into_tree().ok()).ok_or_else(missing)?
            }
        };
        Walk { repository, odb: &odb, root: &root, limit }.folder(&root, to)
    }
}

struct Walk<'a> {
    repository: &'a Repository,
    odb: &'a Odb<'a>,
    root: &'a Tree<'a>,
    /// Largest file, bytes.
    limit: u64,
}

impl Walk<'_> {
    /// Every file, folder by folder.
    fn folder(&self, root: &Tree<'_>, to: &mut TreeWriter<'_>) -> Result<(), SourceError> {
        let mut folders = vec![(String::new(), root.id())];
        while let Some((folder, id)) = folders.pop() {
            let tree = self.repository.find_tree(id).map_err(|error| broken(error.message()))?;
            for entry in &tree {
                let name = entry.name().map_err(|_| {
                    let shown = String::from_utf8_lossy(entry.name_bytes()).into_owned();
                    Reason::TreePath
                        .because(format!("{folder}/{shown} is no path for a bundle: it is not UTF-8; rename it"))
                })?;
                // Other implementations let a tree hold such names; a path is checked as a whole, a name is not.
                if name.contains('/') {
                    return Err(broken("a name holds a slash"));
                }
                let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
                match entry.filemode() & 0o170_000 {
                    TREE => {
                        if to.folder(&path)? {
                            folders.push((path, entry.id()));
                        }
                    }
                    SUBMODULE => to.pass()?,
                    LINK if !to.takes(&path)? => to.pass()?,
                    LINK => {
                        let id = self.follow(&path, entry.id())?;
                        self.file(&path, id, to)?;
                    }
                    _ => self.file(&path, entry.id(), to)?,
                }
            }
        }
        Ok(())
    }

    fn file(&self, path: &str, id: Oid, to: &mut TreeWriter<'_>) -> Result<(), SourceError> {
        // Asked for first: a file over the limit is never in memory.
        let (size, kind) = self.odb.read_header(id).map_err(|error| broken(error.message()))?;
        if kind != ObjectType::Blob {
            return Err(broken("a file that is none"));
        }
        if !to.takes(path)? {
            return Ok(to.pass()?);
        }
        if size as u64 > self.limit {
            return Err(Reason::TreeFile.because(format!("{path:?} has more than {} bytes; leave it out", self.limit)));
        }
        let blob = self.repository.find_blob(id).map_err(|error| broken(error.message()))?;
        let mut content = blob.content();
        if content.starts_with(LFS) {
            let message =
                format!("{path:?} is kept in Git LFS, which is not fetched; put the file itself into the repository");
            return Err(Reason::LfsUnsupported.because(message));
        }
        to.file(path, &mut content)?;
        Ok(())
    }

    /// The file that a link leads to, as a folder on disk would have it: only within the bundle.
    fn follow(&self, path: &str, link: Oid) -> Result<Oid, SourceError> {
        let refused = |why: &str| {
            let message = format!("the link {path:?} {why}; put the file itself there");
            Reason::LinkInvalid.because(message)
        };
        let (mut at, mut id) = (path.to_owned(), link);
        for _ in 0..HOPS {
            let blob = self.repository.find_blob(id).map_err(|error| broken(error.message()))?;
            let target = std::str::from_utf8(blob.content()).ok().filter(|target| target.len() <= TARGET_BYTES);
            let target = target.ok_or_else(|| refused("has no readable target"))?;
            at = resolve(&at, target).ok_or_else(|| refused("leads out of the bundle"))?;
            let entry = self.root.get_path(Path::new(&at)).map_err(|_| refused("leads nowhere"))?;
            id = entry.id();
            match entry.filemode() & 0o170_000 {
                TREE | SUBMODULE => return Err(refused("leads to a folder")),
                LINK => {}
                _ => return Ok(id),
            }
        }
        Err(refused("leads from link to link"))
    }
}

/// The path that a link at `at` with this target means; none if it leaves the root.
fn resolve(at: &str, target: &str) -> Option<String> {
    if target.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = at.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// The remote's fault.
fn broken(why: &str) -> SourceError {
    Reason::ArtifactInvalid.because(format!("the remote's pack cannot be read: {why}"))
}

/// Ours.
fn failed(doing: &str, error: &git2::Error) -> SourceError {
    Reason::Failed.because(format!("cannot {doing}: {}; look at the disk", error.message()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_resolved_within_the_root() {
        for (at, target, expected) in [
            ("a/b", "c", Some("a/c")),
            ("a/b", "../c", Some("c")),
            ("a", "./b//c", Some("b/c")),
            ("a/b", "../../c", None),
            ("a", "..", None),
            ("a", ".", None),
            ("a", "/etc/passwd", None),
        ] {
            assert_eq!(resolve(at, target).as_deref(), expected, "{at} -> {target}");
        }
    }
}
