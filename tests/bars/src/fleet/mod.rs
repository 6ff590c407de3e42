//! The bars of the fleet.

pub mod chaos;
pub mod conditions;
pub mod equality;
mod objects;
pub mod push;
mod redis;
pub mod size;
mod stand;
pub mod tokens;

/// Name of the provider that bundles of questions have, which the objects bind.
const PROVIDER: &str = "echo";
