//! The operator with real peers: an API server, Redis, the store and a git server. Workers alone are the test's own.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod freezer;
mod job;
mod lease;
mod source;
mod stand;
mod worker;
