//! Which state of a source: the text that users see and that decides whether something is new.

use std::fmt;

use serde::{Deserialize, Serialize};

/// `main@sha1:COMMIT` of Git, `v1.0@sha256:DIGEST` of a registry (without the name before `@` where none was asked for),
/// the `resourceVersion` of a ConfigMap.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(String);

impl Revision {
    /// Of a commit, by the branch or tag it was found under.
    pub(crate) fn git(name: Option<&str>, commit: &str) -> Self {
        Self(named(name, &format!("sha1:{commit}")))
    }

    /// Of a manifest, by its tag.
    pub(crate) fn oci(tag: Option<&str>, digest: &str) -> Self {
        Self(named(tag, digest))
    }

    /// Of a ConfigMap.
    pub fn config_map(resource_version: &str) -> Self {
        Self(resource_version.to_owned())
    }

    /// A revision that was written down before.
    pub fn parse(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 40 hex digits of a commit.
    pub(crate) fn commit(&self) -> Option<&str> {
        let (_, commit) = self.0.rsplit_once("sha1:")?;
        is_commit(commit).then_some(commit)
    }

    /// `sha256:...` of a manifest.
    pub fn digest(&self) -> Option<&str> {
        let at = self.0.rfind("sha256:")?;
        arena_model::Digest::parse(&self.0[at..]).is_some().then_some(&self.0[at..])
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn named(name: Option<&str>, id: &str) -> String {
    name.map_or_else(|| id.to_owned(), |name| format!("{name}@{id}"))
}

/// Whether this is the full id of a commit.
pub(crate) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_read_as_the_documentation_says() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let digest = arena_model::Digest::of(b"x");
        assert_eq!(Revision::git(Some("main"), commit).as_str(), format!("main@sha1:{commit}"));
        assert_eq!(Revision::git(None, commit).as_str(), format!("sha1:{commit}"));
        assert_eq!(Revision::oci(Some("v1.0"), digest.as_str()).as_str(), format!("v1.0@{digest}"));
        assert_eq!(Revision::config_map("12345").as_str(), "12345");
        assert_eq!(Revision::git(Some("a@sha1:b"), commit).commit(), Some(commit));
        assert_eq!(Revision::oci(Some("v1"), digest.as_str()).digest(), Some(digest.as_str()));
        assert_eq!(Revision::parse("main@sha1:abc").commit(), None);
        assert_eq!(Revision::parse("12345").digest(), None);
    }
}
