//! Sources on real servers: Git's own HTTP backend and a registry, fetched by real children.
#![allow(clippy::unwrap_used, reason = "test code")]

mod child;
mod git;
mod git_errors;
mod git_server;
mod git_trees;
mod registry;
mod registry_server;
mod stand;
