//! The store through its front door: over HTTP, and killed in the middle.
#![allow(clippy::unwrap_used, reason = "test code")]

mod crash;
mod objects;
mod slow;
mod stand;
mod sweep;
mod tokens;
