//! The program as its users meet it: takes a bundle written by a test and a command line, gives what the built binary
//! printed, how it ended and what it recorded. Never links the engine, never leaves a folder of its own, never passes
//! on the user's keys or settings.

#![allow(clippy::missing_errors_doc, reason = "every error here is a test that cannot go on")]

mod bundle;
mod place;
mod program;
mod schemas;
mod world;

pub use bundle::Bundle;
pub use place::{component, example, hostile, program};
pub use program::{Ran, Running};
pub use rustix::process::Signal;
pub use world::{World, until};
