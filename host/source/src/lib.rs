//! Station 1, source: takes where a bundle comes from (Git, a registry, a ConfigMap), gives its revision for one cheap
//! question and its files as a tree on disk. [`Fetcher`] asks and fetches in a child process that can be killed, because
//! strangers' servers and packs are parsed there. Never decides whether a tree is a bundle, never stores it, never
//! knows a cluster.

mod auth;
mod child;
mod config_map;
mod docker;
mod error;
mod fetcher;
mod git;
mod http;
pub mod oci;
mod revision;
mod spec;
mod url;

pub use auth::{Auth, Credential};
pub use child::{FetchLimits, fetch_child_main};
pub use config_map::{ConfigMapContent, write_config_map};
pub use docker::{DockerConfig, DockerConfigError};
pub use error::{Reason, SourceError};
pub use fetcher::{Fetch, FetchChild, Fetcher, Settings, Tree};
pub use revision::Revision;
pub use spec::{GitReference, GitSource, OciSource, Source};
pub use url::{Mirror, mirrored};
