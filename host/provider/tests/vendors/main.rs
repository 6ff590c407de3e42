//! One contract for every vendor, each against a fake of it over real HTTP.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod capabilities;
mod contract;
mod embeddings;
mod parts;
mod secrets;
mod stand;
mod tokens;
mod traffic;
