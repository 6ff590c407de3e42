//! What we ship for a cluster, on a real one: the image and the chart.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod archive;
mod fleet;
mod image;
mod install;
