//! Git over HTTP, without history.

mod packet;
mod remote;
mod tree;

use std::path::Path;

use arena_bundle::archive::TreeWriter;

use self::remote::{Refs, Remote};
use self::tree::Pack;
use crate::error::Reason;
use crate::revision::is_commit;
use crate::{Auth, FetchLimits, GitReference, GitSource, Revision, SourceError};

/// Longest name of a branch or tag, bytes.
const NAME_BYTES: usize = 255;

/// The revision that the reference stands for now.
pub(crate) async fn probe(source: &GitSource, auth: &Auth, limits: &FetchLimits) -> Result<Revision, SourceError> {
    sub_path(source)?;
    let GitReference { branch, tag, commit } = &source.reference;
    for name in branch.iter().chain(tag) {
        check_name(name)?;
    }
    let remote = Remote::new(&source.url, auth, limits)?;
    if let Some(commit) = commit {
        return match is_commit(commit) {
            true => Ok(Revision::git(branch.as_deref(), commit)),
            false => Err(Reason::RefInvalid.because(format!("{commit:?} is no commit: give all 40 hex digits"))),
        };
    }
    let (name, shown) = match (tag, branch) {
        (Some(tag), _) => (format!("refs/tags/{tag}"), format!("tag {tag:?}")),
        (None, Some(branch)) => (format!("refs/heads/{branch}"), format!("branch {branch:?}")),
        (None, None) => ("HEAD".to_owned(), "HEAD".to_owned()),
    };
    let Refs { id, peeled, head } = remote.find(&name).await?;
    let commit = peeled.or(id).filter(|id| is_commit(id)).ok_or_else(|| {
        let url = crate::url::shown(&source.url);
        Reason::RefNotFound.because(format!("{url} has no {shown}; mend `ref`"))
    })?;
    let name = tag.as_ref().or(branch.as_ref()).or(head.as_ref());
    Ok(Revision::git(name.map(String::as_str), &commit))
}

/// Writes the files of the revision; `scratch` is an empty folder for the pack.
pub(crate) async fn fetch(
    source: &GitSource,
    revision: &Revision,
    auth: &Auth,
    limits: &FetchLimits,
    scratch: &Path,
    to: &mut TreeWriter<'_>,
) -> Result<(), SourceError> {
    let path = sub_path(source)?;
    let commit = revision
        .commit()
        .ok_or_else(|| Reason::RefInvalid.because(format!("{revision} is no revision of a Git repository")))?;
    let remote = Remote::new(&source.url, auth, limits)?;
    let mut pack = Pack::new(&scratch.join("repository"))?;
    remote.pack(commit, |bytes| pack.write(bytes)).await?;
    pack.unpack(commit, &path, to, limits.file_bytes)
}

/// The folder in the repository, without slashes at its ends; empty for the root.
fn sub_path(source: &GitSource) -> Result<String, SourceError> {
    let Some(path) = &source.path else { return Ok(String::new()) };
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let wrong = path.starts_with('/') || parts.contains(&"..") || path.chars().any(char::is_control);
    if wrong || path.len() > 4096 {
        let message = format!("{path:?} is no folder within a repository; give it from the root, without `..`");
        return Err(Reason::PathInvalid.because(message));
    }
    Ok(parts.join("/"))
}

fn check_name(name: &str) -> Result<(), SourceError> {
    let wrong = |c: char| c.is_control() || " ~^:?*[\\@".contains(c);
    if name.is_empty() || name.len() > NAME_BYTES || name.contains(wrong) || name.contains("..") {
        let message = format!("{name:?} is no branch or tag that can be looked for; mend `ref`");
        return Err(Reason::RefInvalid.because(message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_within_a_repository() {
        let path = |path: &str| sub_path(&GitSource { path: Some(path.into()), ..GitSource::default() });
        for (given, expected) in [("a/b/", "a/b"), ("./a", "a"), (".", ""), ("", ""), ("a//b", "a/b")] {
            assert_eq!(path(given).unwrap(), expected, "{given}");
        }
        for given in ["/a", "..", "a/../b", "a\nb"] {
            assert_eq!(path(given).unwrap_err().reason, Reason::PathInvalid, "{given}");
        }
    }

    #[test]
    fn names_of_refs() {
        for name in ["main", "feature/x-1", "v1.0", "ümlaut"] {
            check_name(name).unwrap();
        }
        for name in ["", "a b", "a..b", "HEAD^{}", "a@{1}", "a\nb", "a:b", &"a".repeat(256)] {
            assert_eq!(check_name(name).unwrap_err().reason, Reason::RefInvalid, "{name}");
        }
    }
}
