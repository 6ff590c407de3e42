//! The life of a run's folder, from outside.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod batches;
mod checksums;
mod comparing;
mod equality;
mod exporting;
mod finalizing;
mod folder;
mod journal;
mod partial;
mod reports;
mod sample;
mod statistics;
mod verifying;
