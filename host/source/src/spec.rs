//! Where a bundle comes from.

use serde::{Deserialize, Serialize};

/// A remote that can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Source {
    /// A Git repository over HTTP.
    Git(GitSource),
    /// An artifact in a registry.
    Oci(OciSource),
}

/// A Git repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitSource {
    /// `https://host/path`; `http` is taken, but not with credentials.
    pub url: String,
    /// Which state of it.
    pub reference: GitReference,
    /// The folder in it that is the bundle; none is the whole repository.
    pub path: Option<String>,
}

/// Which state of a repository. The most exact counts: commit, then tag, then branch, then what the remote's HEAD is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitReference {
    /// Without `refs/heads/`.
    pub branch: Option<String>,
    /// Without `refs/tags/`.
    pub tag: Option<String>,
    /// 40 lower-case hex digits. Needs no question to be known; named after the branch, if there is one.
    pub commit: Option<String>,
}

/// An artifact in a registry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OciSource {
    /// `oci://host/repository`, with `:tag` or `@sha256:digest`; the tag is `latest` if there is neither.
    pub url: String,
    /// Plain HTTP.
    pub insecure: bool,
}
