//! Station 2, bundle: takes a folder of PromptKit arena files (or one arena file in it), gives a checked, typed
//! [`Bundle`] or every problem found in it, with file, line and advice. Reads only regular files inside that folder,
//! under [`Limits`]; never talks to a network, never runs anything, never decides which checks, providers or
//! templates exist. [`archive`] packs its files and unpacks those of others.

#![allow(clippy::result_large_err, reason = "a problem is made once per defect, never on a hot path")]

pub mod archive;
mod bundle;
mod component;
mod document;
mod duration;
mod entry;
mod feature;
mod limits;
mod load;
mod problem;
mod prompt;
mod provider;
mod report;
mod scenario;
mod shape;
mod tree;
pub mod yaml;

pub use archive::ArchiveError;
pub use bundle::{Bundle, Defaults};
pub use component::ComponentSpec;
pub use limits::Limits;
pub use load::load;
pub use problem::{Problem, Problems, Severity};
pub use prompt::{Parameters, Prompt, Variable};
pub use provider::{Credential, Headers, Pricing, ProviderDefaults, ProviderSpec, RateLimit};
pub use scenario::{Assertion, Params, Scenario, Turn};
pub use tree::BundleFile;
