//! From what wasmtime says when it stops a guest to the error that is reported.

use wasmtime::Trap;

use crate::run::cut;
use crate::state::Breach;
use crate::{GuestError, Limits};

/// Which of our names a trap has. wasmtime gives codes for most; a few are only words.
pub(crate) fn from_trap(error: &wasmtime::Error, limits: &Limits) -> GuestError {
    if let Some(Breach(breach)) = error.downcast_ref::<Breach>() {
        return breach.clone();
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => return GuestError::FuelExhausted { limit: limits.fuel },
        Some(Trap::StackOverflow) => return GuestError::StackOverflow,
        Some(trap) => return GuestError::GuestTrap(trap.to_string()),
        None => {}
    }
    let text = format!("{error:#}");
    if error.downcast_ref::<wasmtime::component::ResourceTableError>().is_some()
        || text.contains("store handle limit exceeded")
    {
        return GuestError::ResourceLimit { limit: u64::from(limits.resources) };
    }
    if text.contains("fuel allocated for hostcalls") {
        GuestError::ResultLimit { limit: limits.result }
    } else if text.contains("count too high") || text.contains("exceeds the configured maximum") {
        GuestError::InstanceLimit { limit: u64::from(limits.instances) }
    } else if text.contains("memory minimum size") || text.contains("exceeds memory limits") {
        GuestError::MemoryLimit { wanted: limits.memory + 1, limit: limits.memory }
    } else if text.contains("beyond capacity of MemoryOutputPipe") {
        GuestError::LogLimit { limit: limits.log }
    } else if ["out of bounds", "utf-8", "not aligned", "discriminant", "invalid"]
        .iter()
        .any(|word| text.contains(word))
    {
        GuestError::ResultInvalid(cut(text))
    } else {
        GuestError::GuestTrap(cut(text))
    }
}
