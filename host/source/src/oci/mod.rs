//! The bundle artifact in a registry: one manifest, a config that says which layer is what, the files as a plain tar,
//! each component as a layer of its own.

mod layout;
mod pull;
mod push;
mod registry;

pub use layout::{ARTIFACT_TYPE, Artifact, BundleConfig, CONFIG_TYPE, ConfigLayer, PACK_TYPE, Role, WASM_TYPE};
pub(crate) use pull::{fetch, inspect, probe};
pub use push::push;
