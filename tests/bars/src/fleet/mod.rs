//! The bars of the fleet.

pub mod chaos;
pub mod components;
pub mod conditions;
pub mod equality;
pub mod mission;
mod node;
pub mod objects;
pub mod push;
mod redis;
pub mod size;
pub mod stand;
pub mod tokens;

/// Name of the provider that bundles of questions have, which the objects bind.
pub const PROVIDER: &str = "echo";
